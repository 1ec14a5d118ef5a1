"""How well a model tells notes, what it plays, and what it costs."""
