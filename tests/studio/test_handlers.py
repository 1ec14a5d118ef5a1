"""Each wish does what it says, and what is no wish gets one line."""

import json
import random
import time

import pytest
from pretty_midi import note_number_to_name
from studio.conftest import Line, Studio
from studio.test_session import wait

ODD = (
    "",
    "null",
    "[1",
    '{"type":',
    '{"type":"set_controls"}',
    '{"type":"note_on","pitch":1e999,"velocity":1}',
    "\ud7ff",
    "0" * 4000,
)


def test_a_change_is_acknowledged_and_later_notes_say_so(studio: Studio) -> None:
    with studio.page() as page:
        page.say(type="set_mode", mode="accompany")
        page.last("note_on")
        page.say(
            type="set_controls",
            revision=41,
            values={
                "key": "C minor",
                "min_pitch": 48,
                "max_pitch": 71,
                "tempo": 2.0,
                "response_delay": 1,
            },
        )
        settled = page.last("controls")
        assert (settled["revision"], settled["values"]["key"], settled["values"]["tempo"]) == (
            41,
            "C minor",
            2.0,
        )
        assert settled["values"]["response_delay"] == 1.0
        drawn = [
            page.last(lambda frame: frame["type"] == "note_on" and frame["revision"] == 41)
            for _ in range(5)
        ]
        for note in drawn:
            assert 48 <= note["pitch"] <= 71
            assert note_number_to_name(note["pitch"])[:-1] in ("C", "D", "D#", "F", "G", "G#", "A#")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"tempo": 2.0, "min_pitch": 100, "max_pitch": 50}, "min_pitch 100 is above max_pitch 50"),
        ({"tempo": 2.0, "key": "H major"}, "key"),
        ({"tempo": 100}, "tempo"),
        ({"tempo": 2.0, "response_delay": "long"}, "response_delay"),
        ({"tempo": 2.0, "response_delay": 0}, "response_delay"),
        ({"tempo": 2.0, "pitch_temperature": 0}, "pitch_temperature"),
        ({"tempo": 2.0, "self": 1}, "there is no control 'self'"),
    ],
)
def test_a_change_that_makes_no_sense_changes_nothing(
    studio: Studio, values: dict[str, object], why: str
) -> None:
    with studio.page() as page:
        before = page.last("welcome")["values"]
        page.say(type="set_controls", revision=5, values=values)
        frames = page.until("error")
        assert why in frames[-1]["message"]
        assert [frame["values"] for frame in frames if frame["type"] == "controls"] == [before]


def test_knobs_turn_controls_and_others_do_nothing(studio: Studio) -> None:
    with studio.page() as page:
        page.say(type="control_change", controller=1, value=99)
        page.say(type="control_change", controller=25, value=72)
        assert page.last("controls")["values"]["max_pitch"] == 72


def test_in_call_response_the_model_answers_after_the_rest(studio: Studio) -> None:
    with studio.page() as page:
        page.say(type="set_controls", revision=1, values={"response_delay": 0.3})
        page.play(60, 64, 67)
        ended = page.last(lambda frame: frame["type"] == "note_end" and frame)["end"]
        answer = page.last(
            lambda frame: frame["type"] == "note_on" and frame["performer"] == "model"
        )
        assert answer["onset"] > ended + 0.3 - 0.12
        page.say(type="note_on", pitch=72, velocity=90)
        page.last(lambda frame: frame["type"] == "turn" and not frame["is_model"])


def test_bits_come_for_what_a_person_plays(studio: Studio) -> None:
    with studio.page() as page:
        page.play(60, 62, 64)
        bits = [page.last("surprisal") for _ in range(2)]
        for each in bits:
            assert each["total"] == pytest.approx(
                each["pitch"] + each["step"] + each["duration"], abs=0.01
            )
            assert 0 < each["total"] < 100


@pytest.mark.parametrize("stopped_by", [("panic", {}), ("set_playing", {"playing": False})])
def test_the_model_is_silent_until_it_is_let_play_again(
    studio: Studio, stopped_by: tuple[str, dict[str, object]]
) -> None:
    with studio.page() as page:
        page.say(type="set_mode", mode="solo")
        page.last("note_on")
        page.say(type=stopped_by[0], **stopped_by[1])
        page.last(lambda frame: frame["type"] == "state" and not frame["playing"])
        page.last(lambda frame: frame["type"] == "turn" and not frame["is_model"])
        time.sleep(0.5)
        page.say(type="ping", sent=1.0)
        assert "note_on" not in [frame["type"] for frame in page.until("pong")]
        page.say(type="set_playing", playing=True)
        page.last("note_on")


def test_panic_releases_the_keys_of_all_pages(studio: Studio) -> None:
    with studio.page() as one, studio.page() as two:
        two.say(type="note_on", pitch=60, velocity=80)
        struck = one.last("note_on")
        one.say(type="panic")
        frames = one.until(lambda frame: frame["type"] == "note_end")
        assert frames[-1]["note_id"] == struck["note_id"]
        assert "all_notes_off" in [frame["type"] for frame in frames]
        assert not any(studio.room.held_keys.values())


def test_a_model_that_fails_is_told_of_once_and_can_be_chosen_again(studio: Studio) -> None:
    with studio.page() as page:
        page.last("welcome")
        wait(lambda: studio.room.engine)
        assert studio.room.engine

        def broken(floor: int) -> None:
            raise ValueError("probabilities sum to nan")

        studio.room.engine.improviser.peek = broken  # type: ignore[assignment,method-assign]
        page.last("all_notes_off")
        page.say(type="ping", sent=1.0)
        assert (
            "the model stopped (ValueError: probabilities sum to nan)"
            in page.last("error")["message"]
        )
        page.say(type="ping", sent=2.0)
        page.say(type="load_model", name="maestro")
        assert "error" not in [frame["type"] for frame in page.until("state")]
        page.say(type="set_mode", mode="accompany")
        page.last("note_on")


def answered(page: Line) -> list[str]:
    page.say(type="ping", sent=0.0)
    return [frame["type"] for frame in page.until("pong")]


def test_what_is_no_wish_gets_one_frame_and_harms_nothing(studio: Studio) -> None:
    dice = random.Random(0)
    noise = [
        "".join(chr(dice.randrange(32, 0xD800)) for _ in range(dice.randrange(40)))
        for _ in range(30)
    ]
    sound = {"type": "note_on", "pitch": 60, "velocity": 80}
    bent = [
        json.dumps({**sound, name: value})
        for name in sound
        for value in (None, [], {}, "x", -1, 1e9)
    ]
    with studio.page() as page:
        page.say(type="set_playing", playing=False)
        answered(page)
        for text in (*ODD, *noise, *bent):
            page.socket.send(text)
            assert answered(page) == ["error", "pong"], text
        page.socket.send(b"\x00\xff")
        assert answered(page) == ["error", "pong"]
