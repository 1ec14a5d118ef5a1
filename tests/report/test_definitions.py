"""Words explained where they first stand."""

import re

from pipeline.report import html
from pipeline.report.definitions import DEFINITIONS, Explainer


def test_a_word_is_explained_once_and_in_the_spelling_of_the_text():
    explainer = Explainer()
    first = explainer.explain("Bits per note, of a seed.")
    assert first.startswith(
        '<span class="term" tabindex="0" aria-describedby="term-1">Bits per note<span'
    )
    assert DEFINITIONS["bits per note"] in first and DEFINITIONS["seed"] in first
    assert explainer.explain("Bits per note, of a seed.") == "Bits per note, of a seed."


def test_only_whole_words_are_explained():
    assert Explainer().explain("seeds, steps, n-grams, a_seed") == "seeds, steps, n-grams, a_seed"


def test_what_people_name_stays_text():
    text = Explainer().explain('<b title="seed">')
    assert "<b" not in text and DEFINITIONS["seed"] in text


def test_a_definition_is_not_explained_itself():
    text = Explainer().explain("replicates")
    assert text.count('class="term"') == 1


def test_every_definition_stands_on_the_page_once(report_data):
    page = html.render_page(report_data)
    for word, definition in DEFINITIONS.items():
        assert page.count(f'role="tooltip">{definition}<') == 1, (
            f"{word} does not stand on the page"
        )
    names = re.findall(r'aria-describedby="(term-\d+)"', page)
    assert len(names) == len(set(names)) == len(DEFINITIONS)
