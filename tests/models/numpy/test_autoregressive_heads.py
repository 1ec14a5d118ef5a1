from itertools import pairwise, product

import numpy as np
import pytest
from factories import FunctionSampler
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.schema import ModelConfig
from pipeline.generation.step_heads import AutoregressiveStepHeads
from pipeline.models.numpy.autoregressive_heads import AutoregressiveHeads
from pipeline.models.numpy.heads import Context
from pipeline.models.weight_shapes import weight_shapes
from pipeline.notes import quantize
from pipeline.notes.quantize import (
    DURATION,
    GENERATION_ORDER,
    PITCH,
    STEP,
    TIME_TOKEN_EDGES,
    VELOCITY,
)

H, C = 6, 5
SCORE_ORDER = ("pitch", "step", "duration", "velocity")
COLUMN = {"step": STEP, "pitch": PITCH, "duration": DURATION, "velocity": VELOCITY}
TIMES = ("step", "duration")
KINDS = list(product(("categorical", "mixture"), (False, True), ("scalar", "embedding")))
SEEN = [kind for kind in KINDS if kind[2] == "embedding"]
NOTES = st.tuples(
    st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 127), st.integers(1, 127)
)


def make_heads(head_kind: str, velocity: bool, kind: str, seed: int = 0) -> AutoregressiveHeads:
    """Make heads of random weights whose distributions are broad."""
    recipe = {
        "input": kind,
        "embedding_dim": 8 if kind == "embedding" else 0,
        "model_velocity": velocity,
        "cell": "lstm",
        "learning_rate": 0.001,
    }
    recipe |= {"units": [H], "dropout": 0.0, "dense_units": 0, "output_dropout": 0.0}
    block = ModelConfig.model_validate(
        {**recipe, "heads": head_kind, "head_dim": C, "loss_on": "all", "stateful": True}
    )
    rng = np.random.default_rng(seed)
    weights = {
        name: rng.normal(0, 0.5, shape).astype(np.float32)
        for name, shape in weight_shapes(block).items()
    }
    return AutoregressiveHeads(block, weights)


def make_context(
    kind: str, count: int, seed: int = 0, sounding: tuple[int, ...] = (40, 60, 64)
) -> Context:
    """Make what the heads read before `count` notes; with the embedding input, some keys sound."""
    rng = np.random.default_rng([seed, 1])
    hidden = rng.normal(0, 1, (count, H)).astype(np.float32)
    if kind == "scalar":
        return Context(hidden, None)
    active = np.zeros((count, 128), np.int16)
    active[:, sounding] = rng.integers(20, 300, (count, len(sounding)))
    return Context(hidden, active)


def copy_context(context: Context) -> Context:
    return Context(*(None if part is None else part.copy() for part in context))


