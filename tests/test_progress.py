import io

import pytest
from rich.console import Console

from pipeline import progress


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def test_one_line_at_the_end_for_a_log_file(capsys):
    items = progress.track([2000, 3000], "reading MIDI", 5000, lambda item: item)
    assert next(items) == 2000
    assert capsys.readouterr().err == ""
    assert list(items) == [3000]
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("reading MIDI: 5,000 in 0.")
    assert err.count("\n") == 1
    assert "\x1b" not in err


def test_a_bar_for_a_person(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(progress, "console", lambda: Console(file=screen, force_terminal=True, width=120))
    assert list(progress.track("abc", "reading MIDI", 6, lambda _: 2)) == ["a", "b", "c"]
    assert "reading MIDI" in screen.getvalue()
    assert "6/6" in screen.getvalue()


def test_a_thing_said_is_one_line_as_it_is(capsys):
    line = "a [red]long[/red] line " + "of a path/" * 40
    progress.say(line)
    out, err = capsys.readouterr()
    assert (out, err) == ("", line + "\n")
