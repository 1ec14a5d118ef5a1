"""TensorFlow takes its thread count once in a process, before anything else."""

from pipeline.nn import training

training.prepare(0, 1)
