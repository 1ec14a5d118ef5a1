"""`python -m pipeline` is the command `music-rnn`."""

from pipeline.cli import main

main()
