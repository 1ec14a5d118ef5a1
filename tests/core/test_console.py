import io
import re

import pytest
from rich.console import Console

from pipeline.core import console


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


def test_one_line_at_the_end_for_a_log_file(capsys):
    items = console.track_progress([2000, 3000], "reading MIDI", 5000, lambda item: item)
    assert next(items) == 2000
    assert capsys.readouterr().err == ""
    assert list(items) == [3000]
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"reading MIDI: 5,000 in 0\.\d s, [\d,.e+]+/s\n", err)
    assert err.count("\n") == 1
    assert "\x1b" not in err


NAMES = ("[red]a.mid", "[bold]x[/nope].mid", ":warning:.mid", "\x1b[2Jgone.mid")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_as_it_is_but_for_what_a_terminal_obeys(name, monkeypatch, capsys):
    plain = name.replace("\x1b", " ")
    console.log_message(name)
    assert capsys.readouterr().err == f"{plain}\n"
    screen = io.StringIO()
    monkeypatch.setattr(
        console,
        "make_console",
        lambda: Console(file=screen, force_terminal=True, width=120, color_system=None),
    )
    list(console.track_progress("abc", name, 3))
    assert plain in screen.getvalue()
    assert "\x1b[2J" not in screen.getvalue()


def test_a_bar_for_a_person(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(
        console, "make_console", lambda: Console(file=screen, force_terminal=True, width=120)
    )
    assert list(console.track_progress("abc", "reading MIDI", 6, lambda _: 2)) == ["a", "b", "c"]
    assert "reading MIDI" in screen.getvalue()
    assert "6/6" in screen.getvalue()
    assert re.search(r"[\d.,e+]+/s.*0:00:00", screen.getvalue()), "rate and time"


def test_no_color_takes_the_colors_from_the_bar(monkeypatch):
    def shown() -> str:
        screen = io.StringIO()
        monkeypatch.setattr(
            console,
            "make_console",
            lambda: Console(file=screen, force_terminal=True, width=120, color_system="standard"),
        )
        list(console.track_progress("abc", "reading MIDI", 3))
        return screen.getvalue()

    color = re.compile(r"\x1b\[[\d;]*3[0-7]m")
    assert color.search(shown())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "reading MIDI" in shown()
    assert not color.search(shown())


@pytest.mark.parametrize(
    ("per_second", "text"),
    [
        (None, "–/s"),
        (0, "–/s"),
        (0.05, "3/min"),
        (1, "1/s"),
        (12.345, "12.3/s"),
        (1234.5, "1,230/s"),
        (2e7, "2e+07/s"),
    ],
)
def test_a_rate_has_three_figures(per_second, text):
    assert console.format_rate(per_second) == text


def test_a_thing_said_is_one_line_as_it_is(capsys):
    line = "a [red]long[/red] line " + "of a path/" * 40
    console.log_message(line)
    out, err = capsys.readouterr()
    assert (out, err) == ("", line + "\n")


def test_little_work_is_not_shown(capsys):
    assert list(console.track_progress("abc", "reading", 3, min_total=4)) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""
    list(console.track_progress("abcd", "reading", 4, min_total=4))
    assert "reading: 4 in" in capsys.readouterr().err
