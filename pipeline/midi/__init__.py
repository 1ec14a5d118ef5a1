"""MIDI files: check, read, write, draw."""
