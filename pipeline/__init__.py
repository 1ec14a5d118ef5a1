"""Which architecture for a small music model? Measured, in bits per note.

The map of the house, from the ground up; a module imports only from its own row and those above it here.

    errors, lifetime, note                                what a note is, what can go wrong, who ends with whom
    files, limits, params, paths, progress, recipes, repair, revisions, sections, sums   values, files, Git; bars
    archives, chunks, corpus, download, manifest, midi, pedal, sources, splits, tables   from a corpus to notes
    encoding, layers, mixture, notewise, sounding, spread   notes on the grid; layers and densities in numpy
    constraints, copies, floors, keys, likeness, metrics, passages, sampling, windows   learned from, and measured
    overlap, yardstick                                    what a model plays, held against music
    body, calibration, chain, costs, heads, hearing, latency, network, storage, streaming   models without TensorFlow
    nn                                                    build and train, with TensorFlow
    pairs, seeds                                          how sure one can be
    decision, explain, gate, leaks, measured, results, roll, scoring, shipping, study   what was found
    analysis, claims, findings, findings_page, page, playing, readme, registry, report, retrain   what people look at
    drafts, lateness, phrase, ports, schedule, session, timeline, voices   a live player, in parts
    controls, improviser, performance, player             and put together
    studio                                                a page to play with a model
    doctor, verify                                        whether all is well here
    stages                                                one file per DVC stage
    commands                                              one short function per command
    cli                                                   all commands under one name
"""
