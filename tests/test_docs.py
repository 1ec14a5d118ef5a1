"""README.md and docs/ name links, commands, options and programs: all of them exist."""

import re
import shlex
from pathlib import Path

import click
import pytest
from factories import ROOT
from typer.main import get_command

from pipeline import cli
from pipeline.config import load_params
from pipeline.core import paths

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = get_command(cli.app).commands
COMMAND_LINE = re.compile(r"music-rnn ([a-z][a-z-]*)\b([^`\n#&|]*)")
SHELL_BLOCK = re.compile(r"^```(?:bash|sh)\n(.*?)^```", re.M | re.S)
PROGRAM_LINE = re.compile(r"python ((?:tools|benchmarks|tests)/[\w.]+\.py)([^`\n#&|]*)")
SHELL_END = re.compile(r"\s+(?:&&|\|\||[|&;]|\d?>{1,2})(?:\s|$)")
"""What ends a command within a line of shell."""
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


def split_commands(line: str) -> list[list[str]]:
    """Return the arguments of each `music-rnn` in a line of shell."""
    commands = []
    for part in SHELL_END.split(re.sub(r"(^|\s)#.*", "", line)):
        words = [word for word in shlex.split(part) if not re.match(r"[A-Z_]+=", word)]
        if words and Path(words[0]).name == "music-rnn":
            commands.append(words[1:])
    return commands


def check_command(arguments: list[str]) -> None:
    """Parse a command as the command line does, and run nothing."""
    name, *rest = arguments
    try:
        COMMANDS[name].make_context(name, rest)
    except click.ClickException as error:
        pytest.fail(f"music-rnn {shlex.join(arguments)}: {error.format_message()}")


@EACH_PAGE
def test_all_lines_of_shell_are_accepted(page: Path) -> None:
    for block in SHELL_BLOCK.findall(page.read_text("utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            for arguments in split_commands(line):
                check_command(arguments)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_examples_in_the_help_are_accepted(command: str) -> None:
    examples = re.findall(r"music-rnn .+?(?=, |; |$)", COMMANDS[command].epilog)
    assert examples
    for example in examples:
        for arguments in split_commands(example):
            check_command(arguments)


@EACH_PAGE
def test_all_programs_and_their_options_exist(page: Path) -> None:
    for program, rest in PROGRAM_LINE.findall(page.read_text("utf-8")):
        assert (ROOT / program).exists(), f"{page.name} names {program}, which does not exist"
        text = (ROOT / program).read_text("utf-8")
        for option in re.findall(r"(?<!\S)--[a-z-]+", rest):
            assert f'"{option}"' in text, f"{page.name}: {program} has no {option}"


@EACH_PAGE
def test_all_keys_of_params_exist(page: Path) -> None:
    params = load_params(ROOT / paths.PARAMS).model_dump()
    for key in re.findall(r"(?:-S '?|music-rnn sweep )([\w.]+)=", page.read_text("utf-8")):
        section = params
        for name in key.split("."):
            assert name in section, f"{page.name}: params.yaml has no {key}"
            section = section[name]


def test_the_readme_links_every_page() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    names = [page.relative_to(ROOT).as_posix() for page in PAGES[1:]]
    assert not [name for name in names if f"({name})" not in text]


def test_the_readme_links_sections_that_exist() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    links = re.findall(r"\]\(#([^)]+)\)", text)
    assert links
    assert set(links) <= anchors


def test_the_pages_are_read() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    assert len(PAGES) > 15
    assert len(COMMAND_LINE.findall(text)) > 40
