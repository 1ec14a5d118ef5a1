"""What a note is: arrays, the time grid, active notes, names of pitches and keys."""
