"""The page of an exported model in Chromium, opened from a disk and from a static server."""

import re
import threading
import tomllib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePath

import pytest
from browser import Pages, Visit
from export.test_web_model import PLAYABLE
from factories import ROOT, UNCONSTRAINED, make_tiny_model

from pipeline.core.errors import DataError
from pipeline.models.model_io import TrainedModel
from pipeline.notes.note import PEDAL_HELD, PEDAL_UP
from pipeline.studio.app import STATIC_DIR
from pipeline.studio.exported_page import (
    PAGE_SCRIPTS,
    WORKER_SCRIPTS,
    join_modules,
    render_body,
    render_exported_page,
    write_exported_page,
)

COUNT_STRINGS = """() => {
  window.strings = 0;
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (time) {
    window.strings += 1;
    return start.call(this, time);
  };
}"""
WATCH = """() => {
  window.waiting = 0; // messages that the worker has not answered
  const { ask, settle } = ModelClient.prototype;
  ModelClient.prototype.ask = function (message) {
    window.waiting += 1;
    return ask.call(this, message);
  };
  ModelClient.prototype.settle = function (answer) {
    window.waiting -= 1;
    return settle.call(this, answer);
  };
  window.delays = []; // seconds between the time at which a note is handed to the sound and its onset
  const { noteOn } = Synth.prototype;
  Synth.prototype.noteOn = function (pitch, velocity, options) {
    window.delays.push(options.time - this.now);
    return noteOn.call(this, pitch, velocity, options);
  };
}"""
WATCH_ENDS = """() => {
  window.ends = []; // seconds from the onset of a note of the model to its end
  const { endModelNote } = Duet.prototype;
  Duet.prototype.endModelNote = function (note, time) {
    window.ends.push(time - note.onset);
    return endModelNote.call(this, note, time);
  };
  window.ended = 0; // notes that the sound has to end
  const { endAt } = Synth.prototype;
  Synth.prototype.endAt = function (voice, time) {
    window.ended += 1;
    return endAt.call(this, voice, time);
  };
}"""
RECORD_PITCHES = """() => {
  window.pitches = []; // that the sound is given
  const { noteOn } = Synth.prototype;
  Synth.prototype.noteOn = function (pitch, velocity, options) {
    window.pitches.push(pitch);
    return noteOn.call(this, pitch, velocity, options);
  };
}"""
COUNT_NOTES = "Number(document.body.dataset.modelNotes ?? 0)"
DECLARATION = re.compile(r"^(?:async )?(?:const|let|class|function) (\w+)", re.M)


