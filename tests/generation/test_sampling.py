from dataclasses import replace

import numpy as np
import pytest
from factories import make_tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from pipeline.config.schema import SamplingConfig
from pipeline.core.errors import DataError, ParamsError
from pipeline.generation.constraints import allowed_pitches
from pipeline.generation.sampling import Sampler, apply_temperature, make_sampler, top_p_indices
from pipeline.midi import reader, writer
from pipeline.models.time_limits import TimeLimits
from pipeline.notes import quantize
from pipeline.notes.quantize import DURATION, GRID_SIZE, PITCH, STEP, VELOCITY

MASSES = (
    st.lists(st.one_of(st.just(0.0), st.floats(1e-9, 1)), min_size=1, max_size=12)
    .filter(any)
    .map(lambda values: np.array(values) / sum(values))
)
HARD = np.array([0.0, 0.3, 0.0, 0.25, 0.2, 0.15, 0.1, 0.0])
SIZES = {"step": GRID_SIZE, "pitch": 128, "duration": GRID_SIZE, "velocity": 128}
COLUMN = {"step": STEP, "pitch": PITCH, "duration": DURATION, "velocity": VELOCITY}
FEATURES = ("pitch", "time", "velocity")
FREE = {f"{name}_{what}": 1.0 for name in FEATURES for what in ("temperature", "top_p")}
FREE |= {
    "key": "chromatic",
    "min_pitch": 0,
    "max_pitch": 127,
    "max_polyphony": 0,
    "max_notes_per_second": 0,
    "limit_times": True,
}


def make_config(**changes) -> SamplingConfig:
    """Make settings that change nothing and forbid nothing, but for `changes`; `top_p` is that of all."""
    if "top_p" in changes:
        names = [f"{name}_top_p" for name in FEATURES]
        changes |= dict.fromkeys(names, changes.pop("top_p"))
    return SamplingConfig.model_validate({**FREE, **changes})


def make_free_sampler(seed: int, **changes) -> Sampler:
    return Sampler(np.random.default_rng(seed), make_config(**changes))


class Fixed:
    """A generator that always returns one number."""

    def __init__(self, number):
        self.number = number

    def random(self):
        return self.number


@given(mass=MASSES, temperature=st.floats(0.05, 10))
def test_sharpen_is_the_power_of_the_definition(mass, temperature):
    expected = (mass / mass.max()) ** (1 / temperature)
    assert apply_temperature(mass, temperature) == pytest.approx(
        expected / expected.sum(), abs=1e-12
    )


def test_sharpen_at_one_changes_nothing():
    assert np.array_equal(apply_temperature(HARD, 1.0), HARD)


@given(mass=MASSES, top_p=st.floats(0.01, 0.999), whole=st.floats(0.01, 100))
def test_nucleus_is_the_smallest_set_that_reaches_top_p(mass, top_p, whole):
    kept = top_p_indices(mass * whole, top_p, whole)
    assert (np.diff(kept) > 0).all()
    assert mass[kept].sum() >= top_p - 1e-9
    assert mass[kept].sum() - mass[kept].min() < top_p + 1e-9
    assert mass[kept].min() >= np.delete(mass, kept).max(initial=0)


@given(
    mass=st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=1, max_size=300),
    top_p=st.floats(0.01, 0.999),
)
def test_nucleus_is_that_of_sorting_all_outcomes(mass, top_p):
    mass = np.array(mass) / sum(mass)
    order = np.argsort(-mass, kind="stable")
    count = int(np.flatnonzero(mass[order].cumsum() > top_p - 1e-9)[0]) + 1
    assert top_p_indices(mass, top_p - 1e-9).tolist() == sorted(order[:count].tolist())


def test_nucleus_worked_by_hand():
    assert top_p_indices(np.array([0.125, 0.5, 0.125, 0.25]), 0.75).tolist() == [1, 3]
    assert top_p_indices(np.array([0.125, 0.5, 0.125, 0.25]), 0.01).tolist() == [1]
    assert top_p_indices(np.array([0.2, 0.2, 0.2, 0.2, 0.2]), 0.5).tolist() == [0, 1, 2]
    assert top_p_indices(np.array([0.4, 0.4, 0.4, 0.4, 0.4]), 0.5, 2.0).tolist() == [0, 1, 2]


