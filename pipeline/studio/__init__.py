"""A local web page to play with a model: a piano roll, keys, sound, controls and recordings, for this machine alone."""
