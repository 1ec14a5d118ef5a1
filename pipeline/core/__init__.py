"""Infrastructure shared by all packages: files, errors, processes, paths."""
