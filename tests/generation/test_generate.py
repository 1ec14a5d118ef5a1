import os
import re
from dataclasses import replace

import numpy as np
import pytest
from factories import (
    CARRIED,
    MODEL_KINDS,
    UNCONSTRAINED,
    make_music,
    make_pedal_midi,
    make_pedal_notes,
    make_quantized_notes,
    make_tiny_model,
)

from pipeline.core.errors import DataError, MidiError
from pipeline.generation import engine, generate
from pipeline.generation.generate import GenerationRequest
from pipeline.generation.sampling import Sampler
from pipeline.midi import piano_roll, reader, writer
from pipeline.notes import quantize

SAMPLING = UNCONSTRAINED.model_copy(update={"pitch_top_p": 0.98, "velocity_top_p": 0.98})


@pytest.fixture
def prompt(tmp_path):
    writer.write_notes(make_music(3, 20), tmp_path / "prompt.mid")
    return tmp_path / "prompt.mid"


def test_a_prompt_is_the_notes_of_a_file(prompt):
    notes = reader.read_notes(prompt.read_bytes(), "symusic")
    assert np.array_equal(generate.load_prompt(prompt), quantize.quantize(notes))


@pytest.mark.parametrize("pedal", [False, True])
def test_a_prompt_is_read_as_the_model_read_its_music(pedal, tmp_path):
    (tmp_path / "pedalled.mid").write_bytes(make_pedal_midi())
    model = replace(make_tiny_model(**CARRIED), provenance={"sustain_pedal": pedal})
    generate.generate_from_prompt_file(
        model, GenerationRequest(tmp_path / "pedalled.mid", 1, 0), SAMPLING, tmp_path / "out.mid"
    )
    notes = reader.read_notes((tmp_path / "out.mid").read_bytes(), "symusic")
    assert notes["duration"][:2].tolist() == pytest.approx([1.0 if pedal else 0.5, 0.5], abs=2e-3)


def test_without_a_file_the_prompt_is_one_middle_c():
    assert generate.load_prompt(None).tolist() == [[0, 50, 60, 64, 0]]


def test_a_prompt_that_is_no_midi_is_named(tmp_path):
    (tmp_path / "text.mid").write_text("no music")
    with (tmp_path / "large.mid").open("wb") as file:
        file.truncate(30 * 2**30)  # it takes no space
    os.mkfifo(tmp_path / "pipe.mid")
    for name in ("text.mid", "absent.mid", "large.mid", "pipe.mid"):
        with pytest.raises(MidiError, match=rf"{name}: .*give a MIDI file with notes"):
            generate.load_prompt(tmp_path / name)


@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_what_is_written_is_the_prompt_and_what_was_played(kind, tmp_path):
    model, given = make_tiny_model(**kind), make_quantized_notes(3, 8)
    generate.generate_file(
        model, given, GenerationRequest(None, 15, 7), SAMPLING, tmp_path / "out.mid"
    )
    choose = Sampler(np.random.default_rng(7), SAMPLING)
    expected = quantize.dequantize(
        np.concatenate([given, engine.generate_notes(model, given, 15, choose)])
    )
    writer.write_notes(expected, tmp_path / "expected.mid")
    assert (tmp_path / "out.mid").read_bytes() == (tmp_path / "expected.mid").read_bytes()
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("writes_prompt", "remark"), [(True, " (prompt gray)"), (False, "")])
def test_the_title_of_a_roll_names_the_color_of_a_prompt(
    writes_prompt, remark, tmp_path, monkeypatch
):
    titles = []
    monkeypatch.setattr(
        piano_roll, "save_piano_roll", lambda _, title, *others: titles.append(title)
    )
    model, request = make_tiny_model(), GenerationRequest(None, 3, 7, writes_prompt=writes_prompt)
    given = make_quantized_notes(3, 8)
    generate.generate_file(model, given, request, SAMPLING, tmp_path / "out.mid")
    assert titles == [f"{model.architecture}: out{remark}"]


