"""Which architecture for a small music model? Measured, in bits per note."""
