import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from factories import (
    BOTH_WAYS,
    CARRIED,
    MODEL_KINDS,
    UNCONSTRAINED,
    WINDOW,
    FunctionSampler,
    make_quantized_notes,
    make_tiny_model,
)

from pipeline.config import Params
from pipeline.config.schema import SamplingConfig
from pipeline.generation import engine as streaming
from pipeline.generation.engine import Engine
from pipeline.generation.sampling import Sampler
from pipeline.models import model_io, scoring
from pipeline.models.model_io import TrainedModel
from pipeline.models.numpy.heads import RegressionHeads
from pipeline.models.numpy.network import Network
from pipeline.models.residual_noise import ResidualNoise
from pipeline.notes import quantize, recall
from pipeline.notes.quantize import DURATION, PITCH, SCORED_FEATURES, STEP, VELOCITY, make_note


def compute_hidden(model: TrainedModel, heard: np.ndarray) -> np.ndarray:
    engine = Engine(model)
    engine.feed(heard)
    return engine.context.hidden


def make_sampler(seed: int, top_p: float) -> Sampler:
    """Make a sampler that forbids nothing."""
    free = {
        "key": "chromatic",
        "min_pitch": 0,
        "max_pitch": 127,
        "max_polyphony": 0,
        "max_notes_per_second": 0,
        "limit_times": True,
    }
    features = ("pitch", "time", "velocity")
    free |= {f"{name}_temperature": 1.0 for name in features}
    free |= {f"{name}_top_p": top_p for name in features}
    config = SamplingConfig(**free)
    return Sampler(np.random.default_rng(seed), config)


def choose_likeliest(_head: str, mass: np.ndarray) -> int:
    return int(mass.argmax())


@pytest.mark.parametrize("parts", [[1] * 40, [7, 1, 2, 30]])
@pytest.mark.parametrize("kind", [CARRIED, {**CARRIED, "units": [8, 5], "dense_units": 6}])
def test_carried_state_part_by_part_equals_reading_at_once(kind, parts):
    model, heard = make_tiny_model(**kind), make_quantized_notes(0, 40)
    engine, network = Engine(model), Network(model.config, model.weights)
    for part in np.split(heard, np.cumsum(parts)[:-1]):
        engine.feed(part)
    whole, _ = network.forward(heard[None], network.initial_state(1))
    assert engine.context.hidden == pytest.approx(whole.hidden[0, -1], abs=1e-5)


def test_carried_state_reaches_back_beyond_the_window():
    heard, other = make_quantized_notes(0, 20), make_quantized_notes(0, 20)
    other[0, quantize.DURATION] = 900
    assert not np.allclose(
        compute_hidden(make_tiny_model(**CARRIED), heard),
        compute_hidden(make_tiny_model(**CARRIED), other),
        atol=1e-9,
    )


@pytest.mark.parametrize("kind", [WINDOW, BOTH_WAYS])
@pytest.mark.parametrize("parts", [[40], [1] * 40, [7, 1, 2, 30], [3]])
def test_window_memory_is_the_last_notes_read_anew(kind, parts):
    model, heard = make_tiny_model(**kind), make_quantized_notes(0, 40)
    engine = Engine(model)
    for part in np.split(heard[: sum(parts)], np.cumsum(parts)[:-1]):
        engine.feed(part)
    last = heard[: sum(parts)][-model.sequence_length :]
    assert engine.context.hidden == pytest.approx(
        Network(model.config, model.weights).forward_window(last[None]).hidden[0], abs=1e-5
    )


@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_scores_of_a_piece_are_those_of_the_engine_note_by_note(kind):
    model, heard = make_tiny_model(**kind), make_quantized_notes(1, 20)
    engine, felt = Engine(model), []
    for previous, code in pairwise(heard):
        engine.feed(previous[None])
        bits = engine.score_note(code)
        felt.append([bits[name] for name in SCORED_FEATURES])
    assert scoring.score_pieces(model, [heard], 1)[0] == pytest.approx(np.array(felt), abs=1e-3)


@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_batches_change_no_bits(kind, monkeypatch):
    model = make_tiny_model(**kind)
    pieces = [
        make_quantized_notes(seed, count) for seed, count in enumerate((5, 90, 2, 33, 1, 6, 7, 90))
    ]
    alone = [scoring.score_pieces(model, [piece], 1)[0] for piece in pieces]
    assert [len(bits) for bits in alone] == [4, 89, 1, 32, 0, 5, 6, 89]
    assert not any(np.isnan(bits).any() for bits in alone)
    monkeypatch.setattr(scoring, "CHUNK_NOTES", 7)
    for batch in (1, 3, 8):
        for batched, single in zip(scoring.score_pieces(model, pieces, batch), alone, strict=True):
            assert np.allclose(batched, single, atol=1e-3)


