"""Hostile files: each is read or refused as its kind says, by both readers; none crashes, hangs or fills the memory."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import kinds
import places

from pipeline.config import Params
from pipeline.core import paths
from pipeline.core.errors import MidiError, PipelineError
from pipeline.corpus import add_folder, archives, tables
from pipeline.midi import reader as midi
from pipeline.notes.note import validate_notes
from pipeline.stages import fetch, ingest

SMALL = list(kinds.files(0, mutants=60, large=False))


@pytest.mark.parametrize("reader", ["symusic", "pretty_midi"])
@pytest.mark.parametrize("each", SMALL, ids=lambda each: f"{each.kind}: {each.name}")
def test_a_file_is_read_or_refused_in_one_line(each: kinds.Hostile, reader: midi.Reader) -> None:
    try:
        validate_notes(midi.read_notes(each.data, reader))
        read = True
    except MidiError as error:
        assert "\n" not in str(error) and str(error).isprintable()
        read = False
    assert each.music is None or read == each.music


def test_equal_seeds_make_equal_files() -> None:
    again = list(kinds.files(0, mutants=60, large=False))
    assert again == SMALL and list(kinds.files(1, mutants=60, large=False)) != SMALL
    assert len({each.name for each in SMALL}) == len(SMALL)


def test_ten_million_notes_are_refused_by_their_size() -> None:
    with pytest.raises(MidiError, match="are more than the 8,388,608 allowed"):
        midi.read_notes(kinds.many(10_000_000), "symusic")


@pytest.mark.slow
def test_the_whole_folder_goes_through_fetch_and_ingest(in_folder: Path, project: Params) -> None:
    music = kinds.midi(kinds.track(kinds.NOTE + kinds.END))
    root = in_folder / "music"
    places.tree(root, music)
    for each in SMALL:
        (root / f"{each.name}.mid").write_bytes(each.data)
    params = project.model_copy(update={"corpus": "hostile"})
    add_folder.add_folder("hostile", root, params.ingest, params.windows.sequence_length)
    fetch.run(params)
    ingest.run(params)
    kept = {row.member for row in tables.read_pieces(paths.PIECES)}
    lines = paths.REJECTED.read_text("utf-8").splitlines()[1:]
    refused = {each.name for each in SMALL if each.music is False}
    assert refused <= {line.partition(".mid,")[0] for line in lines}
    assert all(line.partition(",")[2] for line in lines)
    assert not kept & {f"{name}.mid" for name in refused}
    assert not [name for name in kept if archives.path_problem(name)]


def test_every_hostile_archive_is_refused_in_one_line_and_writes_nothing(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "GIGABYTE", 2**26)
    music = kinds.midi(kinds.track(kinds.NOTE + kinds.END))
    before = set(in_folder.parent.iterdir())
    for trap in places.archives(in_folder / "archives", music):
        with pytest.raises(PipelineError) as caught:
            archive, members = archives.open_zip(trap.path)
            with archive:
                for info in members.values():
                    archives.read_member(archive, info)
                if trap.kind.startswith(("a table", "other bytes", "nested")):
                    raise PipelineError(
                        "a whole zip; what it holds is refused by fetch"
                    )  # in tests/stages/test_fetch.py
        assert "\n" not in str(caught.value)
    assert set(in_folder.parent.iterdir()) == before
