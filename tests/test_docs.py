"""README.md and docs/ name links, commands, options and programs: all of them exist."""

import re
from pathlib import Path

import pytest
from factories import ROOT
from typer.main import get_command

from pipeline import cli

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = get_command(cli.app).commands
COMMAND_LINE = re.compile(r"music-rnn ([a-z][a-z-]*)\b([^`\n#&|]*)")
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def list_options(command: str) -> set[str]:
    """Return the options of a command."""
    options = {"--help"}
    for parameter in COMMANDS[command].params:
        options |= {*parameter.opts, *parameter.secondary_opts}
    return options


@EACH_PAGE
def test_all_links_resolve(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing, f"{page.name} links to {missing}, which do not exist"


@EACH_PAGE
def test_all_commands_and_their_options_exist(page: Path) -> None:
    for command, rest in COMMAND_LINE.findall(page.read_text("utf-8")):
        assert command in COMMANDS, f"{page.name}: no command {command}"
        unknown = set(re.findall(r"(?<!\S)--[a-z-]+", rest)) - list_options(command)
        assert not unknown, f"{page.name}: {command} has no {unknown}"


@EACH_PAGE
def test_all_programs_exist(page: Path) -> None:
    programs = re.findall(
        r"python ((?:tools|benchmarks|tests)/[\w.]+\.py)", page.read_text("utf-8")
    )
    missing = [program for program in programs if not (ROOT / program).exists()]
    assert not missing, f"{page.name} names {missing}, which do not exist"


def test_the_pages_are_read() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    assert len(PAGES) > 15
    assert len(COMMAND_LINE.findall(text)) > 40
