"""A real-time player: notes on time, and a note off for each note on."""