def draw_given_note(
    made: AutoregressiveHeads, context: Context, code: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Draw a note whose parts are all chosen in advance; returns it and the masses each was chosen from."""
    masses = {}

    def choose(part: str, mass: np.ndarray) -> int:
        masses[part] = mass
        return int(code[COLUMN[part]])

    note = [0, 0, 0, int(code[VELOCITY])]
    distributions = AutoregressiveStepHeads(made).iterate_distributions(context, note)
    return FunctionSampler(choose).sample_note(distributions, note), masses


def compute_bits(made: AutoregressiveHeads, hidden: Context, *code: int) -> dict[str, float]:
    """Return the bits of each part of one note: step, duration, pitch, velocity."""
    bits = made.bits(hidden, np.array([code], np.int16))[0]
    return dict(zip(SCORE_ORDER, bits, strict=False))


def list_changed_parts(one: dict[str, float], other: dict[str, float]) -> set[str]:
    return {part for part in one if one[part] != other[part]}


@pytest.mark.parametrize("kind", KINDS, ids=str)
@settings(max_examples=25)
@given(note=NOTES, seed=st.integers(0, 50))
def test_bits_are_those_of_the_masses_that_are_drawn_from(kind, note, seed):
    made, hidden, code = (
        make_heads(*kind, seed),
        make_context(kind[2], 1, seed),
        np.array(note, np.int16),
    )
    drawn, masses = draw_given_note(made, hidden.select(0), code)
    assert np.array_equal(drawn, code)
    bits = made.bits(hidden, code[None])[0]
    chosen = [float(masses[part][code[COLUMN[part]]]) for part in SCORE_ORDER[: len(bits)]]
    assert bits == pytest.approx(-np.log2(chosen), abs=1e-4)
    assert np.prod(chosen) == pytest.approx(2 ** -bits.sum(), rel=1e-3)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_many_notes_at_once_are_each_note_alone(kind):
    made, rng = make_heads(*kind), np.random.default_rng(3)
    codes = np.stack(
        [rng.integers(0, 300, 9), rng.integers(0, 300, 9), rng.integers(0, 128, 9)], axis=1
    )
    codes = np.concatenate([codes, rng.integers(1, 128, (9, 1))], axis=1).astype(np.int16)
    hidden = make_context(kind[2], 9)
    together = made.bits(hidden, codes)
    assert together.shape == (9, 4 if kind[1] else 3)
    alone = [
        made.bits(hidden.select(slice(row, row + 1)), codes[row : row + 1])[0] for row in range(9)
    ]
    assert together == pytest.approx(np.array(alone), abs=1e-5)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@settings(max_examples=25)
@given(note=NOTES, seed=st.integers(0, 50))
def test_masses_sum_to_one_and_none_is_negative(kind, note, seed):
    _, masses = draw_given_note(
        make_heads(*kind, seed), make_context(kind[2], 1, seed).select(0), np.array(note, np.int16)
    )
    assert list(masses) == list(GENERATION_ORDER[:4] if kind[1] else GENERATION_ORDER[:3])
    for part, mass in masses.items():
        assert mass.shape == (1001 if part in TIMES else 128,)
        assert mass.sum() == pytest.approx(1, abs=1e-9)
        assert (mass >= 0).all()


@pytest.mark.parametrize("head_kind", ["categorical", "mixture"])
def test_velocity_0_is_impossible_and_all_others_are_possible(head_kind):
    _, masses = draw_given_note(
        make_heads(head_kind, True, "scalar"),
        make_context("scalar", 1).select(0),
        np.array([1, 2, 3, 4], np.int16),
    )
    assert masses["velocity"][0] == 0
    assert (masses["velocity"][1:] > 0).all()


def test_the_velocities_of_a_bin_are_as_likely():
    _, masses = draw_given_note(
        make_heads("categorical", True, "scalar"),
        make_context("scalar", 1).select(0),
        np.array([1, 2, 3, 4], np.int16),
    )
    for low in range(0, 128, 4):
        assert np.ptp(masses["velocity"][max(low, 1) : low + 4]) == 0


def test_a_bin_of_time_spreads_its_mass_evenly_over_its_cells():
    made, hidden = make_heads("categorical", False, "scalar"), make_context("scalar", 1)
    _, masses = draw_given_note(made, hidden.select(0), np.array([3, 4, 5, 6], np.int16))
    for low, high in pairwise(TIME_TOKEN_EDGES):
        assert np.ptp(masses["step"][low:high]) == 0
    assert (
        compute_bits(made, hidden, 999, 4, 5, 6)["step"]
        == compute_bits(made, hidden, 1000, 4, 5, 6)["step"]
    )


def test_a_note_keeps_its_velocity_if_the_heads_have_none():
    code, masses = draw_given_note(
        make_heads("categorical", False, "scalar"),
        make_context("scalar", 1).select(0),
        np.array([1, 2, 3, 99]),
    )
    assert code.tolist() == [1, 2, 3, 99]
    assert code.dtype == np.int16
    assert "velocity" not in masses


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind[1]], ids=str)
def test_each_part_knows_those_before_it_and_none_after(kind):
    made, hidden = make_heads(*kind), make_context(kind[2], 1)
    before = compute_bits(made, hidden, 10, 20, 60, 64)
    assert list_changed_parts(before, compute_bits(made, hidden, 10, 20, 60, 90)) == {"velocity"}
    assert list_changed_parts(before, compute_bits(made, hidden, 10, 35, 60, 64)) == {
        "duration",
        "velocity",
    }
    assert list_changed_parts(before, compute_bits(made, hidden, 10, 20, 61, 64)) == {
        "pitch",
        "duration",
        "velocity",
    }
    assert list_changed_parts(before, compute_bits(made, hidden, 11, 20, 60, 64)) == {
        "step",
        "pitch",
        "duration",
        "velocity",
    }


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind[1]], ids=str)
def test_velocity_changes_nothing_if_the_heads_have_none(kind):
    made, hidden = make_heads(*kind), make_context(kind[2], 1)
    assert compute_bits(made, hidden, 10, 20, 60, 64) == compute_bits(made, hidden, 10, 20, 60, 90)


@pytest.mark.parametrize("kind", SEEN, ids=str)
def test_pitch_and_duration_see_what_sounds_at_the_onset_itself(kind):
    made, hidden = make_heads(*kind), make_context("embedding", 1, sounding=())
    short, held = copy_context(hidden), copy_context(hidden)
    short.active[0, 60], held.active[0, 60] = 8, 30
    for step in (8, 10, 500):
        assert compute_bits(made, short, step, 20, 62, 64) == compute_bits(
            made, hidden, step, 20, 62, 64
        )
    for step in (0, 7):
        sounding, silent = (
            compute_bits(made, short, step, 20, 62, 64),
            compute_bits(made, hidden, step, 20, 62, 64),
        )
        assert list_changed_parts(sounding, silent) == {"pitch", "duration"}
    assert list_changed_parts(
        compute_bits(made, held, 10, 20, 62, 64), compute_bits(made, hidden, 10, 20, 62, 64)
    ) == {
        "pitch",
        "duration",
    }


@pytest.mark.parametrize("kind", SEEN, ids=str)
@pytest.mark.parametrize(("half", "part"), [(slice(0, C), "pitch"), (slice(C, None), "duration")])
def test_what_sounds_speaks_to_pitch_and_to_duration_by_a_half_each(kind, half, part):
    made, deaf, hidden = make_heads(*kind), make_heads(*kind), make_context("embedding", 1)
    deaf.weights["ahead/kernel"][:, half] = 0
    assert list_changed_parts(
        compute_bits(made, hidden, 3, 20, 62, 64), compute_bits(deaf, hidden, 3, 20, 62, 64)
    ) == {part}


@pytest.mark.parametrize("kind", SEEN, ids=str)
def test_how_long_a_key_still_sounds_counts_and_not_when_it_began(kind):
    made, hidden = make_heads(*kind), make_context("embedding", 1, sounding=())
    one, other = copy_context(hidden), copy_context(hidden)
    # Both steps are in one bin of time, so that only the active notes differ.
    step, later = 990, 991
    assert quantize.TIME_TOKEN[step] == quantize.TIME_TOKEN[later]
    one.active[0, 60], other.active[0, 60] = 995, 996
    alike = compute_bits(made, one, step, 20, 62, 64), compute_bits(made, other, later, 20, 62, 64)
    assert list_changed_parts(*alike) <= {"step"}
    assert "pitch" in list_changed_parts(alike[0], compute_bits(made, one, later, 20, 62, 64))


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_part_depends_on_the_hidden_vector(kind):
    made, hidden = make_heads(*kind), make_context(kind[2], 1)
    other = copy_context(hidden)
    other.hidden[0, 0] += 1
    before = compute_bits(made, hidden, 10, 20, 60, 64)
    assert list_changed_parts(before, compute_bits(made, other, 10, 20, 60, 64)) == set(before)


@pytest.mark.parametrize("velocity", [False, True])
def test_impossible_parts_cost_a_lot_and_not_without_end(velocity):
    made = make_heads("categorical", velocity, "scalar")
    for part in made.features:
        made.weights[f"{part}/bias"][0] = 1e4
    bits = made.bits(make_context("scalar", 1), np.array([[900, 900, 90, 90]], np.int16))
    assert np.isfinite(bits).all()
    assert (bits > 30).all()
