"""Stage floors."""

import json
from pathlib import Path

from pipeline.core import paths


def test_floors_are_of_the_pieces_that_decide(in_made: Path) -> None:
    floors = json.loads(paths.NGRAMS.read_text("utf-8"))
    assert list(floors) == ["uniform", "unigram", "trigram", "context_mixing"]
    assert sum(row[1] for row in floors["uniform"]["rows"]) == (170 - 1) + (190 - 1)
    assert (
        floors["trigram"]["bits_per_note"]
        < floors["unigram"]["bits_per_note"]
        < floors["uniform"]["bits_per_note"]
    )
