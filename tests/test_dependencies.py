"""Every dependency is on the page with its license."""

import re

import dependencies


def test_the_page_names_every_dependency_and_no_other() -> None:
    rows = re.findall(
        r"^\| ([^ ]+) \| ([a-z]+) \| (.+?) \| (.*?) \|$", dependencies.PAGE.read_text("utf-8"), re.M
    )[1:]
    assert [(name, extra, why) for name, extra, _, why in rows] == dependencies.list_requirements()
    assert len(rows) >= 15
    assert not [name for name, _, stated, _ in rows if stated in ("not installed", "not stated")]


def test_what_is_installed_for_all_says_why() -> None:
    assert not [
        name
        for name, extra, why in dependencies.list_requirements()
        if extra in ("all", "train") and not why
    ]