@settings(max_examples=50)
@pytest.mark.parametrize("number", [0.0, 0.5, 1 - 2**-53])
@given(
    mass=MASSES,
    temperature=st.sampled_from([0.3, 1.0, 4.0]),
    top_p=st.sampled_from([0.5, 0.98, 1.0]),
)
def test_an_outcome_of_mass_zero_is_never_chosen(number, mass, temperature, top_p):
    assert (
        mass[
            Sampler(
                Fixed(number), make_config(pitch_temperature=temperature, top_p=top_p)
            ).sample_feature("pitch", mass)
        ]
        > 0
    )


@pytest.mark.parametrize(
    ("temperature", "top_p"), [(1.0, 1.0), (0.5, 1.0), (2.0, 1.0), (1.0, 0.7), (2.0, 0.7)]
)
def test_frequencies_match_the_masses(temperature, top_p):
    expected = HARD ** (1 / temperature)
    expected = expected / expected.sum()
    if top_p < 1:  # 0.3, 0.25 and 0.2 reach 0.7; at temperature 2 one more is needed
        expected = np.where((0.2 if temperature == 1 else 0.15) <= HARD, expected, 0)
    sampler = make_free_sampler(3, time_temperature=temperature, top_p=top_p)
    counts = np.bincount(
        [sampler.sample_feature("step", HARD) for _ in range(4000)], minlength=len(HARD)
    )
    assert (counts[expected == 0] == 0).all()
    some = expected > 0
    assert stats.chisquare(counts[some], 4000 * expected[some] / expected.sum()).pvalue > 0.001


def make_even_mass(head: str, *indices: int) -> np.ndarray:
    """Make a mass [K] that is even over some outcomes of a head, and zero elsewhere."""
    mass = np.zeros(SIZES[head])
    mass[list(indices)] = 1 / len(indices)
    return mass


def draw_mass(head: str, rng: np.random.Generator) -> np.ndarray:
    mass = np.exp(rng.normal(0, 3, SIZES[head]))
    mass[0] *= head != "velocity"
    return mass / mass.sum()


def draw_three_outcomes(head: str, rng: np.random.Generator) -> np.ndarray:
    """Make a mass that is zero but for three outcomes."""
    return make_even_mass(head, *rng.integers(1, SIZES[head], 3))


def worst(head: str, _rng: np.random.Generator) -> np.ndarray:
    """At once, out of key and of range, and held for ever."""
    return make_even_mass(head, {"step": 0, "pitch": 1, "duration": 1000, "velocity": 127}[head])


def unison(head: str, rng: np.random.Generator) -> np.ndarray:
    """The same pitch again and again, at once or soon after, held for all sorts of times."""
    if head == "duration":
        return make_even_mass(head, *rng.choice([0, 1, 2, 30, 500, 1000], 2))
    return make_even_mass(head, *{"step": (0, 0, 1, 5), "pitch": (60,), "velocity": (64,)}[head])


def chords(head: str, rng: np.random.Generator) -> np.ndarray:
    """Chords of short notes, nearly at once."""
    if head in ("step", "duration"):
        return make_even_mass(head, *rng.integers(0, 3, 2))
    return draw_mass(head, rng)


PLAYERS = (draw_mass, draw_three_outcomes, worst, unison, chords)
CONSTRAINTS = (
    {"key": "Eb minor"},
    {"min_pitch": 50, "max_pitch": 61},
    {"max_polyphony": 1},
    {"max_polyphony": 4},
    {"max_notes_per_second": 1},
    {"max_notes_per_second": 9},
    {"max_polyphony": 3, "max_notes_per_second": 5},
    {
        "key": "C pentatonic",
        "min_pitch": 47,
        "max_pitch": 75,
        "max_polyphony": 3,
        "max_notes_per_second": 7,
    },
)


