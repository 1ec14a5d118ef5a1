"""Train a model with TensorFlow."""

from pipeline.models import keras as keras  # imports TensorFlow once, without its messages
