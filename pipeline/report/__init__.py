"""The report: results of a run as one page, as Markdown, and in the terminal.

tables: results to rows. summary: the statements that every view renders. templates, static: pages and charts. data: all
that was measured. blocks: what a section is made of. sections: one builder a section. charts: SVG that takes its colors
from the page. sample_player: samples to listen to. html: the page. claims, claim_measurements, claims_page: claimed
against measured. page_recipes: its architectures as the page trains them, and at their best. readme: the pages at the top of the project.
"""
