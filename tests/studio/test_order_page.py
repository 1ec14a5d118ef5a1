"""The page when events come in an unusual order, in a browser."""

import base64
from pathlib import Path

import pytest
from browser import Pages
from factories import make_tiny_model
from playwright.sync_api import Route
from studio.conftest import Studio
from studio.test_comparison_page import wait_for_status
from studio.test_page import at, until
from studio.test_prompt_page import DRAG
from studio.test_session import wait
from studio.test_sound_page import open_with_script
from studio.test_takes_page import add_take

from pipeline.models import model_io
from pipeline.studio.messages import ModelNoteEnded, NoteStarted

pytestmark = pytest.mark.slow  # a browser
KEEP_SOCKETS = """(() => {
    window.sockets = [];
    window.WebSocket = class extends WebSocket {
        constructor(...values) {
            super(...values);
            window.sockets.push(this);
        }
    };
})()"""
IS_PAUSED = "document.getElementById('play').textContent === 'Let it play'"


def start_note(studio: Studio, pitch: int, note_id: int) -> None:
    """Tell the pages of a note of the model under its pedal, which only its `note_off` ends."""
    onset = studio.session.make_welcome_message(0).time
    note = NoteStarted(
        performer="model", note_id=note_id, revision=0, pitch=pitch, velocity=80,
        onset=onset, duration=0.1, pedal=1,
    )  # fmt: skip
    studio.session.broadcast(note)


def end_note(studio: Studio, pitch: int) -> None:
    time = studio.session.make_welcome_message(0).time
    studio.session.broadcast(ModelNoteEnded(pitch=pitch, time=time))


def test_notes_of_the_model_end_when_the_connection_is_lost(browser: Pages, studio: Studio) -> None:
    with open_with_script(browser, studio.url, KEEP_SOCKETS) as visit:
        page = visit.page
        page.wait_for_selector("#model option", state="attached")
        start_note(studio, 60, 1)
        page.wait_for_selector(".key.model[data-pitch='60']")
        page.evaluate("window.sockets.at(-1).close()")
        until(page, "!document.querySelector('.key.model')", 5)


def test_a_note_of_the_model_ends_while_a_take_has_its_pitch_later(
    browser: Pages, studio: Studio
) -> None:
    add_take(studio, 600.0)
    with at(browser, studio) as visit:
        page = visit.page
        start_note(studio, 64, 1)
        page.wait_for_selector(".key.model[data-pitch='64']")
        page.get_by_role("button", name="Replay", exact=True).click()
        page.get_by_role("button", name="Stop", exact=True).wait_for()
        page.wait_for_timeout(100)  # the take is drawn, and its E comes 1.6 s after the click
        end_note(studio, 64)
        until(page, "!document.querySelector('.key.model')", 0.8)


def test_a_note_that_is_struck_again_late_sounds_on(browser: Pages, studio: Studio) -> None:
    with at(browser, studio) as visit:
        page = visit.page
        start_note(studio, 60, 1)
        page.wait_for_selector(".key.model[data-pitch='60']")
        start_note(studio, 60, 2)
        page.wait_for_timeout(50)
        end_note(studio, 60)  # of the first note, sent late
        page.wait_for_timeout(100)
        assert page.query_selector(".key.model[data-pitch='60']")
        end_note(studio, 60)
        until(page, "!document.querySelector('.key.model')", 5)


def test_the_model_stays_paused_after_a_panic_in_a_comparison(
    browser: Pages, studio: Studio
) -> None:
    model_io.save_model(make_tiny_model(stateful=True), Path("models/mine"))
    with at(browser, studio) as visit:
        page = visit.page
        page.get_by_role("button", name="Start comparing").click()
        wait_for_status(page, "Play a phrase")
        until(page, IS_PAUSED)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Finish").click()
        page.wait_for_timeout(500)
        assert page.evaluate(IS_PAUSED)
        assert not studio.session.shared_state.playing


def test_a_loop_ends_a_comparison(browser: Pages, studio: Studio) -> None:
    model_io.save_model(make_tiny_model(stateful=True), Path("models/mine"))
    add_take(studio)
    with at(browser, studio) as visit:
        page = visit.page
        page.get_by_role("button", name="Start comparing").click()
        until(page, IS_PAUSED)
        page.get_by_role("button", name="Loop", exact=True).click()
        page.get_by_role("button", name="Start comparing").wait_for()
        wait(lambda: studio.session.shared_state.playing)


