"""Stage generate."""

from pathlib import Path

import numpy as np
import pretty_midi
from factories import make_music

from pipeline.config import Params
from pipeline.core import paths
from pipeline.stages import generate


def read_first_pitches(path: Path) -> list[int]:
    """Return the pitches of the first notes of a sample, in order."""
    notes = pretty_midi.PrettyMIDI(str(path)).instruments[0].notes
    assert len(notes) == 38
    return [note.pitch for note in sorted(notes, key=lambda note: (note.start, note.pitch))][:5]


def test_samples_begin_with_prompts_that_the_model_which_plays_holds_out(in_made: Path) -> None:
    for name in ("baseline", "bidirectional"):
        midi = sorted(paths.get_samples_dir(name).glob("*.mid"))
        assert [path.stem for path in midi] == ["01", "02", "03"]
        # The first replicate holds out 4.mid.
        assert read_first_pitches(midi[0]) == make_music(4, 190)["pitch"][:5].tolist()


def test_with_seeds_prompts_are_of_the_split_of_the_corpus(
    in_made: Path, small_seeds: Params
) -> None:
    folder = paths.get_samples_dir("baseline")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    generate.run(small_seeds.restrict_to(generate.PARAM_SECTIONS), "baseline")
    pitches = [read_first_pitches(folder / f"0{number}.mid") for number in (1, 2)]
    for path, data in before.items():
        path.write_bytes(data)
    expected = [make_music(piece, 150 + 10 * piece)["pitch"][:5].tolist() for piece in (2, 4)]
    assert pitches == expected


def test_a_piece_that_comes_again_gives_a_later_passage(in_made: Path) -> None:
    first, third = (
        pretty_midi.PrettyMIDI(str(paths.get_samples_dir("baseline") / f"0{k}.mid")) for k in (1, 3)
    )
    assert [n.pitch for n in first.instruments[0].notes[:8]] != [
        n.pitch for n in third.instruments[0].notes[:8]
    ]


def test_each_has_its_piano_roll(in_made: Path) -> None:
    assert all(
        (path.with_suffix(".png")).read_bytes()[:4] == b"\x89PNG"
        for path in paths.SAMPLES.rglob("*.mid")
    )


def test_times_are_sampled_and_samples_repeat_by_seed(in_made: Path, small: Params) -> None:
    path = paths.get_samples_dir("baseline") / "01.mid"
    before = path.read_bytes()
    steps = np.diff([note.start for note in pretty_midi.PrettyMIDI(str(path)).instruments[0].notes])
    assert len(np.unique(steps.round(2))) > 3
    generate.run(small.restrict_to(generate.PARAM_SECTIONS), "baseline")
    assert path.read_bytes() == before
    generate.run(
        small.model_copy(update={"seed": 43}).restrict_to(generate.PARAM_SECTIONS), "baseline"
    )
    assert path.read_bytes() != before
    generate.run(small.restrict_to(generate.PARAM_SECTIONS), "baseline")
