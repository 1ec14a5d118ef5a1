"""Which architecture for a small music model? Measured, in bits per note.

The map of the house, from the ground up; a module imports only from its own row and those above it here.

    errors, note                                          what a note is, what can go wrong
    files, params, paths, progress, recipes, sections     every value and every file; whole writes; bars
    archives, chunks, corpus, download, manifest, midi, pedal, sources, splits, tables   from a corpus to notes
    encoding, layers, mixture, sounding, spread           notes on the grid; layers and densities in numpy
    constraints, copies, floors, likeness, metrics, passages, sampling, windows   what is learned from and measured
    chain, heads, network, storage, streaming             a trained model without TensorFlow
    nn                                                    build and train, with TensorFlow
    decision, findings, playing, readme, report, results, roll, scoring, shipping, study   what people look at
    stages                                                one file per DVC stage
    commands                                              one short function per command
    cli                                                   all commands under one name
"""
