"""Studies: many experiments and one page of results."""
