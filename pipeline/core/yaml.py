"""A YAML file as a tree of plain values; whatever is wrong with it is one kind of error, in one line.

Files of others fail in many ways: in their syntax, at a date that is none, a number of ten thousand digits, a tag that
asks for a class, brackets as deep as the file is long.
"""

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

MAX_MESSAGE_LENGTH = 300
"""Signs of what is wrong, at most."""
CONFLICT_MARKER = re.compile(r"^(<<<<<<<|=======|>>>>>>>)( |$)", re.M)
"""Lines that Git writes into a file that two branches changed."""
PARSER_PLACE = 'in "<unicode string>", line'
"""How the parser names a place in a text without a file."""


class YamlError(ValueError):
    """A text is no YAML of plain values."""


def load_yaml(path: Path) -> Any:
    """Read a file.

    Raises:
        OSError: there is none, or it may not be read.
        YamlError: it is no YAML of plain values.
    """
    data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise YamlError(f"not UTF-8 at byte {error.start}") from error
    try:
        return parse_yaml(text)
    except YamlError as error:
        raise YamlError(describe_conflict(path, text) or str(error)) from error


def describe_conflict(path: Path, text: str) -> str:
    """Return where Git left conflict markers in a text, and what to do, or an empty text."""
    match = CONFLICT_MARKER.search(text)
    if not match:
        return ""
    line = text.count("\n", 0, match.start()) + 1
    return (
        f"conflict markers of Git at line {line}; take one side, such as "
        f"'git checkout --ours {path}', then run 'dvc repro'"
    )


def parse_yaml(text: str) -> Any:
    """Read a text, as DVC does: YAML 1.2, so that 1e-3 is a number and `no` a word.

    Raises:
        YamlError: it is no YAML of plain values.
    """
    try:
        return YAML(typ="safe", pure=True).load(text)
    except RecursionError as error:
        raise YamlError("nested too deeply") from error
    except Exception as error:  # the parser and what makes values of its words raise a dozen kinds
        message = " ".join(str(error).split()).replace(PARSER_PLACE, "at line")
        raise YamlError(message[:MAX_MESSAGE_LENGTH]) from error


def shorten_repr(value: object) -> str:
    """Return a value as a message shows it: short, and whatever it is."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # Python writes no number of many thousand digits
        return "a value too large to show"
    return text if len(text) <= MAX_MESSAGE_LENGTH else f"{text[:MAX_MESSAGE_LENGTH]}…"
