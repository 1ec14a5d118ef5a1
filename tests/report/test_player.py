"""The page in a real browser: drawing, sound, keyboard, and no requests to other machines."""

from dataclasses import replace
from itertools import pairwise

import pytest
from browser import SIZES, wait_until
from factories import make_ingest_summary

from pipeline.corpus.ingest_summary import WorkFile
from pipeline.report import html, sample_player

pytestmark = pytest.mark.slow  # a browser
COUNT = """
window.struck = []; window.levels = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (when) {
  if (this.detune.value < 0) window.struck.push({ hertz: this.frequency.value, when, now: this.context.currentTime });
  return start.call(this, when);
};
const ramp = AudioParam.prototype.linearRampToValueAtTime;
AudioParam.prototype.linearRampToValueAtTime = function (value, when) {
  window.levels.push(value);
  return ramp.call(this, value, when);
};
"""
SHAPES = """[...document.querySelectorAll(".chart")].map((chart) => {
  const all = chart.getBoundingClientRect();
  const out = [...chart.querySelectorAll("text")].filter((words) => {
    const own = words.getBoundingClientRect();
    return own.left < all.left - 1 || own.right > all.right + 1 || own.bottom > all.bottom + 1;
  });
  return [all.width, all.height, out.map((words) => words.textContent).join()];
})"""
"""Of each figure: width, height, and the words that lie outside of it."""


