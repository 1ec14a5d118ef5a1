"""Sustain, metronome, tempo and loops of the page, in a browser."""

import pytest
from browser import Pages
from studio.conftest import Studio
from studio.test_page import at, until
from studio.test_session import wait

from pipeline.live.recorder import HUMAN, Recorder

pytestmark = pytest.mark.slow  # a browser


def test_sustain_holds_keys_that_came_up_until_it_is_off(browser: Pages, studio: Studio) -> None:
    with at(browser, studio) as visit:
        page = visit.page
        page.get_by_role("button", name="Sustain").click()
        page.keyboard.press("KeyZ")
        page.keyboard.press("KeyX")
        page.wait_for_timeout(300)
        assert page.locator(".key.human").count() == 2
        (held,) = studio.session.held_keys.values()
        assert held == {48, 50}
        page.get_by_role("button", name="Sustain").click()
        until(page, "!document.querySelector('.key.human')")
        wait(lambda: not held)


PEDAL = """async () => {
    const { Keyboard } = await import('/static/keyboard.js');
    const piano = document.createElement('div').appendChild(document.createElement('div'));
    const keyboard = new Keyboard(piano, () => 80);
    const events = [];
    for (const type of ['noteOn', 'noteOff']) keyboard.addEventListener(type, ({ pitch }) => events.push([type, pitch]));
    keyboard.movePedal(true);
    keyboard.press('a', 60, 80);
    keyboard.release('a');
    keyboard.press('b', 60, 80);
    keyboard.movePedal(false);
    keyboard.release('b');
    return events;
}"""


def test_a_key_that_is_struck_again_under_the_pedal_sounds_anew(
    browser: Pages, studio: Studio
) -> None:
    with at(browser, studio) as visit:
        events = visit.page.evaluate(PEDAL)
    on, off = ["noteOn", 60], ["noteOff", 60]
    assert events == [on, off, on, off]


CLICKS = """async () => {
    const { Metronome } = await import('/static/metronome.js');
    const connection = Object.assign(new EventTarget(), { time: 100, now() { return this.time; }, ping() {} });
    const synth = { start() {} };
    const [button, text] = [document.createElement('button'), document.createElement('b')];
    const metronome = new Metronome(synth, connection, button, text);
    const clicks = [];
    metronome.click = (time, number) => clicks.push([Number(time.toFixed(3)), number]);
    const follow = (barStart, beatSeconds) => metronome.follow({ bar_start: barStart, beat_seconds: beatSeconds });
    const run = (seconds) => {
        for (const end = connection.time + seconds; connection.time < end; connection.time += 0.04) metronome.advance();
    };
    run(1);
    follow(102, 0.5);
    run(2);
    const slow = clicks.splice(0);
    follow(103.02, 0.25);
    run(1);
    return [slow, clicks, metronome.alignToBeat(110.1)];
}"""


def test_the_metronome_clicks_each_beat_of_the_server_once(browser: Pages, studio: Studio) -> None:
    with at(browser, studio) as visit:
        slow, fast, unaligned = visit.page.evaluate(CLICKS)
    assert slow == [[101.5, 4], [102.0, 1], [102.5, 2], [103.0, 3]]
    assert fast[0] == [103.27, 2]
    assert [round(time - 103.02, 3) / 0.25 for time, _ in fast] == [1, 2, 3, 4]
    assert unaligned == 110.1  # it is off, so nothing waits for a beat


def test_the_metronome_is_off_until_it_is_wanted_and_escape_ends_it(
    browser: Pages, studio: Studio
) -> None:
    with at(browser, studio) as visit:
        page = visit.page
        metronome = page.get_by_role("button", name="Metronome")
        assert metronome.get_attribute("aria-pressed") == "false"
        assert page.inner_text("#beat-number") == ""
        metronome.click()
        until(page, "document.getElementById('beat-number').textContent === '1'")
        until(page, "document.getElementById('beat-number').textContent === '2'")
        page.keyboard.press("Escape")
        until(page, "document.getElementById('beat-number').textContent === ''")
        assert metronome.get_attribute("aria-pressed") == "false"


