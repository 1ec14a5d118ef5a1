"""Sound and MIDI of the page, in a browser."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from browser import Pages, Visit, with_autoplay_policy
from studio.conftest import Studio
from studio.test_page import PHRASE, at, play, until

pytestmark = pytest.mark.slow  # a browser


@pytest.mark.parametrize("gesture", ["button", "letter"])
def test_sound_is_asked_for_until_a_click_or_a_key_permits_it(
    browser: Pages, studio: Studio, gesture: str
) -> None:
    with with_autoplay_policy(browser) as strict:
        page = strict.open(studio.url).page
        page.wait_for_selector("#sound[open]")
        if gesture == "button":
            page.get_by_role("button", name="Turn sound on").click()
        else:
            page.keyboard.press("KeyQ")
        until(page, "!document.getElementById('sound').open")
        page.wait_for_timeout(500)  # it does not open again
        assert page.is_hidden("#sound")


def test_escape_closes_the_question_for_sound_and_the_model_still_answers(
    browser: Pages, studio: Studio
) -> None:
    with with_autoplay_policy(browser) as strict:
        page = strict.open(studio.url).page
        page.wait_for_selector("#sound[open]")
        until(page, "document.getElementById('status').textContent.startsWith('Your turn')")
        page.keyboard.press("Escape")
        until(page, "!document.getElementById('sound').open")
        page.wait_for_timeout(300)
        assert page.inner_text("#status").startswith("Your turn")
        page.keyboard.press("Escape")
        until(page, "document.getElementById('status').textContent.includes('paused')")


@contextmanager
def open_with_script(pages: Pages, url: str, script: str) -> Iterator[Visit]:
    """Open a page in which a script ran before those of the page."""
    visit = Visit(pages.browser.new_context().new_page())
    visit.watch()
    visit.page.add_init_script(script)
    visit.page.goto(url)
    yield visit
    visit.page.context.close()


def test_a_browser_that_refuses_sound_is_named_after_the_click(
    browser: Pages, studio: Studio
) -> None:
    refuse = "AudioContext.prototype.resume = async () => {}"
    with (
        with_autoplay_policy(browser) as strict,
        open_with_script(strict, studio.url, refuse) as visit,
    ):
        visit.page.wait_for_selector("#sound[open]")
        visit.page.get_by_role("button", name="Turn sound on").click()
        visit.page.wait_for_selector("#toast:not([hidden])")
        assert "Allow sound for this page" in visit.page.inner_text("#toast")
        assert visit.page.is_hidden("#sound")


def test_a_browser_without_web_audio_plays_on_in_silence(browser: Pages, studio: Studio) -> None:
    with open_with_script(browser, studio.url, "delete window.AudioContext") as visit:
        visit.page.wait_for_selector("#toast:not([hidden])")
        assert "has no Web Audio" in visit.page.inner_text("#toast")
        visit.page.wait_for_selector("#model option", state="attached")
        play(visit, *PHRASE)
        until(visit.page, "Number(document.body.dataset.modelNotes) >= 1")
        assert visit.complaints == []


MIDI_OUTPUTS = """async () => {
    const { WebMidi } = await import('/static/webMidi.js');
    const sent = [];
    const makePort = (id) => ({ id, name: id, send: ([status, number], time = 0) => sent.push([id, status, number, time]) });
    const [piano, organ] = [makePort('piano'), makePort('organ')];
    const outputs = new Map([['piano', piano], ['organ', organ]]);
    const elements = { outputSelect: document.createElement('select'), outputRow: document.createElement('div') };
    for (const name of ['button', 'inputNames']) elements[name] = document.createElement('span');
    const midi = new WebMidi(null, null, elements);
    midi.access = { inputs: new Map(), outputs };
    midi.updatePorts();
    const select = (id) => {
        midi.outputSelect.value = id;
        midi.outputSelect.dispatchEvent(new Event('change'));
    };
    select('piano');
    midi.sendNote(60, 80, 0, null);
    select('organ');
    const ended = sent.some(([id, status, number]) => id === 'piano' && status === 0xb0 && number === 123);
    const later = performance.now() + 60_000;
    for (const [pitch, duration] of [[61, null], [62, 5], [63, null]]) midi.sendNote(pitch, 80, later, duration);
    midi.sendNoteOff(63);
    sent.length = 0;
    midi.endNotes();
    const ends = sent.map(([, status, number, time]) => [status, number, time > later && time < later + 10]);
    outputs.delete('organ');
    midi.updatePorts();
    return { ended, ends, shown: midi.outputSelect.value, output: midi.output };
}"""


def test_notes_end_at_a_midi_output_that_is_changed_or_unplugged(
    browser: Pages, studio: Studio
) -> None:
    with at(browser, studio) as visit:
        found = visit.page.evaluate(MIDI_OUTPUTS)
    assert found["ended"]
    assert found["ends"] == [[0x80, 61, True], [0x80, 62, True]], "ended as they start"
    assert (found["shown"], found["output"]) == ("", None)


def test_it_makes_a_sound_that_ends(browser: Pages, studio: Studio) -> None:
    listen = """async () => {
        const { Synth } = await import('/web/synth.js');
        const synth = new Synth();
        synth.start();
        await synth.context.resume();
        const ear = new AnalyserNode(synth.context, { fftSize: 2048 });
        synth.master.connect(ear);
        const loud = () => { const wave = new Float32Array(2048); ear.getFloatTimeDomainData(wave);
            return Math.max(...wave.map(Math.abs)); };
        const wait = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
        const heard = {};
        for (const velocity of [30, 110]) {
            const voice = synth.noteOn(60, velocity);
            await wait(0.25);
            heard[velocity] = loud();
            synth.noteOff(voice);
            await wait(0.7);
        }
        await wait(2);
        const after = loud();
        const [human, model, later] = [['human', 0], ['model', 0], ['model', 2]].map(([performer, seconds]) =>
            synth.noteOn(60, 80, { performer, time: synth.now + seconds, duration: 9 }));
        synth.stopAll('model');
        const kept = synth.voices.has(human) && !synth.voices.has(model) && !synth.voices.has(later);
        synth.stopAll();
        return { ...heard, after, kept, voices: synth.voices.size };
    }"""
    with at(browser, studio) as visit:
        heard = visit.page.evaluate(listen)
    assert heard["110"] > 2 * heard["30"] > 0.002
    assert heard["after"] < 0.002
    assert heard["kept"], "a person who interrupts the model goes on sounding"
    assert heard["voices"] == 0