@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_bits_of_a_note_do_not_depend_on_the_notes_after_it(kind):
    heard = make_quantized_notes(2, 60)
    changed = np.concatenate([heard[:30], make_quantized_notes(3, 30)])
    first, second = scoring.score_pieces(make_tiny_model(**kind), [heard, changed], 2)
    assert np.allclose(first[:29], second[:29], atol=1e-4)
    assert not np.allclose(first[29:], second[29:], atol=1e-4)


@pytest.mark.parametrize("kind", [WINDOW, BOTH_WAYS])
def test_bits_depend_on_the_window_and_on_nothing_before_it(kind):
    heard, other = make_quantized_notes(2, 20), make_quantized_notes(2, 20)
    other[:4] = make_quantized_notes(5, 4)
    first, second = scoring.score_pieces(make_tiny_model(**kind), [heard, other], 1)
    assert np.allclose(first[9:], second[9:], atol=1e-4)
    assert not np.allclose(first[8], second[8], atol=1e-4)


@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_a_played_note_is_fed_back_as_it_would_be_read(kind):
    model, prompt, masses = (
        make_tiny_model(**kind),
        make_quantized_notes(4, 9),
        {head: [] for head in SCORED_FEATURES},
    )

    def choose(head: str, mass: np.ndarray) -> int:
        masses[head].append(mass)
        return free.sample_feature(head, mass)

    free = make_sampler(0, 0.98)
    played = streaming.generate_notes(model, prompt, 12, FunctionSampler(choose))
    again = quantize.quantize(quantize.dequantize(np.concatenate([prompt, played])))
    assert np.array_equal(again, np.concatenate([prompt, played]))
    heads = RegressionHeads(model.weights, model.residual_noise)
    for number in range(12):
        expected = heads.distributions_of_one(compute_hidden(model, again[: len(prompt) + number]))
        for head in SCORED_FEATURES:
            assert masses[head][number] == pytest.approx(expected[head], abs=1e-5)


@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_the_same_seed_plays_the_same_notes(kind):
    def play(seed: int) -> list:
        choose = make_sampler(seed, 1.0)
        return streaming.generate_notes(
            make_tiny_model(**kind), make_quantized_notes(4, 9), 20, choose
        ).tolist()

    assert play(1) == play(1)
    assert play(1) != play(2)


def test_played_notes_have_the_mean_velocity_of_the_prompt():
    prompt = make_quantized_notes(4, 2)
    prompt[:, VELOCITY] = 40, 61
    assert set(
        streaming.generate_notes(make_tiny_model(), prompt, 5, FunctionSampler(choose_likeliest))[
            :, VELOCITY
        ]
    ) == {50}


def test_zero_notes_can_be_generated():
    assert streaming.generate_notes(
        make_tiny_model(), make_quantized_notes(4, 2), 0, FunctionSampler(choose_likeliest)
    ).shape == (0, 5)


def test_it_stops_before_the_first_note_that_would_sound_too_late():
    prompt = make_quantized_notes(4, 9)
    prompt[0, STEP] = 7  # as of a passage: the first note stands at cell 0 all the same

    def played(last: float) -> np.ndarray:
        return streaming.generate_notes(make_tiny_model(), prompt, 40, make_sampler(3, 1.0), last)

    whole = played(np.inf)
    ends = prompt[1:, STEP].sum() + np.cumsum(whole[:, STEP]) + whole[:, DURATION]
    assert len(whole) == 40
    for count in (0, 1, 17):
        last = float(ends[: count + 1].max()) - 1
        kept = played(last)
        assert kept.tolist() == whole[: int((ends > last).argmax())].tolist()


@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_a_reset_engine_has_forgotten(kind):
    engine = Engine(make_tiny_model(**kind))
    engine.feed(make_quantized_notes(1, 9))
    engine.reset()
    with pytest.raises(ValueError, match="at least one note"):
        engine.sample(FunctionSampler(choose_likeliest), 64)
    engine.feed(make_quantized_notes(2, 3))
    assert np.array_equal(
        engine.context.hidden, compute_hidden(make_tiny_model(**kind), make_quantized_notes(2, 3))
    )


@pytest.mark.parametrize("kind", [CARRIED, BOTH_WAYS])
def test_a_fitted_spread_costs_fewer_bits_than_others(kind):
    model, pieces = (
        make_tiny_model(**kind),
        [make_quantized_notes(6, 60), make_quantized_notes(7, 40)],
    )

    def mean(some: TrainedModel) -> np.ndarray:
        return np.concatenate(scoring.score_pieces(some, pieces, 2)).mean(axis=0)

    fitted = scoring.with_fitted_noise(model, pieces)
    assert mean(fitted)[0] == mean(model)[0]
    for family in ("laplace", "gaussian"):
        for scale in (0.01, 0.1, 0.5, 2.0):
            other = replace(
                model,
                residual_noise=dict.fromkeys(("step", "duration"), ResidualNoise(family, scale)),
            )
            assert (mean(fitted)[1:] <= mean(other)[1:] + 1e-6).all()


