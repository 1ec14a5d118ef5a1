"""What a note is: arrays, the 10 ms grid, sounding notes."""
