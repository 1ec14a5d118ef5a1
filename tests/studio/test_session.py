"""Pages share a session; the keys that one holds are released when it leaves, and the last one ends the music."""

import re
import threading
import time
from pathlib import Path

import pytest
from factories import ROOT, UNCONSTRAINED, make_tiny_model
from studio.conftest import Studio
from studio.test_live_engine import broken

from pipeline.core.errors import PipelineError
from pipeline.generation.constraints import allowed_pitches
from pipeline.models import model_io
from pipeline.studio import catalog
from pipeline.studio.live_engine import LiveEngine
from pipeline.studio.messages import ClientError
from pipeline.studio.session import KEY_NAMES, MAX_CLIENTS, LiveSession


def wait(what: object, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:  # type: ignore[operator]
        time.sleep(0.01)
    assert what()  # type: ignore[operator]


def test_every_number_of_the_sampling_has_a_slider() -> None:
    page = (ROOT / "pipeline/studio/static/controls.js").read_text("utf-8")
    sliders = set(re.findall(r'^  \["(\w+)", "\w', page, re.MULTILINE))
    values = UNCONSTRAINED.model_dump()
    assert {name for name, value in values.items() if type(value) in (int, float)} <= sliders


def test_an_unknown_model_starts_no_session(in_folder: Path) -> None:
    with pytest.raises(ClientError, match="no model of that name"):
        LiveSession("nobody", UNCONSTRAINED)


def test_a_model_that_cannot_start_is_named_before_a_page_is_open(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "load_by_name", lambda name: (name, broken()))
    with pytest.raises(
        PipelineError, match=r"model 'mine' cannot start \(KeyError: .*choose another"
    ):
        LiveSession("mine", UNCONSTRAINED)


def test_pages_that_find_no_music_are_not_in(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, threads = studio.session.model, threading.active_count()
    studio.session.model = broken()
    for _ in range(MAX_CLIENTS + 1):
        with studio.page() as page:
            assert "cannot start" in page.receive("error")["message"]
    assert (studio.session.clients, studio.session.held_keys, studio.session.engine) == (
        {},
        {},
        None,
    )
    assert threading.active_count() <= threads + 4  # those of the loop, which it keeps
    studio.session.model = sound
    with studio.page() as page:
        page.receive("welcome")
        wait(lambda: studio.session.engine)


@pytest.mark.slow
def test_a_model_that_cannot_start_lets_the_old_one_play_on(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    with studio.page() as page:
        page.send(type="set_mode", mode="accompany")
        page.receive("note_on")
        band, model, prompt = studio.session.engine, studio.session.model, studio.session.prompt
        monkeypatch.setattr(catalog, "load_by_name", lambda name: (name, broken()))
        page.send(type="load_model", name="mine")
        assert "'mine' cannot start" in page.receive("error")["message"]
        assert studio.session.engine is band and band and band.player.running
        assert (studio.session.model_name, studio.session.model) == ("maestro", model)
        assert studio.session.prompt is prompt
        assert page.receive("note_on")["performer"] == "model"


@pytest.mark.slow
def test_who_goes_while_models_change_leaves_the_music_to_others(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_io.save_model(make_tiny_model(stateful=True), Path("models/mine"))
    stop = LiveEngine.stop

    def slowly(band: LiveEngine) -> None:
        time.sleep(0.5)
        stop(band)

    monkeypatch.setattr(LiveEngine, "stop", slowly)
    with studio.page() as stays:
        stays.receive("welcome")
        wait(lambda: studio.session.engine)
        with studio.page() as goes:
            goes.receive("welcome")
            goes.send(type="load_model", name="mine")
            wait(lambda: studio.session.engine is None)
        assert stays.receive(lambda message: message.get("model") == "mine")
        wait(lambda: studio.session.engine and studio.session.engine.player.running)


def test_every_key_that_is_offered_is_one() -> None:
    assert len(set(KEY_NAMES)) == len(KEY_NAMES) > 150
    assert all(allowed_pitches(key, 0, 127) for key in KEY_NAMES)


def test_the_music_begins_with_the_first_page_and_ends_with_the_last(studio: Studio) -> None:
    with studio.page() as one:
        hello = one.receive("welcome")
        assert hello["state"]["mode"] == "call-response"
        assert "maestro" in hello["state"]["models"]
        wait(lambda: studio.session.engine)
        with studio.page() as two:
            assert two.receive("welcome")["client_id"] != hello["client_id"]
        wait(lambda: len(studio.session.clients) == 1)
        assert studio.session.engine
    wait(lambda: studio.session.engine is None)
    assert not studio.session.held_keys


def test_an_unusual_key_of_the_parameters_can_be_chosen_too(in_folder: Path) -> None:
    session = LiveSession("maestro", UNCONSTRAINED.model_copy(update={"key": "E# minor"}))
    keys = session.make_welcome_message(1).keys
    assert keys == [*KEY_NAMES, "E# minor"]


def test_a_page_is_sent_what_differs_from_the_defaults(studio: Studio) -> None:
    with studio.page() as page:
        first = page.receive("welcome")
        assert first["resumed"] == []
        assert first["defaults"] == first["values"]
        page.send(type="set_mode", mode="solo")
        page.send(type="set_controls", revision=1, values={"tempo": 2.0})
        page.send(type="panic")
        page.receive(lambda message: message["type"] == "state" and not message["playing"])
    with studio.page() as page:
        second = page.receive("welcome")
        assert second["resumed"] == ["mode", "playing", "tempo"]
        assert second["values"]["tempo"] == 2.0
        assert second["defaults"] == first["defaults"]


def test_a_page_that_leaves_releases_its_keys(studio: Studio) -> None:
    with studio.page() as stays:
        with studio.page() as goes:
            goes.send(type="note_on", pitch=61, velocity=80)
            struck = stays.receive("note_on")
        assert stays.receive("note_end")["note_id"] == struck["note_id"]


def test_a_key_that_two_pages_hold_sounds_until_both_let_go(studio: Studio) -> None:
    with studio.page() as stays:
        with studio.page() as goes:
            for page in (stays, goes):
                page.send(type="note_on", pitch=61, velocity=80)
                page.receive("note_on")
        first = stays.receive(
            "note_end"
        )  # as on a piano: the key struck again ends the note before
        second = stays.receive("note_on")["note_id"]
        assert second != first["note_id"]
        wait(lambda: len(studio.session.held_keys) == 1)
        stays.send(type="ping", sent=1.0)
        assert "note_end" not in [message["type"] for message in stays.receive_until("pong")]
        stays.send(type="note_off", pitch=61)
        assert stays.receive("note_end")["note_id"] == second


def test_the_number_of_pages_is_limited(studio: Studio) -> None:
    lines = [studio.page() for _ in range(MAX_CLIENTS)]
    for line in lines:
        line.__enter__().receive("welcome")
    with studio.page() as one_more:
        assert "pages are open already" in one_more.receive("error")["message"]
    for line in lines:
        line.__exit__(None, None, None)


@pytest.mark.slow
def test_another_model_plays_on_where_this_one_was(studio: Studio) -> None:
    model_io.save_model(make_tiny_model(stateful=True), Path("models/mine"))
    with studio.page() as page:
        page.send(type="set_mode", mode="accompany")
        page.receive("note_on")
        before = studio.session.engine
        page.send(type="load_model", name="mine")
        assert page.receive(lambda message: message.get("model") == "mine")["type"] == "state"
        assert page.receive("note_on")["performer"] == "model"
        assert before
        assert not before.player.running
        assert len(studio.session.prompt) > 1
        page.send(type="load_model", name="../mine")
        assert "no model of that name" in page.receive("error")["message"]
        assert studio.session.engine


def test_a_key_that_is_held_while_models_change_ends_on_the_pages(studio: Studio) -> None:
    with studio.page() as page:
        page.send(type="note_on", pitch=61, velocity=80)
        struck = page.receive("note_on")
        page.send(type="load_model", name="maestro")
        received = page.receive_until(lambda message: message.get("model") == "maestro")
        ended = [message["note_id"] for message in received if message["type"] == "note_end"]
        assert ended == [struck["note_id"]]


def test_a_turn_of_the_model_ends_with_its_engine_and_a_new_page_knows_it(studio: Studio) -> None:
    with studio.page() as page:
        page.send(type="set_mode", mode="solo")
        page.receive(lambda message: message["type"] == "turn" and message["is_model"])
        with studio.page() as other:
            assert other.receive("turn")["is_model"]
        page.send(type="load_model", name="maestro")
        page.receive(lambda message: message["type"] == "turn" and not message["is_model"])


def test_a_page_that_opens_hides_no_new_take_from_the_others(studio: Studio) -> None:
    with studio.page() as page:
        page.record_note_past_end()
        wait(lambda: studio.session.takes.describe())
        with studio.page() as other:
            assert other.receive("welcome")["state"]["takes"]
            page.send(type="ping", sent=1.0)
            received = page.receive_until("pong")
        takes = [message["takes"] for message in received if message["type"] == "state"]
        assert [len(listed) for listed in takes] == [1]


def test_a_page_that_missed_messages_is_sent_what_holds(studio: Studio) -> None:
    with studio.page() as page:
        page.receive("turn")
        (queue,) = studio.session.clients.values()
        queue.dropped = 7
        page.send(type="ping", sent=1.0)
        received = page.receive_until("controls")
    assert [message["type"] for message in received] == [
        "dropped",
        "pong",
        "all_notes_off",
        "turn",
        "state",
        "controls",
    ]