@pytest.mark.parametrize("kind", [CARRIED, BOTH_WAYS])
def test_a_model_that_predicts_the_times_gets_a_narrow_spread(kind):
    narrow = dict.fromkeys(("step", "duration"), ResidualNoise("laplace", 0.001))
    model, rng = replace(make_tiny_model(**kind), residual_noise=narrow), np.random.default_rng(0)

    def choose(head: str, mass: np.ndarray) -> int:
        return int(rng.integers(128)) if head == "pitch" else choose_likeliest(head, mass)

    prompts = [make_quantized_notes(6, 1), make_quantized_notes(7, 1)]
    pieces = [
        np.concatenate([p, streaming.generate_notes(model, p, n, FunctionSampler(choose))])
        for p, n in zip(prompts, (30, 60), strict=True)
    ]
    spread = scoring.with_fitted_noise(model, pieces).residual_noise
    assert max(spread["step"].scale, spread["duration"].scale) < 0.01


ATTENTION = {
    **{"input": "embedding", "embedding_dim": 8, "cell": "attention", "units": [32, 32]},
    **{"heads": "categorical", "head_dim": 4, "loss_on": "all", "stateful": True},
}
MINGRU = {**ATTENTION, "cell": "mingru", "units": [8]}
CONVOLVED = {**ATTENTION, "conv": 4, "span": 40}
MIXED = {**CONVOLVED, "cell": ["mingru", "attention"], "units": [8, 32]}
RECALLING = {**ATTENTION, "recall": True}
LONG_PROMPT = make_quantized_notes(5, 2500)


def feed_notes(model: TrainedModel, notes: np.ndarray) -> np.ndarray:
    """Return the hidden vector after all notes, read one by one."""
    engine = Engine(model)
    for code in notes:
        engine.feed(code[None])
    return engine.context.hidden


@pytest.mark.parametrize("kind", [ATTENTION, MINGRU, CONVOLVED, MIXED, *MODEL_KINDS])
@pytest.mark.parametrize("earlier", [0, 1, 700])
def test_a_long_prompt_leaves_the_same_hidden_vector_as_all_its_notes(kind, earlier):
    model = make_tiny_model(**kind)
    engine = Engine(model)
    if earlier:
        engine.feed(LONG_PROMPT[:earlier])
    engine.feed(LONG_PROMPT[earlier:])
    assert np.array_equal(engine.context.hidden, feed_notes(model, LONG_PROMPT))


def test_a_bonus_raises_the_pitches_of_a_hint_by_nats_and_changes_no_score():
    engine = Engine(make_tiny_model(**RECALLING))
    motif = make_quantized_notes(3, 12)
    motif[:, PITCH] = 50 + np.random.default_rng(0).permutation(12)
    engine.feed(np.concatenate([motif, motif[:10]]))
    first, second = engine.context.hints[1:3]
    assert first == motif[10, PITCH] and second == motif[11, PITCH] != first
    plain = dict(engine.iterate_distributions(make_note(64)))
    bits = engine.score_note(motif[10])
    raised = dict(engine.iterate_distributions(make_note(64), 3.0))
    odds = plain["pitch"].copy()
    odds[[first, second]] *= np.exp(3.0)
    np.testing.assert_allclose(raised["pitch"], odds / odds.sum(), rtol=1e-12)
    assert engine.score_note(motif[10]) == bits


def test_a_bonus_is_not_of_the_pitches_of_the_last_three_notes():
    """A bonus does not change the probability of a trill."""
    engine = Engine(make_tiny_model(**RECALLING))
    trill = make_quantized_notes(3, 12)
    trill[:, PITCH] = np.tile([60, 62], 6)
    engine.feed(trill)
    assert engine.context.hints[1:3] == (60, 62)
    plain, raised = (
        dict(engine.iterate_distributions(make_note(64), bonus)) for bonus in (0.0, 3.0)
    )
    assert np.array_equal(plain["pitch"], raised["pitch"])


def test_a_bonus_leaves_the_pitches_of_a_note_without_a_hint_as_they_are():
    engine = Engine(make_tiny_model(**RECALLING))
    notes = make_quantized_notes(3, 11)
    notes[:, PITCH] = np.arange(11) ** 2
    for note in notes:
        engine.feed(note[None])
        assert engine.context.hints == recall.NO_HINT
        plain, raised = (
            dict(engine.iterate_distributions(make_note(64), bonus)) for bonus in (0.0, 3.0)
        )
        assert np.array_equal(plain["pitch"], raised["pitch"])