def test_a_name_that_cannot_be_printed_is_written_and_drawn(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff$x.mid")
    generate.generate_file(
        make_tiny_model(), make_quantized_notes(3, 8), GenerationRequest(None, 3, 7), SAMPLING, path
    )
    assert path.exists() and path.with_suffix(".png").exists()


def test_a_full_file_ends_the_music_with_a_message(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(generate, "MAX_FILE_CELLS", 3000)
    generate.generate_file(
        make_tiny_model(),
        make_quantized_notes(3, 8),
        GenerationRequest(None, 500, 7),
        SAMPLING,
        tmp_path / "out.mid",
    )
    message = " ".join(capsys.readouterr().err.split())
    assert re.search(
        r"out.mid: full after \d+ notes of 500; a MIDI file holds 9,999.999 s$", message
    )
    monkeypatch.undo()
    generate.generate_file(
        make_tiny_model(),
        make_quantized_notes(3, 8),
        GenerationRequest(None, 500, 7),
        SAMPLING,
        tmp_path / "whole.mid",
    )
    assert capsys.readouterr().err == ""
    some, whole = (
        reader.read_notes((tmp_path / f"{name}.mid").read_bytes(), "symusic")
        for name in ("out", "whole")
    )
    assert 20 < (some["onset"] + some["duration"]).max() <= 30 < whole["onset"][-1]
    assert set(some["onset"].tolist()) <= set(whole["onset"].tolist())


def test_a_file_holds_what_ends_with_its_last_cell(tmp_path):
    rows = [[0, 0, 60, 60], *[[1000, 5, 60, 60]] * 999, [900, 99, 60, 60]]
    last = quantize.dequantize(np.array(rows, np.int16))
    assert (
        round((last["onset"][-1] + last["duration"][-1]) / quantize.GRID_SECONDS)
        == generate.MAX_FILE_CELLS
    )
    writer.write_notes(last, tmp_path / "full.mid")


def test_the_same_seed_writes_the_same_bytes(prompt, tmp_path):
    def written(name: str, seed: int | list[int]) -> list[bytes]:
        generate.generate_from_prompt_file(
            make_tiny_model(**CARRIED),
            GenerationRequest(prompt, 12, seed),
            SAMPLING,
            tmp_path / name / "sample.mid",
        )
        return [(tmp_path / name / file).read_bytes() for file in ("sample.mid", "sample.png")]

    one = written("one", [4, 1])
    assert written("two", [4, 1]) == one
    assert written("three", [4, 2])[0] != one[0]


def test_a_file_begins_with_the_notes_of_its_prompt(prompt, tmp_path):
    generate.generate_from_prompt_file(
        make_tiny_model(), GenerationRequest(prompt, 6, 0), SAMPLING, tmp_path / "out.mid"
    )
    notes = reader.read_notes((tmp_path / "out.mid").read_bytes(), "symusic")
    assert sorted(notes["pitch"][:8]) == sorted(generate.load_prompt(prompt)[:8, quantize.PITCH])
    assert notes["onset"][0] == 0


@pytest.mark.parametrize("kind", [*MODEL_KINDS, {"heads": "categorical", "head_dim": 4, **CARRIED}])
def test_weights_too_large_to_say_anything_are_an_error_and_no_file(kind, tmp_path):
    model = make_tiny_model(**kind)
    huge = {name: np.full_like(weight, 1e38) for name, weight in model.weights.items()}
    with pytest.raises(DataError, match=r"probabilities sum to nan; .* train the model again"):
        generate.generate_from_prompt_file(
            replace(model, weights=huge),
            GenerationRequest(None, 9, 0),
            SAMPLING,
            tmp_path / "out.mid",
        )
    assert not list(tmp_path.iterdir())


def test_a_prompt_that_is_longer_than_a_file_is_refused_unless_it_is_left_out(tmp_path):
    prompt = np.tile(np.array([[1000, 50, 60, 64]], np.int16), (1100, 1))
    arguments = (SAMPLING, tmp_path / "out.mid")
    with pytest.raises(MidiError, match=r"longer than the 9,999\.999 s .* --no-prompt"):
        generate.generate_file(make_tiny_model(), prompt, GenerationRequest(None, 3, 7), *arguments)
    request = GenerationRequest(None, 3, 7, writes_prompt=False)
    generate.generate_file(make_tiny_model(), prompt, request, *arguments)
    assert len(reader.read_notes((tmp_path / "out.mid").read_bytes(), "symusic")) == 3


PEDAL_MODEL = {"heads": "categorical", "head_dim": 4, "model_velocity": True, **CARRIED}


@pytest.mark.parametrize("model_pedal", [False, True])
def test_a_file_has_a_pedal_only_if_the_model_has_it(model_pedal, tmp_path):
    prompt = make_pedal_notes(3, 20)
    request, path = GenerationRequest(None, 30, 7), tmp_path / "out.mid"
    model = make_tiny_model(**PEDAL_MODEL, model_pedal=model_pedal)
    generate.generate_file(model, prompt, request, SAMPLING, path)
    notes = reader.read_notes(path.read_bytes(), "symusic")
    assert len(notes) == 50
    assert notes["pedal"][:20].any() == model_pedal
    assert notes["pedal"][20:].any() == model_pedal


def test_a_model_without_the_pedal_plays_the_same_after_a_prompt_with_one():
    model, sampler = make_tiny_model(**PEDAL_MODEL), Sampler(np.random.default_rng(1), SAMPLING)
    with_pedal = make_pedal_notes(3, 20)
    played = engine.generate_notes(model, with_pedal, 20, sampler)
    sampler = Sampler(np.random.default_rng(1), SAMPLING)
    assert np.array_equal(engine.generate_notes(model, with_pedal[:, :4], 20, sampler), played)
    assert not played[:, quantize.PEDAL].any()
