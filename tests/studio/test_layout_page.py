"""What the page looks like: sizes, colors, and the explanations of its controls."""

from pathlib import Path

import pytest
from browser import Pages
from factories import make_tiny_model
from studio.conftest import Studio
from studio.test_page import SIZES, at

from pipeline.live.recorder import HUMAN, Recorder
from pipeline.models import model_io

pytestmark = pytest.mark.slow  # a browser


def test_colors_that_mean_something_stay_where_a_system_forces_its_own(
    browser: Pages, studio: Studio
) -> None:
    color = "(selector) => getComputedStyle(document.querySelector(selector)).backgroundColor"
    with at(browser, studio, forced_colors="active", color_scheme="light") as visit:
        page = visit.page
        page.keyboard.down("KeyZ")
        page.wait_for_selector(".key.human")
        page.wait_for_timeout(100)
        human = page.evaluate(color, ".swatch.human")
        assert human == page.evaluate(color, ".key.human") == "rgb(168, 74, 8)"
        page.keyboard.up("KeyZ")


def test_what_sounded_rises_from_its_key_and_what_comes_falls_to_it(
    browser: Pages, studio: Studio
) -> None:
    """The lower edge of the roll, at the keyboard, is now; upper and lower edge of a note, seen twice."""
    measure = """async () => {
        const { FallingNotes } = await import('/static/fallingNotes.js');
        const roll = Object.assign(Object.create(FallingNotes.prototype), { height: 500 });
        const edges = (onset, end, now) => roll.edgesOf({ onset }, end, now);
        return {
            sounds: [edges(1, 3, 1.5), edges(1, 3, 2)],
            sounded: [edges(1, 2, 2.5), edges(1, 2, 3)],
            comes: [edges(4, 5, 2), edges(4, 5, 3)],
            starts: edges(4, 5, 4),
        };
    }"""
    with at(browser, studio) as visit:
        edges = visit.page.evaluate(measure)
    (top, bottom), (later_top, later_bottom) = edges["sounds"]
    assert bottom == later_bottom == 500
    assert later_top < top < 500
    (top, bottom), (later_top, later_bottom) = edges["sounded"]
    assert later_top - top == later_bottom - bottom < 0
    (top, bottom), (later_top, later_bottom) = edges["comes"]
    assert later_top - top == later_bottom - bottom > 0
    assert edges["starts"] == [500, 500]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_every_screen_and_can_be_read(
    browser: Pages, studio: Studio, size: str, scheme: str
) -> None:
    phone = {"has_touch": True, "is_mobile": True} if size == "phone" else {}
    with at(browser, studio, viewport=SIZES[size], color_scheme=scheme, **phone) as visit:
        page = visit.page
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(
            "document.querySelector('.key.white').getBoundingClientRect().width"
        ) >= (24 if phone else 15)
        shown = page.evaluate(
            "[...document.querySelectorAll('.key')].map((key) => Number(key.dataset.pitch))"
        )
        assert shown == list(range(shown[0], shown[-1] + 1))
        assert (len(shown) == 88) == (size == "desktop")
        if phone:
            size_of = "(id) => parseFloat(getComputedStyle(document.getElementById(id)).fontSize)"
            assert page.evaluate(size_of, "beats-per-minute") >= 16  # else iOS zooms in
            assert page.evaluate(size_of, "model") >= 16
            page.locator(f"[data-pitch='{shown[0]}']").tap()
            page.get_by_label("Higher keys").click()
            page.wait_for_selector(f"[data-pitch='{shown[0] + 12}']")
        assert page.evaluate(CONTRASTS) == []


LONG_NAME = "residual_attention_with_recall_and_convolutions_over_pitches"


@pytest.mark.parametrize("width", [1280, 1024, 961, 820, 390])
def test_the_header_has_one_row_where_it_fits_and_nothing_overflows(
    browser: Pages, studio: Studio, width: int
) -> None:
    model_io.save_model(make_tiny_model(), Path("models") / LONG_NAME)
    with at(browser, studio, viewport={"width": width, "height": 800}) as visit:
        page = visit.page
        assert LONG_NAME in page.locator("#model option").all_text_contents()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        boxes = [page.locator(f"#{name}").bounding_box() for name in ("model", "play", "panic")]
        model, play, panic = (box or pytest.fail("not shown") for box in boxes)
        assert panic["x"] + panic["width"] <= width
        assert model["width"] >= 100
        assert (abs(model["y"] - play["y"]) < 10) == (width > 960)


CONTRASTS = """() => {
    const style = getComputedStyle(document.documentElement);
    const light = (name) => {
        const digits = style.getPropertyValue('--' + name).match(/[0-9a-f]{2}/gi);
        const parts = digits.map((two) => parseInt(two, 16) / 255);
        const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const against = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
    const pairs = (text) => text.split(', ').map((pair) => pair.split(' on '));
    const text = pairs('ink on ground, ink on card, ink on field, soft on card, soft on ground, soft on roll, ' +
        'on-accent on accent, on-accent on danger, on-accent on model, on-accent on human, danger on field, ' +
        'human on roll, accent on card');
    const shapes = pairs('model on roll, model on lane, human on lane, preview on roll, now on roll, accent on ground, ' +
        'pitch on card, step on card, duration on card');
    return [...text.filter(([a, b]) => against(a, b) < 4.5), ...shapes.filter(([a, b]) => against(a, b) < 3)];
}"""


