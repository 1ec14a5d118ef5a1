"""TensorFlow takes its thread count once in a process, before anything else."""

from pipeline.training import trainer

trainer.set_determinism(0, 1)
