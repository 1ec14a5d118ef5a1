"""From a corpus of files to tables of notes, and to what training reads."""