FIELD_EDGES = """(() => {
    const fields = [...document.querySelectorAll('select, input[type=number], input[type=text]')];
    return [...new Set(fields.map((field) => getComputedStyle(field).borderColor))];
})()"""


def test_the_edge_of_a_field_is_as_dark_as_quiet_text(browser: Pages, studio: Studio) -> None:
    studio.session.takes.add(make_recording(), 1.0)
    with at(browser, studio, color_scheme="light") as visit:
        soft = visit.page.evaluate("getComputedStyle(document.querySelector('.note')).color")
        assert visit.page.evaluate(FIELD_EDGES) == [soft]


COUNT_DRAWINGS = """async () => {
    const { FallingNotes } = await import('/static/fallingNotes.js');
    const { draw } = FallingNotes.prototype;
    let count = 0;
    FallingNotes.prototype.draw = function () {
        count += 1;
        draw.call(this);
    };
    await new Promise((done) => setTimeout(done, 1500));
    return count;
}"""


@pytest.mark.parametrize("reduced_motion", ["reduce", "no-preference"])
def test_the_roll_stands_still_for_a_person_who_prefers_less_motion(
    browser: Pages, studio: Studio, reduced_motion: str
) -> None:
    with at(browser, studio, reduced_motion=reduced_motion) as visit:
        count = visit.page.evaluate(COUNT_DRAWINGS)
    assert 1 <= count <= 3 if reduced_motion == "reduce" else count > 5


BOTTOM_GAP = """(() => {
    const cards = [...document.querySelectorAll('aside .card')].filter((card) => card.offsetParent);
    const bottom = Math.max(...cards.map((card) => card.getBoundingClientRect().bottom));
    return document.documentElement.scrollHeight - bottom - scrollY;
})()"""
"""Empty pixels below the last card."""


def test_a_narrow_page_is_as_high_as_its_text_with_touch_or_a_mouse(
    browser: Pages, studio: Studio
) -> None:
    """A picture of a whole page has a high screen, and none of the touch of the phone."""
    tall = {"width": 390, "height": 2400}
    for touch in (True, False):
        with at(browser, studio, viewport=tall, has_touch=touch, is_mobile=touch) as visit:
            page = visit.page
            assert page.is_visible("#help-pitch_temperature")
            assert page.evaluate(BOTTOM_GAP) < 20
            roll = page.locator("#roll").bounding_box()
            assert roll and roll["height"] < 400


UNEXPLAINED = """() => {
    const controls = [...document.querySelectorAll('aside input, aside select, aside button')];
    const shown = controls.filter((control) => control.closest('.row, .quiet-line').offsetParent);
    const isExplained = (control) => [...control.closest('.row, .quiet-line').querySelectorAll('.help')]
        .some((help) => help.offsetParent && help.textContent.length > 10);
    const names = 'header button, .tools button, .modes span, .picker label';
    const buttons = [...document.querySelectorAll(names)]
        .filter((button) => button.offsetParent);
    const terms = document.getElementById('button-help').innerText;
    return [
        ...shown.filter((control) => !isExplained(control)).map((control) => control.id),
        ...buttons.map((button) => button.textContent).filter((name) => !terms.includes(name)),
    ];
}"""
"""Controls without a visible text that explains them."""


WITHOUT_TOOLTIP = """[...document.querySelectorAll('button, select, input')]
    .filter((control) => control.offsetParent && !control.closest('[title]') && control.type !== 'text')
    .map((control) => control.id || control.textContent)"""
"""Controls that a mouse finds no explanation of."""


UNDESCRIBED = """[...document.querySelectorAll('aside .row :is(button, select, input), #reset, .tools input')]
    .filter((control) => !document.getElementById(control.getAttribute('aria-describedby'))?.textContent)
    .map((control) => control.id)"""
"""Controls that a screen reader finds no explanation of."""


def make_recording() -> Recorder:
    recording = Recorder()
    recording.add(HUMAN, 0.1, 0.3, 60, 90)
    return recording


def test_every_control_is_explained_by_a_text_on_a_touch_screen_else_by_a_tooltip(
    browser: Pages, studio: Studio
) -> None:
    with at(browser, studio, viewport=SIZES["phone"], has_touch=True, is_mobile=True) as visit:
        assert visit.page.evaluate(UNEXPLAINED) == []
    studio.session.takes.add(make_recording(), 1.0)
    with at(browser, studio) as visit:
        assert visit.page.locator(".help:visible").count() == 0
        described_by = visit.page.get_attribute("#pitch_temperature", "aria-describedby")
        assert described_by == "help-pitch_temperature"
        assert visit.page.evaluate(WITHOUT_TOOLTIP) == []
        assert visit.page.evaluate(UNDESCRIBED) == []
        assert visit.page.is_visible("#button-help")
        visit.page.locator("#pitch_temperature").click()
        assert visit.page.locator(".help:visible").count() == 0
        visit.page.keyboard.press("Tab")  # a tooltip does not come to the keyboard
        (shown,) = visit.page.locator(".help:visible").all_text_contents()
        assert shown.startswith("The same for rhythm")
        assert visit.page.get_by_role("group", name="Take 1").get_by_role("button").count() == 6
