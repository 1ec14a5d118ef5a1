"""Models for other programs, and the model that the package bundles."""