def test_a_bonus_is_that_of_the_sampling_and_nothing_without_hints():
    motif = make_quantized_notes(3, 12)
    prompt = np.concatenate([motif, motif[:10]])
    plain, bonus = (UNCONSTRAINED.model_copy(update={"recall_bonus": nats}) for nats in (0.0, 9.0))
    for kind, is_changed in ((RECALLING, True), (ATTENTION, False)):
        model = make_tiny_model(**kind)
        notes = [
            streaming.generate_notes(model, prompt, 30, Sampler(np.random.default_rng(1), config))
            for config in (plain, bonus)
        ]
        assert np.array_equal(*notes) != is_changed
        if is_changed:
            assert notes[1][0, PITCH] in motif[10:, PITCH]


def test_a_long_note_that_still_sounds_is_not_forgotten():
    """A bass under 500 fast notes, which are more than the model reads."""
    notes = np.tile(np.array([[1, 1, 60, 64]], np.int16), (2000, 1))
    notes[1500, [DURATION, PITCH]] = 1000, 30
    model = make_tiny_model(**ATTENTION)
    assert np.array_equal(compute_hidden(model, notes), feed_notes(model, notes))


def test_of_a_long_prompt_only_the_notes_that_count_are_read(monkeypatch):
    model = make_tiny_model(**ATTENTION)
    context = streaming.count_context_notes(model.config, model.sequence_length)
    assert context == 255
    engine = Engine(model)
    read: list[int] = []
    feed = engine.network.feed

    def count(notes, state):
        read.append(len(notes))
        return feed(notes, state)

    monkeypatch.setattr(engine.network, "feed", count)
    engine.feed(LONG_PROMPT)
    onsets = LONG_PROMPT[:, STEP].cumsum(dtype=int)
    sounding = np.count_nonzero(onsets >= onsets[-255] - 1000)
    assert sounding <= sum(read) < sounding + 128 < len(LONG_PROMPT)


def test_of_a_long_prompt_the_notes_that_hints_depend_on_are_read(monkeypatch):
    monkeypatch.setattr(recall, "MAX_DISTANCE", 400)
    monkeypatch.setattr(recall, "HISTORY_NOTES", 431)
    model, read = make_tiny_model(**RECALLING), []
    prompt = LONG_PROMPT.copy()
    prompt[:, PITCH] = np.random.default_rng(0).integers(20, 100, len(prompt))
    prompt[-20:] = prompt[-370:-350]
    engine = Engine(model)
    feed = engine.network.feed

    def count(notes, state):
        read.append(len(notes))
        return feed(notes, state)

    monkeypatch.setattr(engine.network, "feed", count)
    engine.feed(prompt)
    assert sum(read) < 1000
    assert np.array_equal(engine.context.hidden, feed_notes(model, prompt))
    assert engine.context.hints[0] > 0


@pytest.mark.parametrize(
    ("kind", "context"),
    [
        (ATTENTION, 255),
        (MINGRU, None),
        (CONVOLVED, 2 * (39 + 3) + 1),
        (MIXED, None),
        (RECALLING, 255 + 4096 + 31),
        (CARRIED, None),
        (WINDOW, 6),
    ],
)
def test_the_notes_that_a_next_note_depends_on_are_known(kind, context):
    model = make_tiny_model(**kind)
    assert streaming.count_context_notes(model.config, model.sequence_length) == context


def test_reading_and_generating_many_notes_is_shown(monkeypatch, capsys):
    monkeypatch.setattr(streaming, "MIN_SHOWN_NOTES", 2000)
    model = make_tiny_model(**MINGRU)
    streaming.generate_notes(model, LONG_PROMPT, 1, make_sampler(0, 1.0))
    assert "reading the prompt: 2,500 in" in capsys.readouterr().err
    streaming.generate_notes(model, LONG_PROMPT[:9], 2000, make_sampler(0, 1.0))
    assert "generating notes: 2,000 in" in capsys.readouterr().err
    streaming.generate_notes(model, LONG_PROMPT[:1500], 9, make_sampler(0, 1.0))
    assert capsys.readouterr().err == ""


def test_a_model_is_read_and_ready_to_play_within_a_tenth_of_a_second(tmp_path, project: Params):
    """CPU time, the least of three; it is 15 ms, and `play` as a whole is to start within 0.5 s."""
    config = project.model["recurrent_attention"]
    model_io.save_model(make_tiny_model(**config.model_dump()), tmp_path, np.float16)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        engine = Engine(model_io.load_model(tmp_path))
        engine.feed(make_quantized_notes(0, 1))
        engine.sample(make_sampler(0, 1.0), 64)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.1
