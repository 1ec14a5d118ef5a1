"""Each message does what it says, and a malformed one gets one error."""

import json
import random
import time

import pytest
from pretty_midi import note_number_to_name
from studio.conftest import Client, Studio
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
        page.send(type="set_mode", mode="accompany")
        page.receive("note_on")
        page.send(
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
        settled = page.receive("controls")
        assert (settled["revision"], settled["values"]["key"], settled["values"]["tempo"]) == (
            41,
            "C minor",
            2.0,
        )
        assert settled["values"]["response_delay"] == 1.0
        drawn = [
            page.receive(lambda message: message["type"] == "note_on" and message["revision"] == 41)
            for _ in range(5)
        ]
        for note in drawn:
            assert 48 <= note["pitch"] <= 71
            assert note_number_to_name(note["pitch"])[:-1] in ("C", "D", "D#", "F", "G", "G#", "A#")


def test_a_switch_stays_true_or_false(studio: Studio) -> None:
    with studio.page() as page:
        welcome = page.receive("welcome")
        assert welcome["defaults"]["limit_times"] is True
        page.send(type="set_controls", revision=3, values={"limit_times": False})
        assert page.receive("controls")["values"]["limit_times"] is False
        page.send(type="set_controls", revision=4, values=welcome["defaults"])
        assert page.receive("controls")["values"] == welcome["defaults"]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"tempo": 2.0, "min_pitch": 100, "max_pitch": 50}, "min_pitch 100 is above max_pitch 50"),
        ({"tempo": 2.0, "key": "H major"}, "key"),
        ({"tempo": 100}, "tempo"),
        ({"tempo": 2.0, "response_delay": "long"}, "response_delay"),
        ({"tempo": 2.0, "response_delay": 0}, "response_delay"),
        ({"tempo": 2.0, "quantize": "tick"}, "quantize 'tick' is none of off, beat, bar"),
        ({"tempo": 2.0, "pitch_temperature": 0}, "pitch_temperature"),
        ({"tempo": 2.0, "self": 1}, "there is no control 'self'"),
    ],
)
def test_a_change_that_makes_no_sense_changes_nothing(
    studio: Studio, values: dict[str, object], why: str
) -> None:
    with studio.page() as page:
        before = page.receive("welcome")["values"]
        page.send(type="set_controls", revision=5, values=values)
        received = page.receive_until("error")
        assert why in received[-1]["message"]
        assert [message["values"] for message in received if message["type"] == "controls"] == [
            before
        ]


def test_controllers_change_controls_and_others_do_nothing(studio: Studio) -> None:
    with studio.page() as page:
        page.send(type="control_change", controller=1, value=99)
        page.send(type="control_change", controller=25, value=72)
        assert page.receive("controls")["values"]["max_pitch"] == 72


def test_in_call_response_the_model_answers_after_the_rest(studio: Studio) -> None:
    with studio.page() as page:
        page.send(type="set_controls", revision=1, values={"response_delay": 0.3})
        page.press_keys(60, 64, 67)
        ended = page.receive(lambda message: message["type"] == "note_end" and message)["end"]
        answer = page.receive(
            lambda message: message["type"] == "note_on" and message["performer"] == "model"
        )
        assert answer["onset"] > ended + 0.3 - 0.12
        page.send(type="note_on", pitch=72, velocity=90)
        page.receive(lambda message: message["type"] == "turn" and not message["is_model"])


def test_an_answer_begins_on_the_beat_that_a_pong_tells(studio: Studio) -> None:
    with studio.page() as page:
        values = {"response_delay": 0.3, "quantize": "beat", "tempo": 0.75}
        page.send(type="set_controls", revision=1, values=values)
        assert page.receive("controls")["values"]["quantize"] == "beat"
        wait(lambda: studio.session.engine)
        page.press_keys(60, 64, 67)
        answer = page.receive(
            lambda message: message["type"] == "note_on" and message["performer"] == "model"
        )
        page.send(type="ping", sent=1.0)
        pong = page.receive("pong")
        assert pong["beat_seconds"] == pytest.approx(0.5 / 0.75)
        beats = (answer["onset"] - pong["bar_start"]) / pong["beat_seconds"]
        assert beats == pytest.approx(round(beats), abs=0.02)


def test_bits_come_for_what_a_person_plays(studio: Studio) -> None:
    with studio.page() as page:
        page.press_keys(60, 62, 64)
        bits = [page.receive("surprisal") for _ in range(2)]
        for each in bits:
            assert each["total"] == pytest.approx(
                each["pitch"] + each["step"] + each["duration"], abs=0.01
            )
            assert 0 < each["total"] < 100