def play_notes(sampler: Sampler, count: int, player=draw_mass, seed: int = 0) -> np.ndarray:
    """Let a sampler choose notes from the masses of a player; codes [count, 4]."""
    rng = np.random.default_rng(seed)
    masses = [{head: player(head, rng) for head in SIZES} for _ in range(min(count, 300))]
    out = np.zeros((count, 4), np.int16)
    for number in range(count):
        distributions = masses[number % len(masses)].items()
        out[number] = sampler.sample_note(distributions, [0, 0, 0, 0])
    return out


def list_faults(onset, duration, pitch, settings: SamplingConfig, chosen: int = 0) -> list[str]:
    """Say by the definitions which constraints the notes from number `chosen` on break.

    Args:
        onset: [N] in units of 1 ms, rising.
        duration: [N] in units of 1 ms, above 0.
        pitch: [N].
        settings: the constraints.
        chosen: first note that is bound by them.
    """
    out = []
    if not set(pitch[chosen:].tolist()) <= set(
        allowed_pitches(settings.key, settings.min_pitch, settings.max_pitch)
    ):
        out.append("pitch")
    for begin in range(chosen, len(onset), 500):
        some = onset[begin : begin + 500, None]
        sounding = ((onset <= some) & (some < onset + duration)).sum(axis=1)
        if settings.max_polyphony and sounding.max() > settings.max_polyphony:
            out.append("max_polyphony")
    for ms in (0, 1, 999):  # a second that begins with a note, just after it, or that ends with it
        first = np.searchsorted(onset, onset + ms)
        last = np.searchsorted(onset, onset + ms + 1000)
        starting = np.where(last > chosen, last - first, 0)
        if settings.max_notes_per_second and starting.max() > settings.max_notes_per_second:
            out.append("max_notes_per_second")
    return out


def convert_to_ms(codes: np.ndarray) -> tuple:
    """Return onset, duration and pitch of codes [N, 4]; those of one pitch and onset end with the last."""
    onset = np.cumsum(codes[:, STEP].astype(int)) * 10
    duration = np.maximum(codes[:, DURATION].astype(int) * 10, 4)
    _, twins = np.unique(np.stack([onset, codes[:, PITCH]]), axis=1, return_inverse=True)
    longest = np.zeros(len(codes), int)
    np.maximum.at(longest, twins, duration)
    return onset, longest[twins], codes[:, PITCH]


@pytest.mark.slow
@pytest.mark.parametrize("constraints", CONSTRAINTS, ids=str)
def test_ten_thousand_notes_break_no_constraint(constraints):
    for player in PLAYERS:
        sampler = make_free_sampler(1, **constraints)
        codes = play_notes(sampler, 10_000 // len(PLAYERS), player)
        assert not list_faults(*convert_to_ms(codes), sampler.config), player.__name__


@pytest.mark.parametrize("constraints", CONSTRAINTS, ids=str)
def test_without_the_constraint_the_same_notes_break_it(constraints):
    broken = [
        list_faults(
            *convert_to_ms(play_notes(make_free_sampler(1), 300, player)),
            make_config(**constraints),
        )
        for player in PLAYERS
    ]
    assert any(broken)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes", [{"pitch_temperature": 3.0, "time_temperature": 0.2}, {"top_p": 0.3}, {"top_p": 0.9}]
)
def test_temperature_and_top_p_break_no_constraint(changes):
    for player in PLAYERS:
        sampler = make_free_sampler(1, **CONSTRAINTS[-1], **changes)
        assert not list_faults(*convert_to_ms(play_notes(sampler, 1500, player)), sampler.config)


@pytest.mark.parametrize("player", PLAYERS)
def test_what_is_read_back_from_a_midi_file_breaks_no_constraint(player, tmp_path):
    sampler = make_free_sampler(2, **CONSTRAINTS[-1])
    writer.write_notes(quantize.dequantize(play_notes(sampler, 1500, player)), tmp_path / "out.mid")
    notes = reader.read_notes((tmp_path / "out.mid").read_bytes(), "symusic")
    onset, duration = (np.rint(notes[name] * 1000).astype(int) for name in ("onset", "duration"))
    assert len(notes) == 1500
    assert not list_faults(onset, duration, notes["pitch"], sampler.config)


