"""The report page: one HTML file that needs nothing else, made of figures, tables, piano rolls and players.

html: a tag with its text escaped. scale: a value to a place on an axis. axes, lines, bars, steps: kinds of figures, as
SVG that takes its colours from the page. blocks: what a section is made of. found: all that was measured. quality,
sound, cost: sections. story: the answers of the first screen. music: samples as rolls and players read them. build: all
of it to HTML.
"""