def test_the_model_rests_while_one_take_after_another_is_replayed(
    browser: Pages, studio: Studio
) -> None:
    add_take(studio, 600.0)
    add_take(studio, 600.0)
    with at(browser, studio) as visit:
        page = visit.page
        page.get_by_role("button", name="Replay", exact=True).first.click()
        until(page, IS_PAUSED)
        page.get_by_role("button", name="Replay", exact=True).click()
        page.get_by_role("button", name="Stop", exact=True).wait_for()
        page.wait_for_timeout(300)
        assert not studio.session.shared_state.playing
        page.keyboard.press("Space")
        wait(lambda: studio.session.shared_state.playing)
        until(page, f"!({IS_PAUSED})")
        page.keyboard.press("Space")
        until(page, IS_PAUSED)
        page.locator("#takes").get_by_role("button", name="Stop", exact=True).click()
        page.wait_for_timeout(300)
        assert not studio.session.shared_state.playing, "the person paused it"


def test_a_file_that_is_refused_leaves_the_text_of_the_one_before(
    browser: Pages, studio: Studio
) -> None:
    routes: list[Route] = []
    visit = browser.open(studio.url)
    page = visit.page
    page.wait_for_selector("#model option", state="attached")
    page.route("**/prompt", lambda route: routes.append(route))
    for name in ("one.mid", "two.mid"):
        page.evaluate(DRAG, ["drop", base64.b64encode(b"x").decode(), name])
    while len(routes) < 2:
        page.wait_for_timeout(20)
    described = {"notes": 1, "seconds": 1, "read_seconds": 1, "roll": [[0, 1, 60]]}
    routes[0].fulfill(json=described)
    until(page, "document.getElementById('prompt-text').textContent.startsWith('one.mid: ')")
    routes[1].fulfill(status=400, body="no")
    page.wait_for_selector("#toast:not([hidden])")
    assert page.inner_text("#prompt-text").startswith("one.mid: ")
    page.context.close()


UNPLUG = """async () => {
    const { WebMidi } = await import('/static/webMidi.js');
    const { Keyboard } = await import('/static/keyboard.js');
    const container = document.createElement('div');
    document.createElement('div').append(container);
    const keyboard = new Keyboard(container, () => 80);
    const elements = { outputSelect: document.createElement('select'), outputRow: document.createElement('div') };
    for (const name of ['button', 'inputNames']) elements[name] = document.createElement('span');
    const midi = new WebMidi(keyboard, null, elements);
    const inputs = new Map(['1', '11'].map((id) => [id, { id, name: id }]));
    midi.access = { inputs, outputs: new Map() };
    midi.updatePorts();
    for (const port of ['1', '11']) midi.onMessage(port, [0x90, 60 + Number(port), 80]);
    midi.onMessage('1', [0xb0, 64, 127]);
    inputs.delete('1');
    midi.updatePorts();
    return [[...keyboard.held.values()], keyboard.pedalDown];
}"""


def test_keys_and_pedal_of_a_keyboard_that_is_unplugged_come_up(
    browser: Pages, studio: Studio
) -> None:
    with at(browser, studio) as visit:
        assert visit.page.evaluate(UNPLUG) == [[71], False]


ASLEEP = """async () => {
    const { TakeLoop } = await import('/static/takeLoop.js');
    const { TakePlayer } = await import('/static/takePlayer.js');
    let now = 100;
    const connection = { now: () => now, toLocalTime: (time) => 1000 * time };
    const keyboard = { count: 0, press() { this.count += 1; }, release() {}, highlight() {} };
    const notes = Array.from({ length: 600 }, (_, onset) => ({ performer: 'model', pitch: 60, velocity: 80, onset, duration: 0.5 }));
    const loop = new TakeLoop(keyboard, connection, (time) => time);
    loop.start(notes.slice(0, 2), 2);
    const synth = { count: 0, isRunning: true, start() {}, audioTime: () => 0, noteOn() { this.count += 1; }, stopAll() {} };
    const player = new TakePlayer(synth, keyboard, { add() {}, cut() {} }, connection);
    player.start(notes, 600);
    now += 300;
    for (let i = 0; i < 10; i++) loop.advance();
    player.advance();
    loop.stop();
    player.stop();
    return [keyboard.count, synth.count];
}"""


def test_a_page_that_was_asleep_plays_nothing_of_what_it_missed(
    browser: Pages, studio: Studio
) -> None:
    with at(browser, studio) as visit:
        pressed, sounded = visit.page.evaluate(ASLEEP)
    assert pressed <= 1
    assert sounded <= 2