@pytest.mark.slow
@pytest.mark.parametrize("stopped_by", [("panic", {}), ("set_playing", {"playing": False})])
def test_the_model_is_silent_until_it_is_let_play_again(
    studio: Studio, stopped_by: tuple[str, dict[str, object]]
) -> None:
    with studio.page() as page:
        page.send(type="set_mode", mode="solo")
        page.receive("note_on")
        page.send(type=stopped_by[0], **stopped_by[1])
        page.receive(lambda message: message["type"] == "state" and not message["playing"])
        page.receive(lambda message: message["type"] == "turn" and not message["is_model"])
        time.sleep(0.5)
        page.send(type="ping", sent=1.0)
        assert "note_on" not in [message["type"] for message in page.receive_until("pong")]
        page.send(type="set_playing", playing=True)
        page.receive("note_on")


def test_panic_releases_the_keys_of_all_pages(studio: Studio) -> None:
    with studio.page() as one, studio.page() as two:
        two.send(type="note_on", pitch=60, velocity=80)
        struck = one.receive("note_on")
        one.send(type="panic")
        received = one.receive_until(lambda message: message["type"] == "note_end")
        assert received[-1]["note_id"] == struck["note_id"]
        assert "all_notes_off" in [message["type"] for message in received]
        assert not any(studio.session.held_keys.values())


@pytest.mark.parametrize(
    "restart", [("load_model", {"name": "maestro"}), ("set_playing", {"playing": True})]
)
def test_a_model_that_fails_is_told_of_once_and_can_play_again(
    studio: Studio, restart: tuple[str, dict[str, object]]
) -> None:
    """A list does not say that the model was chosen which it shows already: the button Let it play starts it again."""
    with studio.page() as page:
        page.receive("welcome")
        wait(lambda: studio.session.engine)
        assert studio.session.engine

        def broken(floor: int) -> None:
            raise ValueError("probabilities sum to nan")

        studio.session.engine.improviser.peek = broken  # type: ignore[assignment,method-assign]
        page.receive("all_notes_off")
        page.send(type="ping", sent=1.0)
        received = page.receive_until("error")
        assert received[-1]["message"] == (
            "the model stopped (ValueError: probabilities sum to nan); "
            "let it play again, or choose another model"
        )
        assert [message["playing"] for message in received if message["type"] == "state"] == [False]
        page.send(type="ping", sent=2.0)
        page.send(type=restart[0], **restart[1])
        assert "error" not in [message["type"] for message in page.receive_until("state")]
        page.send(type="set_playing", playing=True)
        page.send(type="set_mode", mode="accompany")
        page.receive("note_on")


def test_a_take_is_renamed_kept_and_discarded(studio: Studio) -> None:
    with studio.page() as page:
        page.receive("welcome")
        page.send(type="set_recording", recording=True)
        page.press_keys(60)
        wait(lambda: len(studio.session.shared_state.recorder))
        page.send(type="set_recording", recording=False)
        (take,) = page.receive(lambda message: message.get("takes"))["takes"]
        assert (take["name"], take["notes"], take["is_kept"]) == ("Take 1", 1, False)
        page.send(type="rename_take", take_id=take["take_id"], name="../notes")
        assert "begins with a dot" in page.receive("error")["message"]
        page.send(type="rename_take", take_id=take["take_id"], name=" Waltz in A♭ ")
        assert page.receive("state")["takes"][0]["name"] == "Waltz in A♭"
        page.send(type="keep_take", take_id=take["take_id"])
        assert page.receive("state")["takes"][0]["is_kept"]
        page.send(type="discard_take", take_id=take["take_id"])
        assert page.receive("state")["takes"] == []
        page.send(type="discard_take", take_id=take["take_id"])
        assert "no such take" in page.receive("error")["message"]


def test_a_note_that_ends_after_the_recording_is_told_with_the_next_ping(studio: Studio) -> None:
    with studio.page() as page:
        page.receive("welcome")
        page.record_note_past_end()
        page.send(type="ping", sent=1.0)
        assert page.receive("state")["takes"][0]["notes"] == 1


def answered(page: Client) -> list[str]:
    page.send(type="ping", sent=0.0)
    return [message["type"] for message in page.receive_until("pong")]


@pytest.mark.slow
def test_a_malformed_message_gets_one_error_and_changes_nothing(studio: Studio) -> None:
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
        page.send(type="set_playing", playing=False)
        answered(page)
        for text in (*ODD, *noise, *bent):
            page.socket.send(text)
            assert answered(page) == ["error", "pong"], text
        page.socket.send(b"\x00\xff")
        assert answered(page) == ["error", "pong"]
