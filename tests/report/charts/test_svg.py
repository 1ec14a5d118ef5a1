from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.charts.svg import Html, make_element

HOSTILE = '<img src=x onerror="alert(1)">&"\''


class Reader(HTMLParser):
    """Reads a tag back as a browser would."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: dict[str, str | None] = {}
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= dict(attrs)

    def handle_data(self, data: str) -> None:
        self.words += data


@given(st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"])))
def test_whatever_goes_in_comes_out_as_text(words):
    read = Reader()
    read.feed(make_element("text", {"aria-label": words}, words))
    read.close()
    assert (read.tags, read.attributes["aria-label"], read.words) == (["text"], words, words)


def test_a_name_is_no_tag_and_a_tag_is_one():
    inner = make_element("title", {}, HOSTILE)
    read = Reader()
    read.feed(make_element("g", {}, inner))
    assert read.tags == ["g", "title"]
    assert read.words == HOSTILE


def test_numbers_are_short():
    assert (
        make_element("circle", {"cx": 1.0, "cy": 2.5, "r": 3.14159})
        == '<circle cx="1" cy="2.5" r="3.14"></circle>'
    )


def test_a_template_takes_it_as_it_is():
    assert Html("<b>").__html__() == "<b>"
