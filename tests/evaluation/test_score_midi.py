import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from factories import MODEL_KINDS, make_music, make_pedal_midi, make_tiny_model

from pipeline.core.errors import DataError, MidiError
from pipeline.evaluation import bits as metrics
from pipeline.evaluation import performance_events, score_midi
from pipeline.midi import reader, writer
from pipeline.models import scoring
from pipeline.notes import quantize


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / "first.mid", tmp_path / "second.mid"]
    for seed, path in enumerate(paths):
        writer.write_notes(make_music(seed, 30 + seed), path)
    return paths


@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_a_file_is_scored_as_its_notes_are(files, kind):
    model = make_tiny_model(**kind)
    scores, failures = score_midi.score_files(model, files)
    assert failures == []
    assert [each.path for each in scores] == files
    for each in scores:
        notes = reader.read_notes(each.path.read_bytes(), "symusic")
        assert np.array_equal(each.notes, notes)
        assert np.array_equal(
            each.bits, scoring.score_pieces(model, [quantize.quantize(notes)], 1)[0]
        )
        assert each.bits.shape == (len(notes) - 1, 3)


@pytest.mark.parametrize("name", ["absent.mid", "large.mid", "pipe.mid"])
def test_what_cannot_be_midi_is_named_and_not_read(tmp_path, name):
    with (tmp_path / "large.mid").open("wb") as file:
        file.truncate(30 * 2**30)  # it takes no space
    os.mkfifo(tmp_path / "pipe.mid")
    with pytest.raises(MidiError, match=rf"{name}: .*give a MIDI file with notes"):
        score_midi.score_file(make_tiny_model(), tmp_path / name)


def test_a_file_is_read_as_the_model_read_its_music(tmp_path):
    path = tmp_path / "pedalled.mid"
    path.write_bytes(make_pedal_midi())
    dry, wet = (
        score_midi.score_file(replace(make_tiny_model(), provenance={"sustain_pedal": each}), path)
        for each in (False, True)
    )
    assert [each.notes["duration"].tolist() for each in (dry, wet)] == [[0.5, 0.5], [1.0, 0.5]]


def test_velocity_is_shown_apart_and_not_in_the_total(tmp_path, capsys):
    score = score_midi.FileScore(
        tmp_path / "a.mid", make_music(0, 5), np.tile([1.0, 2.0, 4.0, 100.0], (4, 1))
    )
    score_midi.print_scores([score])
    shown = capsys.readouterr().out
    assert "7.000" in shown
    assert "velocity" in shown
    score_midi.write_note_scores([score], tmp_path / "scored.parquet")
    assert pq.read_table(tmp_path / "scored.parquet")["bits_velocity"].to_pylist() == [
        None,
        *[100.0] * 4,
    ]


