"""Check and repair a project."""
