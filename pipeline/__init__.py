"""Which architecture for a small music model? Measured, in bits per note.

The map of the house, from the ground up; a module imports only from its own row and those above it here.

    errors, files, lifetime, limits, params, paths, progress, recipes, revisions, sections, sums, trees   values, files
    music                                                 notes: from and to MIDI, on the time grid
    corpora                                               from a corpus of files to what training reads
    inference                                             trained models in numpy: score, sample, play
    measures                                              bits per note, likeness, cost
    nn                                                    build and train, with TensorFlow
    evidence                                              what was found, and the pages that show it
    page                                                  the page that people look at, in parts
    live                                                  a player that keeps time
    studio                                                a page to play with a model
    care                                                  whether all is well here; mends what a killed run left
    ci                                                    retrain, and judge what came out
    stages                                                one file per DVC stage
    commands                                              one short function per command
    cli                                                   all commands under one name
"""