def test_nats_per_event_are_shown_with_what_they_are(files, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    kind = {"heads": "categorical", "head_dim": 4, "model_velocity": True}
    model = make_tiny_model(**kind, input="embedding", embedding_dim=4)
    scores, _ = score_midi.score_files(model, files)
    score_midi.print_scores(scores)
    shown = capsys.readouterr().out
    pieces = [quantize.quantize(each.notes) for each in scores]
    events = performance_events.collect_event_stats(pieces)
    bits = scoring.score_pieces(model, pieces, 2)
    totals = metrics.sum_bits(1, ["a", "b"], ["a", "b"], bits).compute_bits_per_note()
    nats = events.compute_nats_per_event(totals)
    assert shown.splitlines()[-1] == f"{nats:.3f} {performance_events.COMPARABILITY}"
    entries = json.loads(score_midi.format_scores_json(scores, []))["scores"]
    for each, entry in zip(scores, entries, strict=True):
        assert entry["nats_per_event"] == score_midi.compute_nats_per_event([each])
    assert min(entry["nats_per_event"] for entry in entries) < nats
    assert max(entry["nats_per_event"] for entry in entries) > nats


def test_a_model_without_velocity_has_no_nats_per_event(files, capsys):
    scores, _ = score_midi.score_files(make_tiny_model(), files)
    score_midi.print_scores(scores)
    shown = capsys.readouterr().out
    assert shown.splitlines()[-1] == performance_events.NO_VELOCITY
    assert "nats" not in shown.removesuffix(f"{performance_events.NO_VELOCITY}\n")


@pytest.mark.parametrize(
    "name", ["[red]a.mid", "[bold]x[/nope].mid", "\x1b[2Jx.mid", "\udcff.mid", "a" * 90 + "b.mid"]
)
def test_a_name_is_shown_whole_but_for_what_a_terminal_obeys(name, capsys):
    score_midi.print_scores([score_midi.FileScore(Path(name), make_music(0, 5), np.ones((4, 3)))])
    shown = capsys.readouterr().out
    cells = "".join(
        line.split("│")[1].strip(" ") for line in shown.splitlines() if line.startswith("│")
    )
    assert cells.replace(" ", "") == name.replace("\x1b", "").replace("\udcff", "")
    assert "\x1b" not in shown


def test_a_name_that_is_no_text_is_written_with_escapes(tmp_path):
    score_midi.write_note_scores(
        [score_midi.FileScore(Path("\udcff.mid"), make_music(0, 2), np.ones((1, 3)))],
        tmp_path / "scored.parquet",
    )
    assert pq.read_table(tmp_path / "scored.parquet")["file"].to_pylist() == [r"\udcff.mid"] * 2


def test_every_note_is_written_and_the_first_has_no_bits(files, tmp_path):
    scores, _ = score_midi.score_files(make_tiny_model(), files)
    score_midi.write_note_scores(scores, tmp_path / "scored.parquet")
    table = pq.read_table(tmp_path / "scored.parquet").to_pandas()
    heads = ["bits_pitch", "bits_step", "bits_duration"]
    assert list(table) == ["file", "onset", "duration", "pitch", "velocity", "pedal", *heads]
    assert len(table) == sum(len(each.notes) for each in scores)
    for each in scores:
        rows = table[table["file"] == str(each.path)]
        assert rows["onset"].tolist() == each.notes["onset"].tolist()
        assert rows["pitch"].tolist() == each.notes["pitch"].tolist()
        assert rows[heads].iloc[0].isna().all()
        assert np.array_equal(rows[heads].iloc[1:].to_numpy(), each.bits)
    assert pq.read_table(tmp_path / "scored.parquet")["bits_pitch"].null_count == 2


def test_one_row_a_file_is_shown(files, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    scores, _ = score_midi.score_files(make_tiny_model(), files)
    score_midi.print_scores(scores)
    lines = capsys.readouterr().out.splitlines()
    for each in scores:
        (row,) = [line for line in lines if str(each.path) in line]
        figures = [
            f"{len(each.notes)}",
            *(
                f"{value:.3f}"
                for value in (each.bits.sum() / len(each.bits), each.bits[:, 0].mean())
            ),
        ]
        assert [figure for figure in figures if figure not in row] == []


def test_a_file_that_is_no_midi_is_named(tmp_path):
    (tmp_path / "text.mid").write_text("no music")
    for name in ("text.mid", "absent.mid"):
        with pytest.raises(MidiError, match=rf"{name}: .*give a MIDI file with notes"):
            score_midi.score_file(make_tiny_model(), tmp_path / name)


@pytest.mark.parametrize(
    "kind",
    [*MODEL_KINDS, {"heads": "categorical", "head_dim": 4}, {"heads": "mixture", "head_dim": 4}],
)
def test_bits_that_are_no_numbers_are_an_error_and_no_score(files, kind):
    model = make_tiny_model(**kind)
    huge = {name: np.full_like(weight, 1e38) for name, weight in model.weights.items()}
    with pytest.raises(
        DataError,
        match=r"first\.mid: under tiny, 29 of 29 notes have bits .* train the model again",
    ):
        score_midi.score_files(replace(model, weights=huge), files)


def test_a_file_of_one_note_is_named(tmp_path):
    writer.write_notes(make_music(0, 1), tmp_path / "one.mid")
    with pytest.raises(MidiError, match=r"one\.mid: one note only"):
        score_midi.score_file(make_tiny_model(), tmp_path / "one.mid")


def test_a_bad_file_does_not_stop_the_others(files, tmp_path):
    (tmp_path / "bad.mid").write_text("# What is this")
    bad, absent = tmp_path / "bad.mid", tmp_path / "absent.mid"
    scores, failures = score_midi.score_files(make_tiny_model(), [bad, files[0], absent, files[1]])
    assert [score.path for score in scores] == files
    assert failures == [
        score_midi.FileFailure(
            bad, 'starts with "# Wh", not with MThd; give a MIDI file with notes'
        ),
        score_midi.FileFailure(absent, "No such file or directory; give a MIDI file with notes"),
    ]


def test_a_folder_stands_for_the_midi_files_in_it(files, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "empty").mkdir()
    data = files[0].read_bytes()
    for name in ("deep/c.MIDI", "deep/d.kar", ".hidden/d.mid", "._first.mid", "notes.txt"):
        (tmp_path / name).write_bytes(data)
    midi_files, failures = score_midi.find_midi_files([files[1], tmp_path, tmp_path / "empty"])
    assert midi_files == [files[1], tmp_path / "deep/c.MIDI", tmp_path / "deep/d.kar", files[0]]
    assert failures == [
        score_midi.FileFailure(
            tmp_path / "empty", "no file in this folder ends in .mid, .midi, .kar, .rmi"
        )
    ]


def test_json_holds_scores_and_errors(files, tmp_path):
    scores, failures = score_midi.score_files(make_tiny_model(), [*files, tmp_path / "absent.mid"])
    result = json.loads(score_midi.format_scores_json(scores, failures))
    first = scores[0]
    means = first.bits.mean(axis=0)
    assert result["scores"][0] == {
        "file": str(files[0]),
        "notes": len(first.notes),
        "bits_per_note": first.total_bits_per_note,
        "nats_per_event": None,
        "pitch": means[0],
        "step": means[1],
        "duration": means[2],
    }
    assert len(result["scores"]) == 2
    assert [error["file"] for error in result["errors"]] == [str(tmp_path / "absent.mid")]
