import threading

import pytest
from factories import UNCONSTRAINED
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import ParamsError
from pipeline.generation.constraints import allowed_pitches
from pipeline.live.controls import CC_KEYS, CC_MAP, CONTROL_SCALES, Controls


def controls(**changes) -> Controls:
    return Controls(UNCONSTRAINED.model_copy(update=changes))


@given(st.lists(st.tuples(st.integers(0, 127), st.integers(0, 127)), max_size=60))
def test_no_knob_leads_to_values_that_make_no_sense(turns):
    live = controls()
    for number, value in turns:
        before = live.sampling_config, live.tempo
        if not live.control_change(number, value):
            assert (live.sampling_config, live.tempo) == before
    assert (
        type(live.sampling_config).model_validate(live.sampling_config.model_dump())
        == live.sampling_config
    )
    assert allowed_pitches(
        live.sampling_config.key, live.sampling_config.min_pitch, live.sampling_config.max_pitch
    )
    assert 0.25 <= live.tempo <= 4


def test_a_knob_of_the_standard_map_sets_its_control():
    live = controls()
    assert live.control_change(24, 30)
    assert live.sampling_config.min_pitch == 30
    assert set(CC_MAP.values()) < CONTROL_SCALES.keys()


@pytest.mark.parametrize("name", CONTROL_SCALES)
def test_every_step_of_a_knob_is_a_value_that_is_allowed_and_the_ends_differ(name):
    scale = CONTROL_SCALES[name]
    seen = []
    for value in range(128):
        live = controls()
        assert live.turn_knob(name, value)
        seen.append(live.tempo if name == "tempo" else getattr(live.sampling_config, name))
    assert seen[0] != seen[127]
    if name.endswith("temperature") or name == "tempo":
        assert seen[64] == 1.0
    if name in ("max_notes_per_second", "max_polyphony"):
        assert (seen[0], min(seen[1:]), seen[127]) == (0, 1, 32)
    if name == "key":
        assert sorted(set(seen)) == sorted(CC_KEYS)
    assert scale(0) == seen[0]


def test_changes_come_by_name_all_or_none():
    live = controls()
    live.update(pitch_temperature=0.5, key="F# minor", tempo=2)
    assert (live.sampling_config.pitch_temperature, live.sampling_config.key, live.tempo) == (
        0.5,
        "F# minor",
        2.0,
    )
    with pytest.raises(ParamsError, match="max_pitch"):
        live.update(pitch_temperature=0.7, max_pitch=200)
    with pytest.raises(ParamsError, match="tempo 9"):
        live.update(pitch_temperature=0.7, tempo=9)
    assert (live.sampling_config.pitch_temperature, live.tempo) == (0.5, 2.0)


@pytest.mark.parametrize(
    "change",
    [
        {"volume": 3},
        {"key": "H major"},
        {"min_pitch": 80, "max_pitch": 70},
        {"time_temperature": 0},
        {"max_notes_per_second": "many"},
    ]
    + [{"tempo": value} for value in (0.1, float("nan"), "fast")]
    + [{"key": "C pentatonic", "min_pitch": 66, "max_pitch": 66}],
)
def test_what_makes_no_sense_is_refused_in_one_line_and_changes_nothing(change):
    live = controls()
    with pytest.raises(ParamsError) as refused:
        live.update(**change)
    assert "\n" not in str(refused.value)
    assert (live.sampling_config, live.tempo) == (UNCONSTRAINED, 1.0)


def test_another_knob_changes_nothing():
    assert not controls().control_change(64, 127)


def test_no_change_is_lost_when_many_turn_at_once():
    live = controls()
    names = {
        "max_notes_per_second": 5,
        "max_polyphony": 6,
        "min_pitch": 20,
        "max_pitch": 100,
        "pitch_temperature": 0.5,
        "pitch_top_p": 0.9,
    }
    threads = [
        threading.Thread(target=lambda n=n, v=v: [live.update(**{n: v}) for _ in range(50)])
        for n, v in names.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: getattr(live.sampling_config, name) for name in names} == names
