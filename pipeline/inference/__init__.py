"""Trained models in numpy: one note in, one distribution out; no TensorFlow."""
