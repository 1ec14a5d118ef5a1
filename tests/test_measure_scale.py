"""tools/measure_scale.py."""

from pathlib import Path

import numpy as np
import pytest
from factories import ROOT, make_ingest_summary, make_music

from pipeline.core import checksums, paths
from pipeline.corpus import ingest_summary, tables
from pipeline.corpus.tables import NotesWriter, PieceRow
from tools import measure_scale
from tools.measure_scale import Cost


def write_source() -> list[PieceRow]:
    """Write the tables of a corpus of two pieces in the current folder."""
    paths.NOTES.parent.mkdir(parents=True)
    pieces = [make_music(seed, 20 + seed) for seed in range(2)]
    with NotesWriter(paths.NOTES) as writer:
        for index, notes in enumerate(pieces):
            writer.write_piece(index, notes)
    rows = [
        PieceRow(index, f"{index}.mid", "work", "train", len(notes), 9.0, "0" * 64)
        for index, notes in enumerate(pieces)
    ]
    tables.write_pieces(paths.PIECES, rows)
    ingest_summary.save_summary(paths.INGEST_SUMMARY, make_ingest_summary())
    return rows


def test_a_corpus_of_copies_has_all_pieces_so_many_times(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = write_source()
    source = in_folder.absolute()
    (in_folder / "copies").mkdir()
    monkeypatch.chdir(in_folder / "copies")
    measure_scale.write_corpus(str(source), 3)
    checksums.verify_checksums(paths.NOTES.parent, "")
    copied = tables.read_pieces(paths.PIECES)
    assert [row.index for row in copied] == list(range(6))
    assert [row.num_notes for row in copied] == [row.num_notes for row in rows] * 3
    pieces = list(tables.read_notes(paths.NOTES, range(6)))
    originals = [make_music(seed, 20 + seed) for seed in range(2)]
    assert (pieces[0] == originals[0]).all()
    for copy in (1, 2):
        notes = pieces[2 * copy + 1]
        semitones = notes["pitch"].astype(int) - originals[1]["pitch"]
        assert len(set(semitones.tolist())) == 1
        assert semitones[0] != 0
        assert not np.allclose(notes["onset"], originals[1]["onset"])
        assert notes["onset"] == pytest.approx(originals[1]["onset"], rel=0.06)


def test_a_copy_stays_within_the_keyboard() -> None:
    notes = make_music(1, 20)
    notes["pitch"][:2] = 1, 127
    for copy in range(30):
        pitches = measure_scale.change_notes(notes, copy)["pitch"].astype(int)
        assert pitches.max() - pitches.min() == 126


def test_a_process_is_measured() -> None:
    script = "import json; data = bytearray(300_000_000); sum(range(3_000_000))"
    cpu_seconds, peak_bytes, _ = measure_scale.measure_process(["-c", script])
    assert cpu_seconds > 0.02
    assert peak_bytes > 300_000_000


def test_pages_of_files_are_told_from_other_memory(tmp_path: Path) -> None:
    path = tmp_path / "mapped"
    np.zeros(100_000_000, np.uint8).tofile(path)
    script = (
        "import mmap, time; data = b'x' * 50_000_000; "
        f"file = open({str(path)!r}, 'rb'); pages = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ); "
        "pages.find(b'x'); time.sleep(0.3)"
    )
    _, peak_bytes, anonymous_bytes = measure_scale.measure_process(["-c", script])
    assert peak_bytes > 150_000_000
    assert 50_000_000 < anonymous_bytes < 100_000_000


def test_the_memory_of_the_program_itself_is_not_that_of_a_process() -> None:
    numbers = np.ones(20_000_000)
    _, peak_bytes, _ = measure_scale.measure_process(["-c", "pass"])
    assert 1_000_000 < peak_bytes < numbers.nbytes


def test_a_process_that_fails_ends_the_program_with_its_log() -> None:
    with pytest.raises(SystemExit, match="nothing to see"):
        measure_scale.measure_process(["-c", "raise ValueError('nothing to see')"])


def test_costs_are_extrapolated_along_a_line() -> None:
    costs = [
        Cost("windows", 1_000_000, 3.0, 200_000_000, 150_000_000, 8_000_000),
        Cost("windows", 5_000_000, 11.0, 200_000_000, 150_000_000, 40_000_000),
    ]
    table = measure_scale.format_extrapolation(costs, 100_000_000)
    assert table.splitlines()[-1] == (
        "| windows | 1.00 + 2.000 × 100 = 201 | 150.00 + 0.000 × 100 = 150 | 0.00 + 8.000 × 100 = 800 |"
    )
    assert measure_scale.format_costs(costs).splitlines()[-1] == (
        "| 5,000,000 | windows | 11.0 | 200 | 150 | 40.0 |"
    )


def test_a_cost_that_falls_is_not_extrapolated_below_zero() -> None:
    costs = [
        Cost("evaluate", 1_000_000, 4.0, 160_000_000, 160_000_000, 0),
        Cost("evaluate", 5_000_000, 3.0, 120_000_000, 120_000_000, 0),
    ]
    assert measure_scale.format_extrapolation(costs, 100_000_000).splitlines()[-1] == (
        "| evaluate | does not grow: 4 | does not grow: 160 | 0.00 + 0.000 × 100 = 0 |"
    )


def test_params_have_the_values_of_the_measurement(in_folder: Path) -> None:
    from pipeline.config import load_params

    measure_scale.write_params(ROOT, {"architectures": ["expressive"], "compare": {"max_notes": 7}})
    params = load_params(paths.PARAMS)
    assert (params.architectures, params.compare.max_notes) == (["expressive"], 7)
    assert params.compare.split == "validation"