CODES = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 3, 50]), st.sampled_from([0, 1, 40, 300, 1000]), st.integers(58, 63)
    ),
    max_size=20,
).map(lambda notes: np.array([(*note, 64) for note in notes], np.int16).reshape(-1, 4))


@given(
    prompt=CODES,
    wanted=CODES,
    max_polyphony=st.integers(0, 4),
    max_notes_per_second=st.integers(0, 6),
    key=st.sampled_from(["chromatic", "C major", "B blues"]),
    seed=st.integers(0, 9),
)
def test_constraints_hold_after_any_prompt_and_whatever_is_wanted(
    prompt, wanted, max_polyphony, max_notes_per_second, key, seed
):
    sampler = make_free_sampler(
        seed,
        max_polyphony=max_polyphony,
        max_notes_per_second=max_notes_per_second,
        key=key,
        min_pitch=59,
    )
    sampler.observe(prompt)
    codes = [*prompt]
    for want in wanted:
        heads = ("step", "pitch", "duration")
        distributions = [(head, make_even_mass(head, want[COLUMN[head]])) for head in heads]
        codes.append(sampler.sample_note(distributions, [0, 0, 0, 64]))
    notes = np.array(codes, np.int16).reshape(-1, 4)
    if len(wanted):
        assert not list_faults(*convert_to_ms(notes), sampler.config, len(prompt))
    if not (max_polyphony or max_notes_per_second):  # allowed outcomes keep their probabilities
        assert np.array_equal(notes[len(prompt) :, [STEP, DURATION]], wanted[:, [STEP, DURATION]])


def test_a_person_may_play_between_and_break_all_limits():
    sampler = make_free_sampler(0, **CONSTRAINTS[-1])
    chord = np.array([(0, 700, pitch, 64) for pitch in range(60, 72)], np.int16)
    parts = []
    for seed in range(30):
        sampler.observe(chord)
        played = play_notes(sampler, 4, worst, seed)
        assert played[0, STEP] == 700
        parts += [chord, played]
        assert not list_faults(
            *convert_to_ms(np.concatenate(parts)), sampler.config, 16 * seed + 12
        )


def test_what_is_allowed_keeps_its_proportions():
    sampler = make_free_sampler(4, key="C major", min_pitch=60, max_pitch=65)
    mass = np.zeros(128)
    mass[[60, 61, 62, 64, 65]] = 0.1, 0.5, 0.2, 0.1, 0.1
    counts = np.bincount(
        [sampler.sample_feature("pitch", mass) for _ in range(4000)], minlength=128
    )
    assert set(np.flatnonzero(counts)) == {60, 62, 64, 65}
    assert stats.chisquare(counts[[60, 62, 64, 65]], [800, 1600, 800, 800]).pvalue > 0.001


def test_temperature_and_top_p_come_after_the_constraint():
    mass = np.zeros(128)
    mass[[61, 60, 62]] = 0.9, 0.08, 0.02
    sampler = make_free_sampler(4, key="C major", top_p=0.79)
    assert {sampler.sample_feature("pitch", mass) for _ in range(200)} == {
        60
    }  # of what is allowed, 60 alone is 0.8
    sampler = make_free_sampler(4, key="C major", top_p=0.79, pitch_temperature=2.0)
    assert {sampler.sample_feature("pitch", mass) for _ in range(200)} == {60, 62}