@pytest.fixture(scope="module")
def address(report_data, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html.render_page(report_data), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def visit(browser, address):
    """The page at desktop width, with notes counted as they are struck."""
    visit = browser.open("about:blank", viewport=SIZES["desktop"])
    visit.page.add_init_script(COUNT)
    visit.page.goto(address)
    yield visit
    visit.close()


def count_strikes(page) -> int:
    return page.evaluate("window.struck.length")


def count_inked_pixels(page, selector: str) -> int:
    """Return how many pixels of a canvas are not empty."""
    return page.evaluate(
        """(selector) => { const roll = document.querySelector(selector);
        const data = roll.getContext("2d").getImageData(0, 0, roll.width, roll.height).data;
        let inked = 0; for (let k = 3; k < data.length; k += 4) inked += data[k] > 0; return inked; }""",
        selector,
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_it_is_drawn_at_every_size_and_in_both_color_schemes(browser, address, size, scheme):
    visit = browser.open(address, viewport=SIZES[size], color_scheme=scheme)
    page = visit.page
    wait_until(page, "document.querySelector('.roll').width > 100")
    assert page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
    charts = page.evaluate(SHAPES)
    assert len(charts) > 12
    assert all(width > 250 and height > 80 for width, height, _ in charts)
    assert [words for *_, words in charts if words] == [], "words that leave their figure"
    assert count_inked_pixels(page, ".roll") > 500
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 23, 28)")
    assert (visit.complaints, visit.abroad) == ([], [])
    page.context.close()


EDGES = """[...document.querySelectorAll(".scroll")].map((box) => {
  return [box.scrollWidth > box.clientWidth, getComputedStyle(box).backgroundAttachment.split(", ")];
})"""


def test_a_table_that_goes_on_has_a_shadow_at_its_edge(browser, address):
    """A cover of the color of the paper scrolls away with the table and uncovers a shadow that stays."""
    page = browser.open(address, viewport=SIZES["phone"]).page
    boxes = page.evaluate(EDGES)
    assert any(goes_on for goes_on, _ in boxes)
    assert all(kinds == ["local", "local", "scroll", "scroll"] for _, kinds in boxes)
    first = page.locator("#decision .scroll").first
    before = first.locator("tbody th").first.bounding_box()["x"]
    first.evaluate("(box) => { box.scrollLeft = 200; }")
    assert first.locator("tbody th").first.bounding_box()["x"] == before, "names stay in sight"
    page.context.close()


@pytest.mark.parametrize("size", SIZES)
def test_a_word_shows_its_definition_within_the_page(browser, address, size):
    page = browser.open(address, viewport=SIZES[size]).page
    assert page.locator(".definition:visible").count() == 0
    for term in page.locator(".term").all():
        term.focus()
        box = page.locator(".definition:visible").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= SIZES[size]["width"]
    page.context.close()


def seek_to_a_quarter(page, player: str) -> float:
    """Click a quarter of the way across the roll of a player; return the time that this seeks to [s]."""
    roll = page.locator(f"{player} .roll")
    roll.scroll_into_view_if_needed()
    place = roll.bounding_box()
    left_margin = 34  # as in pianoRoll.js
    page.mouse.click(place["x"] + left_margin + (place["width"] - left_margin) / 4, place["y"] + 40)
    return float(page.locator(f"{player} .seek").input_value())


def test_rolls_of_the_list_have_one_scale_and_the_color_of_their_architecture(
    browser, report_data, tmp_path
):
    """The sample at the top is half as long as the others, and fills its roll there but not in the list."""
    samples = [
        replace(each, notes=each.notes[:24]) if each.architecture == "expressive" else each
        for each in report_data.samples
    ]
    path = tmp_path / "report.html"
    path.write_text(html.render_page(replace(report_data, samples=samples)), encoding="utf-8")
    page = browser.open(path.as_uri(), viewport=SIZES["desktop"]).page
    wait_until(page, "document.querySelector('.answer .roll').width > 100")
    shown = page.evaluate("[...document.querySelectorAll('.player')].map((box) => box.dataset)")
    colors = {player["name"].partition(",")[0]: player["color"] for player in shown}
    assert colors == {name: f"a{number}" for number, name in enumerate(report_data.architectures)}
    top = shown[0]
    seconds = float(page.locator(".answer .seek").get_attribute("max"))
    axes = sample_player.pack_samples(samples)["axes"]
    assert axes["seconds"] > 1.5 * seconds
    assert seek_to_a_quarter(page, ".answer .player") == pytest.approx(seconds / 4, abs=0.2)
    in_list = f".part .player[data-sample={top['sample']}]"
    assert seek_to_a_quarter(page, in_list) == pytest.approx(axes["seconds"] / 4, abs=0.2)
    page.context.close()


def test_play_strikes_notes_and_the_line_moves(visit):
    page = visit.page
    page.locator(".answer .play").click()
    wait_until(page, "window.struck.length >= 5")
    wait_until(page, "Number(document.querySelector('.answer .seek').value) > 0.2")
    first = page.evaluate("window.struck[0]")
    assert first["when"] >= first["now"]
    assert (
        page.locator(".answer .play")
        .get_attribute("aria-label")
        .startswith("Pause expressive, sample 1")
    )
    assert page.locator("#status").text_content() == "Playing expressive, sample 1"


def test_what_is_struck_is_what_the_model_played(visit, report_data):
    page = visit.page
    page.locator(".answer .play").click()
    wait_until(page, "window.struck.length >= 8")
    (sample,) = [
        each
        for each in report_data.samples
        if (each.architecture, each.number) == ("expressive", 1)
    ]
    strikes = page.evaluate("window.struck.slice(0, 8)")
    wanted = [440 * 2 ** ((int(pitch) - 69) / 12) for pitch in sample.notes["pitch"][:8]]
    assert [each["hertz"] for each in strikes] == pytest.approx(wanted, rel=1e-4)
    gaps = [each["when"] - strikes[0]["when"] for each in strikes[:5]]
    assert gaps == pytest.approx(
        list(sample.notes["onset"][:5] - sample.notes["onset"][0]), abs=0.08
    )
    levels = page.evaluate("window.levels.slice(0, 8)")
    by_velocity = sorted(zip(sample.notes["velocity"][:8].tolist(), levels, strict=True))
    assert [level for _, level in by_velocity] == sorted(levels), "the stronger is the louder"


def test_pause_stops_and_play_goes_on_from_there(visit):
    page = visit.page
    button = page.locator(".answer .play")
    button.click()
    wait_until(page, "Number(document.querySelector('.answer .seek').value) > 0.5")
    button.click()
    at, count = float(page.locator(".answer .seek").input_value()), count_strikes(page)
    page.wait_for_timeout(400)
    assert (float(page.locator(".answer .seek").input_value()), count_strikes(page)) == (at, count)
    button.click()
    wait_until(page, f"Number(document.querySelector('.answer .seek').value) > {at}")
    assert count_strikes(page) >= count


def test_one_at_a_time(visit):
    page = visit.page
    page.locator(".answer .play").click()
    page.locator(".sample .play").nth(1).click()
    assert page.locator(".playing").count() == 1
    assert page.locator(".playing").get_attribute("data-name") == "stacked, sample 1"


def test_the_keyboard_plays_and_seeks(visit):
    page = visit.page
    page.locator(".answer .play").focus()
    page.keyboard.press("Enter")
    wait_until(page, "window.struck.length > 0")
    page.keyboard.press("Space")
    assert page.locator(".playing").count() == 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "seek"
    page.keyboard.press("End")
    assert (
        page.locator(".answer .time").text_content().split(" / ")[0]
        == page.locator(".answer .time").text_content().split(" / ")[1]
    )
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert float(page.locator(".answer .seek").input_value()) == pytest.approx(0.1)
    assert "seconds" in page.locator(".answer .seek").get_attribute("aria-valuetext")


def test_seeking_while_it_sounds_strikes_the_notes_from_there(visit):
    page = visit.page
    page.locator(".answer .play").click()
    wait_until(page, "window.struck.length > 0")
    seconds = float(page.locator(".answer .seek").get_attribute("max"))
    page.locator(".answer .roll").click(
        position={"x": page.locator(".answer .roll").bounding_box()["width"] * 0.7, "y": 20}
    )
    assert float(page.locator(".answer .seek").input_value()) == pytest.approx(
        0.7 * seconds, abs=0.5
    )
    count = count_strikes(page)
    wait_until(page, f"window.struck.length > {count}")


def test_at_the_end_it_stops_and_begins_anew(visit):
    page = visit.page
    seek = page.locator(".answer .seek")
    seek.evaluate(
        "(each) => { each.value = each.max - 0.4; each.dispatchEvent(new Event('input')); }"
    )
    page.locator(".answer .play").click()
    wait_until(page, "document.querySelectorAll('.playing').length === 0")
    assert float(seek.input_value()) == 0


def test_the_volume_is_heard(visit):
    page = visit.page
    page.locator("#volume").evaluate("(each) => { each.value = 0.5; }")
    page.locator(".answer .play").click()
    wait_until(page, "window.struck.length > 0")
    wait_until(page, "Math.abs(synth.master.gain.value - 0.25) < 0.01")
    page.locator("#volume").evaluate(
        "(each) => { each.value = 0; each.dispatchEvent(new Event('input')); }"
    )
    wait_until(page, "synth.master.gain.value === 0")


def test_the_color_scheme_can_be_chosen(visit):
    page = visit.page
    page.locator("#theme").click()
    assert page.locator("#theme").get_attribute("aria-label") == "Colors: light"
    page.locator("#theme").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"
    page.locator("#theme").click()
    assert page.evaluate("'theme' in document.documentElement.dataset") is False


def test_a_midi_file_can_be_taken_home(visit, report_data):
    page = visit.page
    with page.expect_download() as waiting:
        page.locator(".answer .save").click()
    assert waiting.value.suggested_filename == "expressive-01.mid"
    (sample,) = [
        each
        for each in report_data.samples
        if (each.architecture, each.number) == ("expressive", 1)
    ]
    assert waiting.value.path().read_bytes() == sample.midi_bytes


def test_controls_have_names_and_tables_can_be_reached(visit):
    page = visit.page
    nameless = """() => [...document.querySelectorAll("button, input, a, [role=region]")].filter((each) =>
      !(each.getAttribute("aria-label") || each.textContent.trim() || each.labels?.[0]?.textContent.trim())).length"""
    assert page.evaluate(nameless) == 0
    assert page.evaluate(
        "[...document.querySelectorAll('.scroll')].every((each) => each.tabIndex === 0)"
    )
    levels = page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3')].map((each) => Number(each.tagName[1]))"
    )
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("size", SIZES)
def test_all_of_the_corpus_is_in_sight_whatever_its_files_are_called(
    browser, report_data, tmp_path, size
):
    name = "Op.23_Prelude_No_5_" * 12
    work = [
        WorkFile(member=f"{name}{split}.mid", split=split, composition=split)
        for split in ("train", "validation")
    ]
    ingest = make_ingest_summary().model_copy(update={"near_duplicates": [work] * 20})
    path = tmp_path / "report.html"
    page = html.render_page(
        replace(report_data, results=replace(report_data.results, ingest=ingest))
    )
    path.write_text(page, encoding="utf-8")
    visit = browser.open(path.as_uri(), viewport=SIZES[size])
    visit.page.evaluate("document.querySelector('#corpus details').open = true")
    fits = """([selector, key]) => [...document.querySelectorAll(selector)].every(
      (each) => each[`scroll${key}`] <= each[`client${key}`])"""
    assert visit.page.evaluate(fits, ["html, #corpus .scroll", "Width"])
    assert visit.page.evaluate(fits, ["#corpus > .scroll", "Height"])
    visit.page.context.close()


def test_on_paper_it_is_light_and_without_controls(browser, address):
    visit = browser.open(address, viewport=SIZES["desktop"], color_scheme="dark")
    visit.page.emulate_media(media="print")
    visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert (
        visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        == "rgb(255, 255, 255)"
    )
    assert not visit.page.locator(".answer .controls").is_visible()
    assert visit.page.locator(".chart").first.is_visible()
    visit.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert (
        visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"
    )
    visit.page.context.close()
