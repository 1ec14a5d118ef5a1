"""From a model to notes."""