def test_where_nothing_allowed_has_mass():
    sampler = make_free_sampler(
        4, key="C major", min_pitch=60, max_pitch=64, max_polyphony=1, top_p=0.5
    )
    assert {sampler.sample_feature("pitch", make_even_mass("pitch", 61)) for _ in range(200)} == {
        60,
        62,
        64,
    }, "even over all"
    sampler.observe(np.array([[0, 400, 60, 64]], np.int16))
    assert {sampler.sample_feature("step", make_even_mass("step", 3, 7)) for _ in range(200)} == {
        400
    }, "no longer than it must"
    tiny = make_even_mass("step", 3) + 5e-324 * make_even_mass("step", 1000)
    assert {sampler.sample_feature("step", tiny) for _ in range(20)} == {400}


@pytest.mark.parametrize("number", [0.0, 0.5, 1 - 2**-53])
@given(power=st.integers(-1074, 0), cell=st.integers(50, 1000))
def test_however_small_the_masses_that_are_left(number, power, cell):
    sampler = Sampler(Fixed(number), make_config(max_polyphony=1))
    sampler.observe(np.array([[0, 50, 60, 64]], np.int16))
    mass = make_even_mass("step", 0)
    mass[cell] = 2.0**power
    assert sampler.sample_feature("step", mass) in (50, cell)


LIMITS = TimeLimits(max_step=40, max_duration=150)


def make_limited_sampler(seed: int, **changes) -> Sampler:
    return Sampler(np.random.default_rng(seed), make_config(**changes), LIMITS)


@pytest.mark.parametrize("player", PLAYERS)
def test_no_step_and_no_duration_is_above_the_limits(player):
    codes = play_notes(make_limited_sampler(1), 300, player)
    assert codes[:, STEP].max() <= 40
    assert codes[:, DURATION].max() <= 150
    free = play_notes(make_limited_sampler(1, limit_times=False), 300, player)
    assert np.array_equal(free, play_notes(make_free_sampler(1), 300, player))


def test_a_model_that_wants_only_long_times_gets_the_longest_that_are_allowed():
    wanted = {
        "step": make_even_mass("step", 300, 1000),
        "duration": make_even_mass("duration", 999),
    }
    sampler = make_limited_sampler(0)
    for feature, limit in (("step", 40), ("duration", 150)):
        assert sampler.sample_feature(feature, wanted[feature]) == limit
        assert make_free_sampler(0).sample_feature(feature, wanted[feature]) > limit


def test_times_within_the_limits_keep_their_proportions():
    probs = np.zeros(GRID_SIZE)
    probs[[0, 40, 41, 900]] = 0.1, 0.3, 0.3, 0.3
    sampler = make_limited_sampler(2)
    drawn = np.bincount([sampler.sample_feature("step", probs) for _ in range(4000)])
    assert set(np.flatnonzero(drawn)) == {0, 40}
    assert stats.chisquare(drawn[[0, 40]], [1000, 3000]).pvalue > 0.001


def test_a_limit_on_notes_may_need_a_step_above_the_longest():
    sampler = make_limited_sampler(0, max_polyphony=1)
    sampler.observe(np.array([[0, 120, 60, 64]], np.int16))
    for step in (0, 300):
        assert sampler.sample_feature("step", make_even_mass("step", step)) == 120


def test_a_prompt_with_longer_times_lifts_the_limits():
    model = replace(make_tiny_model(), time_limits=LIMITS)
    prompt = np.array([[900, 20, 60, 64], [70, 800, 62, 64], [30, 20, 64, 64]], np.int16)
    for notes, longest in ((prompt, (70, 800)), (prompt[2:], (40, 150))):
        sampler = make_sampler(model, notes, make_config(), np.random.default_rng(0))
        drawn = [
            sampler.sample_feature(name, make_even_mass(name, 1000))
            for name in ("step", "duration")
        ]
        assert tuple(drawn) == longest


def test_a_model_without_limits_plays_as_before():
    prompt = np.array([[0, 20, 60, 64]], np.int16)
    sampler = make_sampler(make_tiny_model(), prompt, make_config(), np.random.default_rng(0))
    assert sampler.sample_feature("step", make_even_mass("step", 1000)) == 1000
    assert sampler.sample_feature("duration", make_even_mass("duration", 1000)) == 1000


