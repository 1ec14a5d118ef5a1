"""A player that keeps time, and never leaves a note hanging."""
