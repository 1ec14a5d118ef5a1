"""Which architecture for a small music model? Measured, in bits per note.

The packages in order of import; a package imports only from itself and those above it.

    core            shared infrastructure: files, errors, processes, paths
    config          params.yaml, checked
    notes           what a note is: arrays, the 10 ms grid, active notes
    midi            MIDI files: validate, read, write, draw
    corpus          from a manifest to Parquet tables of notes and pieces
    dataset         from Parquet to training batches
    models          networks in Keras and in NumPy, and on disk
    training        train a model
    generation      from a model to notes
    evaluation      bits per note, intervals, n-gram models, the decision
    sample_metrics  musical statistics of samples
    benchmark       what models cost
    export          models for other programs
    report          the report page, tables, claims
    experiments     studies: many experiments, one page
    live            a player in real time
    studio          a web page to play with a model
    maintenance     check and repair a project
    ci              plan, gate and retrain
    stages          one module per DVC stage
    cli             the command line
"""

import os

from pipeline.core.threads import set_blas_threads

# Before numpy is imported, in every process: stages, commands, the player, the studio, benchmarks, workers.
set_blas_threads(1)
# Before TensorFlow is imported: its log lines of levels up to ERROR are not for users; it raises what matters.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