def test_masses_that_are_no_numbers_are_refused():
    for mass in (np.full(128, np.nan), np.zeros(128)):
        with pytest.raises(
            DataError, match=r"pitch: probabilities sum to .* train the model again"
        ):
            make_free_sampler(0).sample_feature("pitch", mass)


@pytest.mark.parametrize(("what", "narrow"), [("temperature", 0.01), ("top_p", 1e-4)])
@pytest.mark.parametrize("cold", FEATURES)
def test_each_temperature_and_top_p_is_of_its_own_parts(what, narrow, cold):
    parts = {"time": ("step", "duration"), "pitch": ("pitch",), "velocity": ("velocity",)}
    hot = [head for name in FEATURES if name != cold for head in parts[name]]
    sampler = make_free_sampler(0, **{f"{cold}_{what}": narrow})
    masses = {head: draw_mass(head, np.random.default_rng(5)) for head in SIZES}
    choices = {
        head: {sampler.sample_feature(head, mass) for _ in range(60)}
        for head, mass in masses.items()
    }
    assert all(choices[head] == {int(masses[head].argmax())} for head in parts[cold])
    assert all(len(choices[head]) > 5 for head in hot)


@pytest.mark.parametrize("constraints", [{}, CONSTRAINTS[-1]], ids=str)
def test_the_same_seed_chooses_the_same_notes(constraints):
    def chosen(seed: int) -> list:
        sampler = make_free_sampler(seed, **constraints, top_p=0.9, time_temperature=1.2)
        return play_notes(sampler, 200).tolist()

    assert chosen(1) == chosen(1)
    assert chosen(1) != chosen(2)


@pytest.mark.parametrize("heard", ["before", "never"])
def test_constraints_that_forbid_nothing_change_nothing(heard):
    loose = make_free_sampler(3, max_polyphony=128, max_notes_per_second=1000)
    if heard == "before":
        loose.observe(np.array([[0, 10, 60, 64]], np.int16))
    assert np.array_equal(play_notes(loose, 300), play_notes(make_free_sampler(3), 300))


@pytest.mark.parametrize("constraints", [{}, *CONSTRAINTS], ids=str)
def test_one_random_number_is_used_for_each_choice(constraints):
    sampler, plain = (
        make_free_sampler(5, **constraints, pitch_temperature=0.9, top_p=0.9),
        np.random.default_rng(5),
    )
    for player in PLAYERS:
        play_notes(sampler, 10, player)
    plain.random(10 * len(PLAYERS) * len(SIZES))
    assert sampler.rng.random() == plain.random()


def test_a_sampler_without_a_pitch_to_choose_is_refused():
    with pytest.raises(ParamsError, match=r"no pitch of 'C major' lies in 61\.\.61"):
        make_free_sampler(0, key="C major", min_pitch=61, max_pitch=61)


@pytest.mark.parametrize(
    "changes",
    [
        *(
            {name: bad}
            for name in ("pitch_temperature", "time_temperature", "velocity_temperature")
            for bad in (0.0, -1.0, 11.0, "hot")
        ),
        *(
            {name: bad}
            for name in ("pitch_top_p", "time_top_p", "velocity_top_p")
            for bad in (0.0, 1.1)
        ),
        *({name: bad} for name in ("min_pitch", "max_pitch") for bad in (-1, 128, 60.0)),
        *(
            {name: bad}
            for name in ("max_polyphony", "max_notes_per_second")
            for bad in (-1, 1001, 2.5)
        ),
        {"min_pitch": 70, "max_pitch": 69},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(changes):
    with pytest.raises(ValidationError):
        make_config(**changes)


def test_a_rare_move_of_the_pedal_is_as_likely_as_the_model_has_it():
    config = make_config().model_copy(update={"pitch_temperature": 0.1, "pitch_top_p": 0.5})
    sampler = Sampler(np.random.default_rng(0), config)
    probs = np.array([0.02, 0.95, 0.03])
    counts = np.bincount([sampler.sample_feature("pedal", probs) for _ in range(4000)], minlength=3)
    assert counts == pytest.approx(4000 * probs, abs=40)
