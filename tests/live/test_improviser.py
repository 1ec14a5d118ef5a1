"""What is played follows all that sounded, under what is set now, and nothing that nobody heard."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from factories import CARRIED, MODEL_KINDS, UNCONSTRAINED, make_quantized_notes, make_tiny_model
from fake_port import Wire, check, ends_in_silence
from hypothesis import given
from hypothesis import strategies as st

from pipeline.generation import engine
from pipeline.generation.constraints import allowed_pitches
from pipeline.generation.engine import Engine
from pipeline.generation.sampling import Sampler
from pipeline.live.clock_follower import FreeTime
from pipeline.live.controls import Controls
from pipeline.live.improviser import (
    DEFAULT_MAX_NOTES_PER_SECOND,
    DEFAULT_MAX_POLYPHONY,
    Improviser,
    mask_before,
)
from pipeline.live.note_source import PendingNote, to_quantized
from pipeline.live.player import LOOK_AHEAD, POLL_SECONDS, Player
from pipeline.live.recorder import HUMAN, MODEL, Recorder
from pipeline.live.timeline import SimulatedClock
from pipeline.models.time_limits import TimeLimits
from pipeline.notes.quantize import DURATION, GRID_SIZE, PEDAL, PITCH, STEP

PROMPT = make_quantized_notes(1, 5)


def improviser(mode="solo", seed=0, prompt=PROMPT, **recipe):
    source = Improviser(
        Engine(make_tiny_model(**{**CARRIED, **recipe})),
        Controls(UNCONSTRAINED),
        prompt,
        np.random.default_rng(seed),
    )
    source.mode = mode
    return source


def alone(source, seconds, acts=()):
    """Play for simulated seconds; acts are pairs of a time [s] and a function of the player."""
    clock, waiting = SimulatedClock(), sorted(acts, key=lambda act: act[0])
    wire = Wire(clock=clock)

    def sleep(span):
        clock.sleep(span)
        while waiting and clock() >= waiting[0][0]:
            waiting.pop(0)[1](player)
        player.stopping = clock() >= seconds

    player = Player(source, wire, Recorder(), clock, sleep)
    player.run_offline()
    check(wire.sent)
    return player


def phrase(begin, notes):
    """Return the acts of a phrase: pause, duration and pitch of notes, one after the other [s]."""
    acts, now = [], begin
    for pause, duration, pitch in notes:
        now += pause
        acts.append((now, lambda player, pitch=pitch: player.note_on(pitch, 70)))
        now += duration
        acts.append((now, lambda player, pitch=pitch: player.note_off(pitch)))
    return acts


PHRASE = phrase(1.0, [(0, 0.3, 60), (0.1, 0.3, 64), (0.1, 0.4, 67), (0.3, 0.5, 72)])
"""From 1.0 to 3.0 s."""


@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_alone_it_plays_what_the_engine_would_play(kind):
    model = make_tiny_model(**kind)
    source = Improviser(Engine(model), Controls(UNCONSTRAINED), PROMPT, np.random.default_rng(3))
    source.silent_until_floor = False
    limits = {
        "max_polyphony": DEFAULT_MAX_POLYPHONY,
        "max_notes_per_second": DEFAULT_MAX_NOTES_PER_SECOND,
    }
    sampler = Sampler(np.random.default_rng(3), UNCONSTRAINED.model_copy(update=limits))
    sampler.observe(PROMPT)
    expected = engine.generate_notes(model, PROMPT, 30, sampler)
    source.sampler_settings, source.sampler = (
        (UNCONSTRAINED, "solo"),
        source._make_sampler(UNCONSTRAINED),
    )
    played = []
    for _ in range(30):
        source.peek(0)
        played.append(source.quantized_note)
        source.commit()
    assert np.array_equal(np.stack(played), expected)


def test_a_proposal_stays_until_it_is_accepted_and_the_model_has_not_heard_it():
    source = improviser()
    before = source.engine.context.hidden.copy()
    draft = source.peek(8)
    assert source.peek(8) is draft
    assert source.peek(20) is draft
    assert np.array_equal(source.engine.context.hidden, before)
    source.commit()
    assert not np.array_equal(source.engine.context.hidden, before)
    assert source.recent_notes()[-1, PITCH] == draft.pitch


@given(st.integers(0, 2**32), st.integers(0, 1200))
def test_a_note_drawn_again_does_not_come_before_what_is_decided(seed, floor):
    source = improviser(seed=seed)
    source.peek(0)
    source.controls.update(time_temperature=3.0)
    draft = source.peek(floor)
    assert draft.onset >= floor
    assert source.quantized_note[STEP] == min(draft.onset - source.last_onset, GRID_SIZE - 1), (
        "the model hears the step that sounds"
    )


def test_no_gap_is_above_the_limit_of_the_model_but_where_it_must_wait():
    model = replace(make_tiny_model(**CARRIED), time_limits=TimeLimits(30, 60))
    source = Improviser(
        Engine(model), Controls(UNCONSTRAINED), PROMPT[:1], np.random.default_rng(0)
    )
    for _ in range(200):
        source.controls.update(time_temperature=10.0)
        note = source.peek(0)
        assert source.quantized_note[STEP] <= 30
        assert note.duration <= max(60, PROMPT[0, DURATION])
        source.commit()
    source.silent_until_floor = True
    onset = source.last_onset
    note = source.peek(onset + 500)
    assert (note.onset - onset, source.quantized_note[STEP]) == (500, 500)


@given(st.integers(0, 1100), st.integers(0, 50))
def test_steps_are_as_likely_as_they_were_among_those_that_are_left(least, seed):
    mass = np.random.default_rng(seed).dirichlet(np.ones(GRID_SIZE) * 0.1)
    kept = mask_before(mass, least)
    assert kept[: min(least, GRID_SIZE - 1)].sum() == 0
    if least < GRID_SIZE - 1:
        assert np.array_equal(kept[least:], mass[least:]) or mass[least:].sum() < 1e-300
    assert kept.sum() > 0


def test_where_no_step_is_left_the_first_possible_is_taken():
    assert np.flatnonzero(mask_before(np.eye(GRID_SIZE)[3], 7)).tolist() == [7]
    assert np.flatnonzero(mask_before(np.zeros(GRID_SIZE), 0)).tolist() == [0]


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({"key": "C major"}, lambda pitch: pitch in allowed_pitches("C major", 0, 127)),
        ({"min_pitch": 70, "max_pitch": 75}, lambda pitch: 70 <= pitch <= 75),
    ],
)
def test_a_control_acts_within_a_tenth_of_a_second(change, holds):
    source = improviser(length=8)
    turned = 2.003
    player = alone(source, 8, [(turned, lambda _: source.controls.update(**change))])
    notes = player.recorder.collect_notes(MODEL)
    late = notes[notes["onset"] > turned + LOOK_AHEAD + POLL_SECONDS]
    assert len(late) >= 3
    assert all(holds(pitch) for pitch in late["pitch"])
    assert not all(holds(pitch) for pitch in notes[notes["onset"] < turned]["pitch"])
    assert LOOK_AHEAD + POLL_SECONDS < 0.1


def test_a_far_note_is_drawn_again_when_a_control_moves():
    source = improviser()
    source.pending, source.sampler_settings = (
        PendingNote(5000, 1, 60, 64),
        (source.controls.sampling_config, "solo"),
    )
    assert source.peek(8).onset == 5000
    source.controls.update(key="D dorian")
    assert source.peek(8).onset < 5000


def test_limits_hold_over_a_change_of_controls():
    source = wild()
    acts = [
        (
            1 + 0.3 * n,
            lambda _, n=n: source.controls.update(
                max_notes_per_second=4, time_temperature=1 + n / 50
            ),
        )
        for n in range(30)
    ]
    onsets = alone(source, 10, acts).recorder.collect_notes(MODEL)["onset"]
    onsets = np.round(onsets[onsets > 2.2] * 100).astype(int)
    assert len(onsets) >= 20
    assert max(((onsets >= on) & (onsets < on + 100)).sum() for on in onsets) <= 4


def test_call_response_is_silent_until_a_phrase_ends_then_answers_as_long_and_is_silent_again():
    source = improviser("call-response")
    player = alone(source, 14, PHRASE)
    onsets = player.recorder.collect_notes(MODEL)["onset"]
    assert onsets[0] == pytest.approx(3.0 + 0.8, abs=0.04)
    assert onsets[-1] <= 3.8 + 2.0
    assert player.recorder.collect_notes(HUMAN)["pitch"].tolist() == [60, 64, 67, 72]
    assert not source.is_responding


def test_an_answer_is_conditioned_on_what_was_played_and_on_what_sounded_before():
    heard = []
    source = improviser("call-response")
    read = source.engine.feed
    source.engine.feed = lambda given: (heard.append(given.copy()), read(given))[1]
    alone(source, 14, [*PHRASE, *phrase(7.0, [(0, 0.5, 50)])])
    answers = [given for given in heard if len(given) > 1]
    assert answers[0][:5, PITCH].tolist() == PROMPT[:, PITCH].tolist()
    assert answers[0][5:, PITCH].tolist() == [60, 64, 67, 72]
    assert answers[0][6:, STEP].tolist() == pytest.approx([40, 40, 70], abs=2)
    assert answers[1][5:9, PITCH].tolist() == [60, 64, 67, 72]
    assert answers[1][-1, PITCH] == 50
    assert len(answers[1]) > len(answers[0]) + 1


def test_playing_again_silences_an_answer_at_once_and_what_did_not_sound_is_forgotten():
    source = improviser("call-response")
    player = alone(source, 4.6, [*PHRASE, (4.2, lambda player: player.note_on(48, 90))])
    notes = player.recorder.collect_notes(MODEL)
    assert len(notes)
    assert (notes["onset"] + notes["duration"] < 4.2 + 2 * POLL_SECONDS).all()
    assert not source.is_responding
    assert all(note.onset + note.duration <= 425 for note in source.history)
    assert Counter(note.pitch for note in source.history if note.onset > 330) == Counter(
        notes["pitch"].tolist()
    )


def pedal(second, is_down):
    return second, lambda player: player.move_pedal(is_down)


def test_a_phrase_under_the_pedal_ends_when_the_pedal_comes_up_and_not_before():
    source = improviser("call-response")
    acts = [pedal(0.9, True), *PHRASE, pedal(8.0, False)]
    player = alone(source, 14, acts)
    onsets = player.recorder.collect_notes(MODEL)["onset"]
    assert onsets[0] == pytest.approx(8.0 + 0.8, abs=0.04)
    human = player.recorder.collect_notes(HUMAN)
    assert human["onset"] + human["duration"] == pytest.approx([8.0] * 4, abs=0.02)
    phrase_notes = [note for note in source.history if 90 <= note.onset < 300]
    assert [note.duration for note in phrase_notes] == pytest.approx([700, 660, 620, 550], abs=4)


def test_after_a_panic_nothing_answers_until_the_person_plays_again():
    source = improviser("call-response")
    player = alone(source, 9, [*PHRASE, (4.2, Player.panic)])
    onsets = player.recorder.collect_notes(MODEL)["onset"]
    assert len(onsets)
    assert (onsets < 4.25).all()
    again = [*PHRASE, (4.2, Player.panic), *phrase(5.0, [(0, 0.5, 50)])]
    answered = alone(improviser("call-response"), 9, again).recorder.collect_notes(MODEL)
    assert (answered["onset"] > 5.5).any()


def test_all_notes_off_of_a_keyboard_leaves_the_model_alone():
    """Some keyboards send it at their last key-up: the music must be that of a keyboard that does not."""
    release = [(second + 0.001, Player.release_keys) for second, _ in PHRASE[1::2]]
    for mode in ("solo", "accompany"):
        with_release, without = (
            alone(improviser(mode), 6, [*PHRASE, *acts]).recorder.collect_notes()
            for acts in (release, [])
        )
        assert np.array_equal(with_release, without)


def test_free_playing_goes_on_and_hears_the_person():
    source = improviser("accompany")
    player = alone(source, 8, PHRASE)
    onsets = player.recorder.collect_notes(MODEL)["onset"]
    assert onsets[0] < 3
    assert onsets[-1] > 3
    past = [(note.onset, note.pitch) for note in source.history]
    for onset, pitch in ((100, 60), (140, 64), (180, 67), (250, 72)):
        assert any(abs(onset - at) <= 10 and pitch == key for at, key in past)


def test_by_itself_it_hears_nobody():
    source = improviser()
    other = improviser()
    notes = alone(source, 6, PHRASE).recorder.collect_notes(MODEL)
    assert np.array_equal(notes, alone(other, 6).recorder.collect_notes(MODEL))


def test_the_mode_can_change_while_it_plays():
    source = improviser("call-response")

    def change(mode):
        return lambda _: setattr(source, "mode", mode)

    player = alone(source, 20, [*PHRASE, (8, change("solo")), (12, change("call-response"))])
    onsets = player.recorder.collect_notes(MODEL)["onset"]
    assert ((onsets > 8) & (onsets < 12)).any()
    assert not ((onsets > 6) & (onsets < 8)).any()
    assert not (onsets > 12.2).any()


def test_notes_are_counted():
    source = improviser()
    source.notes_left = 7
    player = alone(source, 1000)
    assert len(player.recorder) == 7
    assert source.done


def wild():
    """Make a source that wants all its notes at once."""
    source = improviser()
    shift_step = source._shift_step
    source._shift_step = lambda distributions: (
        (name, np.eye(len(probs))[0]) for name, probs in shift_step(distributions)
    )
    return source


def test_a_model_gone_wild_is_bounded():
    source = wild()
    player = alone(source, 3)
    onsets = player.recorder.collect_notes(MODEL)["onset"]
    assert len(onsets) <= 3 * DEFAULT_MAX_NOTES_PER_SECOND + DEFAULT_MAX_NOTES_PER_SECOND
    assert len(onsets) > DEFAULT_MAX_NOTES_PER_SECOND


def test_the_past_is_what_sounded_in_order():
    source = improviser("accompany")
    alone(source, 5, PHRASE)
    assert np.array_equal(source.recent_notes(), to_quantized(sorted(source.history)))


PEDAL_MODEL = {"heads": "categorical", "head_dim": 4, "model_velocity": True, "stateful": True}
PEDAL_MODEL |= {"model_pedal": True}


@pytest.mark.parametrize(
    ("recipe", "durations", "pedals"),
    [({}, [700, 660, 620], [0, 0, 0]), (PEDAL_MODEL, [30, 30, 40], [2, 1, 1])],
)
def test_a_model_of_the_pedal_reads_keys_and_pedal_and_another_what_sounds(
    recipe, durations, pedals
):
    source = improviser("call-response", **recipe)
    alone(source, 9.0, [pedal(0.9, True), *PHRASE, pedal(8.0, False)])
    notes = [note for note in sorted(source.history) if note.onset > 0][:3]
    assert [note.pedal for note in notes] == pedals
    assert np.allclose([note.duration for note in notes], durations, atol=2)


def test_a_note_that_is_played_has_the_pedal_that_the_model_read():
    model = make_tiny_model(**PEDAL_MODEL)
    source = Improviser(Engine(model), Controls(UNCONSTRAINED), PROMPT, np.random.default_rng(3))
    played = []
    for _ in range(20):
        played.append(source.peek(0))
        assert source.quantized_note[PEDAL] == played[-1].pedal
        source.commit()
    assert any(note.pedal for note in played)
    assert source.recent_notes()[-20:, PEDAL].tolist() == [note.pedal for note in played]


def give(turn):
    """Return what a pedal of "your turn" or "my turn" does."""

    def act(player):
        player.source.turn_switch.give_turn(turn)
        if turn == "person":
            player.end_model_notes()

    return act


def hold(player):
    player.source.turn_switch.toggle_hold()


def model_onsets(player):
    return player.recorder.collect_notes(MODEL)["onset"]


def test_your_turn_starts_a_response_before_the_phrase_is_over():
    acts = [(1.0, lambda player: player.note_on(60, 70)), (2.0, give("model"))]
    player = alone(improviser("call-response"), 3.0, acts)
    assert model_onsets(player)[0] == pytest.approx(2.0 + LOOK_AHEAD, abs=3 * POLL_SECONDS)
    held_note = [note for note in player.source.history if note.pitch == 60 and note.onset > 90]
    assert held_note[0].duration == pytest.approx(100 + 100 * LOOK_AHEAD, abs=3)


class Beat(FreeTime):
    """Time with a beat at cell 500."""

    def align_start(self, cell):
        return cell if cell >= 500 else None


def test_a_phrase_is_read_once_and_before_the_beat_of_its_response(monkeypatch):
    """Reading hundreds of notes takes longer than the look-ahead."""
    source = improviser("call-response")
    source.time_keeper = Beat()
    reads, feed = [], source.engine.feed
    monkeypatch.setattr(
        source.engine, "feed", lambda notes: reads.append(len(notes)) or feed(notes)
    )
    source.note_on(100, 60, 90)
    source.note_off(150, 60, 150)
    assert all(source.peek(floor) is None for floor in range(300, 500, 50))
    assert reads == [len(PROMPT) + 1]
    assert source.peek(500).onset == 500
    assert reads == [len(PROMPT) + 1]


@pytest.mark.parametrize("mode", ["solo", "accompany"])
@pytest.mark.parametrize("plays_on", [False, True])
def test_a_phrase_that_was_read_stays_if_the_mode_changes_before_its_beat(mode, plays_on):
    """What the model has read is its history, and the next step counts from the last note of it."""
    source = improviser("call-response")
    source.time_keeper = Beat()
    source.note_on(100, 60, 90)
    source.note_off(150, 60, 150)
    assert source.peek(300) is None
    source.mode = mode
    if plays_on:
        source.note_on(310, 64, 90)
    note = source.peek(320)
    has_read_last_note = plays_on and mode == "accompany"
    last_onset = 310 if has_read_last_note else 100
    assert [each.pitch for each in source.history if each.onset > 0] == [60, 64][
        : 1 + has_read_last_note
    ]
    assert source.quantized_note[STEP] == note.onset - last_onset
    other = Engine(make_tiny_model(**CARRIED))
    other.reset()
    other.feed(source.recent_notes())
    assert np.allclose(source.engine.context.hidden, other.context.hidden)


def test_your_turn_without_a_phrase_continues_the_music():
    player = alone(improviser("call-response"), 5.0, [(2.0, give("model"))])
    assert model_onsets(player)[0] == pytest.approx(2.0 + LOOK_AHEAD, abs=3 * POLL_SECONDS)


def test_your_turn_during_a_response_starts_no_second_one():
    acts = [*PHRASE, (4.5, give("model"))]
    assert model_onsets(alone(improviser("call-response"), 20.0, acts)).max() < 3.0 + 0.8 + 2.2


def test_my_turn_ends_the_response():
    acts = [*PHRASE, (4.5, give("person"))]
    player = alone(improviser("call-response"), 8.0, acts)
    notes = player.recorder.collect_notes(MODEL)
    assert len(notes)
    assert (notes["onset"] + notes["duration"]).max() < 4.5 + 2 * POLL_SECONDS


@pytest.mark.parametrize("mode", ["solo", "accompany"])
def test_the_model_rests_from_my_turn_to_your_turn(mode):
    player = alone(improviser(mode), 30.0, [(5.0, give("person")), (15.0, give("model"))])
    notes = player.recorder.collect_notes(MODEL)
    ends = notes["onset"] + notes["duration"]
    assert not ((ends > 5.0 + 2 * POLL_SECONDS) & (notes["onset"] < 15.0)).any()
    assert notes["onset"].min() < 5.0
    assert notes["onset"].max() > 15.0


def test_hold_starts_no_response_until_it_is_let_go():
    player = alone(improviser("call-response"), 12.0, [(0.5, hold), *PHRASE, (8.0, hold)])
    assert model_onsets(player)[0] == pytest.approx(8.0 + LOOK_AHEAD, abs=3 * POLL_SECONDS)


def test_hold_keeps_a_response_that_is_over_and_that_keys_would_end():
    acts = [*PHRASE, (4.2, hold), *phrase(7.0, [(0, 0.3, 60)]), (20.0, hold)]
    onsets = model_onsets(alone(improviser("call-response"), 30.0, acts))
    assert ((onsets > 7.5) & (onsets < 20.0)).any()
    response = onsets[onsets < 21.0]
    assert response.max() < 20.0 + LOOK_AHEAD + 2 * POLL_SECONDS


TURN_ACTS = {
    "your turn": give("model"),
    "my turn": give("person"),
    "hold": hold,
    "panic": lambda player: player.panic(),
    "down": lambda player: player.note_on(60, 70),
    "up": lambda player: player.note_off(60),
}


@given(
    st.lists(st.tuples(st.floats(0, 0.5), st.sampled_from(sorted(TURN_ACTS))), max_size=20),
    st.sampled_from(["solo", "call-response", "accompany"]),
)
def test_every_note_ends_whatever_turns_are_given(pauses, mode):
    times = np.cumsum([pause for pause, _ in pauses])
    acts = [(time, TURN_ACTS[name]) for time, (_, name) in zip(times, pauses, strict=True)]
    player = alone(improviser(mode), 5.0, acts)  # checks the pairs
    assert ends_in_silence(player.schedule.port.sent)
