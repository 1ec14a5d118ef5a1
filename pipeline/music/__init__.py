"""Notes: from and to MIDI, on the time grid, and which of them sound."""
