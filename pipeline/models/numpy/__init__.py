"""Networks in NumPy: scoring, generation and playing."""
