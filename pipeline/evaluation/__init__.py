"""Bits per note of a model, intervals, n-gram reference models and the decision."""