DESCRIBE_TEMPO = """(() => {
    const field = document.getElementById('beats-per-minute');
    return document.getElementById(field.getAttribute('aria-describedby')).textContent;
})()"""


def test_the_tempo_is_shown_and_set_in_beats_per_minute(browser: Pages, studio: Studio) -> None:
    controls = studio.session.shared_state.controls
    with at(browser, studio) as visit:
        page = visit.page
        field = page.get_by_label("Tempo")
        assert field.count() == 1, "the tempo stands in one place"
        assert "Beats in a minute" in page.evaluate(DESCRIBE_TEMPO)
        assert field.input_value() == "120"
        field.fill("100")
        field.press("Enter")
        wait(lambda: controls.tempo == pytest.approx(100 / 120))
        field.fill("5000")
        field.press("Enter")
        until(page, "document.getElementById('beats-per-minute').value === '100'")
        assert controls.tempo == pytest.approx(100 / 120)
        assert not page.query_selector(".key.human"), "digits of a number are not played"
        assert page.locator("#quantize").inner_text().startswith("at once")
        page.get_by_label("Answer starts").select_option("bar")
        wait(lambda: studio.session.shared_state.quantize == "bar")
        page.get_by_role("button", name="Reset").click()
        until(page, "document.getElementById('quantize').value === 'off'")
        assert field.input_value() == "120"


ROUNDS = """async () => {
    const { TakeLoop } = await import('/static/takeLoop.js');
    const connection = { time: 100, now() { return this.time; } };
    const log = (velocity) => events.push([Number((connection.time - 100).toFixed(1)), velocity]);
    const [events, held] = [[], new Set()];
    const keyboard = {
        press: (holder, pitch, velocity) => { held.add(holder); log(velocity); },
        release: (holder) => held.delete(holder) && log(0),
    };
    const loop = new TakeLoop(keyboard, connection, Math.ceil);
    loop.wait = () => (loop.timer = 1);
    const notes = [
        { pitch: 60, velocity: 90, onset: 0.1, duration: 0.3 },
        { pitch: 60, velocity: 70, onset: 0.3, duration: 0.3 },
        { pitch: 60, velocity: 50, onset: 0.8, duration: 9 },
    ];
    loop.start(notes, 1.6);
    for (; connection.time < 105.05; connection.time += 0.1) loop.advance();
    loop.stop();
    return events;
}"""
"""Each round begins at a whole second."""


def test_each_round_of_a_loop_begins_on_a_beat_and_ends_its_notes(
    browser: Pages, studio: Studio
) -> None:
    with at(browser, studio) as visit:
        events = visit.page.evaluate(ROUNDS)
    one = [(0.1, 90), (0.3, 0), (0.3, 70), (0.6, 0), (0.8, 50), (1.6, 0)]
    two = [(1 + time, velocity) for time, velocity in one] + [(3 + time, v) for time, v in one]
    assert [tuple(event) for event in events] == [
        (pytest.approx(time, abs=0.11), velocity) for time, velocity in two
    ]


def test_a_take_loops_and_the_model_plays_along(browser: Pages, studio: Studio) -> None:
    recording = Recorder()
    recording.add(HUMAN, 0.1, 0.3, 60, 90)
    recording.add(HUMAN, 0.3, 0.3, 60, 90)  # the same key, struck again before it came up
    studio.session.takes.add(recording, 1.0)
    heard = studio.session.shared_state.recorder
    with at(browser, studio) as visit:
        page = visit.page
        page.get_by_role("button", name="Panic").click()
        page.get_by_role("button", name="Let it play").wait_for()
        heard.start(0.0)
        page.get_by_role("button", name="Loop", exact=True).click()
        page.wait_for_selector("[name=mode][value=accompany]:checked")
        wait(lambda: len(heard.collect_notes(HUMAN)) >= 5, 60)
        until(page, "Number(document.body.dataset.modelNotes) >= 1")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Loop", exact=True).wait_for()
        until(page, "!document.querySelector('.key.human, .key.model')")
        count = len(heard.collect_notes(HUMAN))
        page.wait_for_timeout(1200)
        assert len(heard.collect_notes(HUMAN)) <= count + 1  # the note that Escape ended
