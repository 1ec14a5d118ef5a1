"""The commands, one short function each, in a file for each kind of work; what is heavy, a command imports itself."""
