"""The page of a listening test in a real browser: play through, read the result, export it, read it back."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import SIZES, Pages, Visit, wait_until
from factories import make_music
from playwright.sync_api import Page

from pipeline.experiments import listen_page, listen_score
from pipeline.experiments.listen import Pair

pytestmark = pytest.mark.slow  # a browser
SECONDS = 2
COUNT = """
window.struck = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (when) {
  if (this.detune.value < 0) window.struck.push({ hertz: this.frequency.value, when });
  return start.call(this, when);
};
"""
MODELS = ("wide", "=expressive")
PIECE = 'Étude, "Op. 10"\u2028</script>.mid'


def make_pair(number: int) -> Pair:
    prompt, real, generated = (make_music(3 * number + k, 8) for k in range(3))
    prompt["onset"] -= prompt["onset"][0]
    for side in (real, generated):
        side["onset"] = (side["onset"] - side["onset"][0]) / 4 + 0.1
        side["duration"] = 0.1
    return Pair(MODELS[number % 2], PIECE, prompt, real, generated, number in (0, 1, 3))


PAIRS = [make_pair(number) for number in range(4)]
KEY = ["A" if pair.is_real_first else "B" for pair in PAIRS]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("listen") / "listen.html"
    path.write_text(listen_page.render_listening_test(PAIRS, SECONDS), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def visit(browser: Pages, address: str) -> Iterator[Visit]:
    visit = browser.open("about:blank", viewport=SIZES["desktop"], accept_downloads=True)
    visit.page.add_init_script(COUNT)
    visit.page.goto(address)
    yield visit
    visit.close()


def answer_by_keys(page: Page, choices: str) -> None:
    """Listen to both sides of each pair, choose, and go on."""
    for choice in choices:
        for side in "ab":
            page.keyboard.press(side)
        page.keyboard.press("1" if choice == "A" else "2")
        page.keyboard.press("Enter")


def to_hertz(pitch: int) -> float:
    return 440 * 2 ** ((pitch - 69) / 12)


def test_each_button_plays_its_notes(visit: Visit) -> None:
    page, pair = visit.page, PAIRS[0]
    for side, notes in (("prompt", pair.prompt), ("A", pair.real), ("B", pair.generated)):
        page.evaluate("window.struck.length = 0")
        page.get_by_role("button", name=f"Play {side}", exact=True).click()
        wait_until(page, f"window.struck.length >= {len(notes)}")
        struck = [each["hertz"] for each in page.evaluate("window.struck")]
        assert struck == pytest.approx([to_hertz(int(pitch)) for pitch in notes["pitch"]])
        wait_until(page, f"document.getElementById('play-{side}').classList.contains('heard')")
    wait_until(page, "document.querySelector('.playing') === null")


NOTE_TIMES = """{
  const before = showPlay;
  window.ends = [];
  window.showPlay = (side, share) => {
    if (share === null) window.ends.push(player.synth.now - player.start);
    before(side, share);
  };
  null; // Playwright would call a function
}"""


def test_both_sides_last_as_long(visit: Visit) -> None:
    page = visit.page
    page.evaluate(NOTE_TIMES)
    for number, side in enumerate("AB"):
        page.locator(f"#play-{side}").click()
        wait_until(page, f"window.ends.length > {number}")
    assert all(seconds > SECONDS for seconds in page.evaluate("window.ends"))
    assert page.locator(".playing").count() == 0


def test_a_side_that_plays_can_be_stopped(visit: Visit) -> None:
    page = visit.page
    page.evaluate(NOTE_TIMES)
    page.evaluate("test.seconds = 1000")
    page.get_by_role("button", name="Play A", exact=True).click()
    page.get_by_role("button", name="Stop A").click()
    assert page.locator(".playing").count() == 0
    assert page.evaluate("window.ends.length") == 1


def test_the_prompt_can_be_played_before_a_side(visit: Visit) -> None:
    page, pair = visit.page, PAIRS[0]
    page.get_by_label("Play the prompt before A and before B").check()
    page.locator("#play-B").click()
    wait_until(page, f"window.struck.length >= {len(pair.prompt) + 1}")
    struck = page.evaluate("window.struck")
    expected = pair.prompt["onset"][-1] + pair.generated["onset"][0]
    assert struck[8]["when"] - struck[0]["when"] == pytest.approx(expected, abs=0.4)


def test_a_choice_needs_both_sides_to_be_heard(visit: Visit) -> None:
    page = visit.page
    page.locator("#play-A").click()
    page.keyboard.press("1")
    assert page.locator("input[name=choice]:checked").count() == 0
    assert page.locator("input[name=choice][value=A]").is_disabled()
    assert page.get_by_role("button", name="Next pair").is_disabled()
    page.locator("#play-B").click()
    page.locator("input[name=choice][value=B]").check()
    assert page.get_by_role("button", name="Next pair").is_enabled()
    assert page.get_by_role("button", name="Back").is_disabled()


def test_the_test_is_played_by_keys_scored_and_exported(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    choices = "A" * len(PAIRS)
    for side in "ab":
        page.keyboard.press(side)
    page.get_by_label("A", exact=True).check()
    page.get_by_label("Very sure").check()
    page.get_by_role("button", name="Next pair").click()
    assert page.locator("#position").text_content() == "Pair 2 of 4"
    page.evaluate("document.activeElement.blur()")
    answer_by_keys(page, choices[1:])
    num_right = choices.count("A") - KEY.count("B")
    assert page.locator("#share").text_content() == f"{num_right} of 4 right (75 %)"
    assert "19 % to 99 %" in (page.locator("#meaning").text_content() or "")
    assert "contains 50 %" in (page.locator("#meaning").text_content() or "")
    rows = page.locator("#by-model tr").all_inner_texts()
    assert [row.split()[0] for row in rows] == ["=expressive", "wide", "all"]
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Export answers (CSV)").click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    answers = listen_score.load_answers([path])
    assert [(answer.model, answer.is_right) for answer in answers] == [
        (pair.model, pair.is_real_first) for pair in PAIRS
    ]
    text = path.read_text(encoding="utf-8")
    assert '"Étude, ""Op. 10""' in text
    first = re.search(r"A,1,([\d.]+),very$", text, re.M)
    assert first and 0 < float(first[1]) < 60


def test_answers_outlive_the_page_until_they_are_deleted(visit: Visit) -> None:
    page = visit.page
    answer_by_keys(page, "AB")
    page.reload()
    assert page.locator("#position").text_content() == "Pair 3 of 4"
    page.get_by_role("button", name="Back").click()
    assert page.locator("input[name=choice]:checked").get_attribute("value") == "B"
    page.get_by_role("button", name="Next pair").click()
    answer_by_keys(page, "AB")
    page.reload()
    assert page.locator("#result").is_visible() and not page.locator("#test").is_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Start again").click()
    assert page.locator("#position").text_content() == "Pair 1 of 4"
    assert page.locator("input[name=choice]:checked").count() == 0
    page.reload()
    assert page.locator("#test").is_visible() and not page.locator("#result").is_visible()


def test_what_the_browser_keeps_may_be_damaged(visit: Visit) -> None:
    page = visit.page
    answer_by_keys(page, "A")
    page.evaluate("localStorage.setItem(Object.keys(localStorage)[0], '{')")
    page.reload()
    assert page.locator("#position").text_content() == "Pair 1 of 4"


def test_nothing_that_is_shown_names_models_pieces_or_the_key_before_the_end(visit: Visit) -> None:
    page = visit.page
    source = page.content()
    for word in (*MODELS, "Étude", '"real"', "generated"):
        assert word not in source
    answer_by_keys(page, "AAA")
    assert "expressive" not in page.content()
    answer_by_keys(page, "A")
    assert "expressive" in page.content()


def test_the_order_of_sides_in_the_source_is_not_the_key() -> None:
    page = listen_page.render_listening_test(PAIRS, SECONDS)
    match = re.search(r'id="listening-test">(.*?)</script>', page)
    assert match
    for packed, pair in zip(json.loads(match[1])["pairs"], PAIRS, strict=True):
        assert list(packed) == ["A", "B", "join", "prompt"]
        first = pair.real if pair.is_real_first else pair.generated
        assert packed["A"][2::4] == first["pitch"].tolist()


@pytest.mark.parametrize(("num_right", "count"), [(0, 1), (1, 1), (13, 20), (0, 20), (500, 500)])
def test_the_interval_of_the_page_is_that_of_the_command(
    visit: Visit, num_right: int, count: int
) -> None:
    interval = visit.page.evaluate(f"computeExactInterval({num_right}, {count})")
    assert interval == pytest.approx(
        listen_score.compute_exact_interval(num_right, count), abs=1e-9
    )


@pytest.mark.parametrize(
    ("share", "meaning"),
    [([0.6, 0.9], "lies above 50 %"), ([0.1, 0.4], "lies below 50 %"), ([0.4, 0.6], "contains")],
)
def test_the_meaning_is_that_of_the_interval(
    visit: Visit, share: list[float], meaning: str
) -> None:
    low, high = share
    assert meaning in visit.page.evaluate(f"describeScore({{ low: {low}, high: {high} }})")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_it_fits_at_every_size_and_in_both_colors(
    browser: Pages, address: str, size: str, scheme: str
) -> None:
    visit = browser.open(address, viewport=SIZES[size], color_scheme=scheme)
    page = visit.page
    fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert page.evaluate(fits)
    if size == "phone":
        heights = page.evaluate(
            "[...document.querySelectorAll('.listen, .steps > *')].map((each) => each.offsetHeight)"
        )
        assert all(height == 0 or height >= 44 for height in heights), "large enough for a finger"
    answer_by_keys(page, "AAAA")
    assert page.evaluate(fits)
    assert page.evaluate(
        "(([box]) => box.scrollWidth <= box.clientWidth)(document.querySelectorAll('#result .scroll'))"
    )
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 23, 28)")
    assert (visit.complaints, visit.abroad) == ([], [])
    page.context.close()


def test_controls_have_names(visit: Visit) -> None:
    nameless = """[...document.querySelectorAll("button, input, a, progress, [role=region]")].filter((each) =>
      !(each.getAttribute("aria-label") || each.textContent.trim() || each.labels?.[0]?.textContent.trim())).length"""
    assert visit.page.evaluate(nameless) == 0
    assert visit.page.locator("#progress").get_attribute("max") == "4"