def make_model(steps: slice = slice(8), **changes: object) -> TrainedModel:
    """Make a model of small random weights, whose steps are mostly those of a slice of cells."""
    model = make_tiny_model(**{**PLAYABLE, **changes})
    provenance = {"music": "</script><b>a corpus", "licence_of_the_music": "CC0"}
    weights = {name: 0.1 * value for name, value in model.weights.items()}
    weights["step/bias"][steps] += 12
    return TrainedModel("tiny", model.config, 6, weights, {}, provenance)


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a log."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a static server of the folder of the test."""
    handler = partial(QuietHandler, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def open_page(browser: Pages, address: str, path: Path, model: TrainedModel) -> Visit:
    write_exported_page(model, UNCONSTRAINED, "tiny", path / "page.html")
    visit = browser.open(f"{address}/page.html", viewport={"width": 1280, "height": 800})
    wait_for(visit, "!document.getElementById('play').disabled")
    return visit


def wait_for(visit: Visit, expression: str) -> None:
    """Wait until an expression is true; the policy of the page forbids Playwright's own function for it."""
    for _ in range(600):
        if visit.page.evaluate(expression):
            return
        visit.page.wait_for_timeout(50)
    raise AssertionError(f"{expression} after 30 s; {visit.complaints}")


@pytest.mark.parametrize("paths", [PAGE_SCRIPTS, WORKER_SCRIPTS])
def test_a_joined_script_imports_nothing_and_declares_each_name_once(
    paths: tuple[str, ...],
) -> None:
    script = join_modules(paths)
    assert not re.findall(r"^(?:import|export) .*", script, re.M)
    names = DECLARATION.findall(script)
    assert len(names) > 10
    assert sorted(names) == sorted(set(names))


def test_the_package_has_the_files_of_a_page() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["pipeline"]
    for path in (*PAGE_SCRIPTS, *WORKER_SCRIPTS, "studio/static/exported.html"):
        assert any(PurePath(path).match(pattern) for pattern in patterns), path


def test_equal_models_give_equal_pages_and_a_cell_that_it_lacks_is_refused() -> None:
    page = render_exported_page(make_model(), UNCONSTRAINED, "<i>")
    assert page == render_exported_page(make_model(), UNCONSTRAINED, "<i>")
    assert "</script><b>" not in page
    assert "<i>" not in page
    assert '"max_polyphony":32,"max_notes_per_second":64' in page
    with pytest.raises(DataError, match="cannot play cell: lstm"):
        render_exported_page(make_tiny_model(**{**PLAYABLE, "cell": "lstm"}), UNCONSTRAINED, "a")


def test_the_body_is_that_of_the_studio_without_what_needs_a_server() -> None:
    body, studio = render_body(), (STATIC_DIR / "index.html").read_text("utf-8")
    assert "<!--" not in body
    ids, ids_of_studio = (set(re.findall(r' id="([\w-]+)"', text)) for text in (body, studio))
    assert {"roll", "piano", "sliders", "tonic", "scale", "reset", "volume", "play"} <= ids
    needs_server = "model record takes bits midi prompt quantize compare toast"
    assert ids_of_studio - ids >= set(needs_server.split())
    assert ids <= ids_of_studio
    for tag in ("div", "section", "header", "main", "aside", "p", "dl", "button"):
        assert len(re.findall(rf"<{tag}\b", body)) == body.count(f"</{tag}>"), tag


@pytest.mark.slow
@pytest.mark.parametrize("source", ["file", "http"])
def test_a_page_plays_pauses_and_answers_a_phrase(
    browser: Pages, server: str, tmp_path: Path, source: str
) -> None:
    address = server if source == "http" else f"file://{tmp_path}"
    visit = open_page(browser, address, tmp_path, make_model())
    page = visit.page
    assert "a corpus (CC0)" in page.inner_text("aside")
    page.evaluate(COUNT_STRINGS)
    page.get_by_role("button", name="Let it play").click()
    wait_for(visit, f"{COUNT_NOTES} >= 3")
    wait_for(visit, "document.querySelector('.key.model') !== null")
    page.keyboard.press("Escape")
    assert page.inner_text("#status").startswith("The model is paused")
    num_notes = page.evaluate(COUNT_NOTES)
    page.wait_for_timeout(1000)
    assert page.evaluate(COUNT_NOTES) == num_notes
    assert page.evaluate("window.strings") == 2 * num_notes
    assert page.locator(".key.model").count() == 0
    page.keyboard.down("KeyQ")
    assert page.locator(".key.human").get_attribute("data-pitch") == "60"
    page.keyboard.up("KeyQ")
    page.wait_for_timeout(1300)
    assert page.evaluate(COUNT_NOTES) == num_notes  # it is paused
    page.keyboard.press("Space")
    wait_for(visit, f"{COUNT_NOTES} > {num_notes}")
    page.keyboard.press("KeyE")
    assert page.inner_text("#status").startswith("Your turn")
    num_notes = page.evaluate(COUNT_NOTES)
    wait_for(visit, f"{COUNT_NOTES} > {num_notes}")  # it answers
    assert page.inner_text("#status").startswith("The model plays")
    assert visit.complaints == []
    assert visit.abroad == []


def advance(visit: Visit, seconds: float) -> None:
    """Let a time pass in which the page can do nothing, and then what was due, answers of the model too."""
    visit.page.clock.fast_forward(round(1000 * seconds))
    wait_for(visit, "window.waiting === 0")


@pytest.mark.slow
def test_a_busy_page_delays_no_note_and_the_tempo_acts(browser: Pages, tmp_path: Path) -> None:
    visit = open_page(browser, f"file://{tmp_path}", tmp_path, make_model(slice(30, 34)))
    page = visit.page
    assert len(page.workers) == 1
    assert page.evaluate("typeof NoteModel") == "undefined"  # it is in the worker alone
    page.evaluate(WATCH)
    page.clock.install(time=0)
    page.clock.pause_at(60_000)
    page.keyboard.press("Space")
    for _ in range(30):
        advance(visit, 0.15)
    delays = page.evaluate("window.delays")[1:]  # the first note is due at once
    assert len(delays) >= 10
    assert min(delays) >= 0.09
    page.locator("#beats-per-minute").fill("480")
    page.keyboard.press("Enter")
    advance(visit, 0.05)  # the worker answers
    num_notes = page.evaluate(COUNT_NOTES)
    for _ in range(30):
        advance(visit, 0.05)
    # 0.3 s a note at tempo 1.
    assert page.evaluate(COUNT_NOTES) - num_notes > 12
    assert visit.complaints == []


@pytest.mark.slow
@pytest.mark.parametrize("pedal", [PEDAL_UP, PEDAL_HELD])
def test_the_sound_follows_the_pedal_of_the_model(
    browser: Pages, tmp_path: Path, pedal: int
) -> None:
    model = make_model(slice(20, 24), model_pedal=True)
    model.weights["pedal/bias"][pedal] += 30
    model.weights["duration/bias"][10] += 30
    visit = open_page(browser, f"file://{tmp_path}", tmp_path, model)
    page = visit.page
    page.evaluate(WATCH)
    page.evaluate(WATCH_ENDS)
    page.clock.install(time=0)
    page.clock.pause_at(60_000)
    page.keyboard.press("Space")
    for _ in range(30):
        advance(visit, 0.15)
    num_notes = page.evaluate(COUNT_NOTES)
    ends, num_ended = page.evaluate("[window.ends, window.ended]")
    assert num_ended == len(ends)
    assert num_notes >= 15
    # Each note is 0.1 s long, and 0.2 s apart from the next one.
    if pedal == PEDAL_UP:
        assert len(ends) >= num_notes - 2
        assert ends == pytest.approx([0.1] * len(ends), abs=1e-3)
    else:
        assert len(ends) < num_notes / 2  # of keys that were struck again
        assert all(seconds > 0.19 for seconds in ends)
        assert page.locator(".key.model").count() >= 4
    assert visit.complaints == []


@pytest.mark.slow
def test_the_controls_of_a_page_act_on_the_notes(browser: Pages, tmp_path: Path) -> None:
    visit = open_page(browser, f"file://{tmp_path}", tmp_path, make_model(slice(4, 8)))
    page = visit.page
    page.evaluate(RECORD_PITCHES)
    page.locator("#min_pitch").fill("60")
    page.select_option("#tonic", "D")
    page.select_option("#scale", "pentatonic")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Let it play").click()
    wait_for(visit, f"{COUNT_NOTES} >= 12")
    pitches = set(page.evaluate("window.pitches"))
    assert pitches <= {pitch for pitch in range(60, 128) if pitch % 12 in {2, 4, 6, 9, 11}}
    assert len(pitches) > 1
    page.keyboard.press("Escape")
    page.locator("#max_pitch").fill("0")
    wait_for(visit, "document.getElementById('status').textContent.includes('no pitch is allowed')")
    assert page.get_attribute("#max_pitch", "aria-valuetext") == "G9"
    page.get_by_role("button", name="Reset").click()
    wait_for(visit, "document.getElementById('min_pitch').value === '0'")
    assert page.input_value("#tonic") == "chromatic"
    page.get_by_role("button", name="Sustain").click()
    page.keyboard.press("KeyQ")
    assert page.locator(".key.human").count() == 1
    page.get_by_role("button", name="Sustain").click()
    assert page.locator(".key.human").count() == 0
    assert visit.complaints == []


@pytest.mark.slow
def test_a_browser_without_web_audio_is_named(browser: Pages, tmp_path: Path) -> None:
    write_exported_page(make_model(), UNCONSTRAINED, "tiny", tmp_path / "page.html")
    page = browser.browser.new_page()
    page.add_init_script("delete window.AudioContext")
    page.goto(f"file://{tmp_path}/page.html")
    assert page.inner_text("#status").startswith("This browser has no Web Audio")
    assert page.is_disabled("#play")
    page.close()
