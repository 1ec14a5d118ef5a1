"""The errors a person can mend: each message names the value, the place and the remedy."""

import re
from typing import NamedTuple

from pydantic import ValidationError

_ERROR_NUMBER = re.compile(r"\[(Errno|WinError) -?\d+\] ")


def sanitize_line(text: str) -> str:
    """Return a text of others, such as a name, as one line: a sign that cannot be printed is a space in it."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def describe_error(error: Exception) -> str:
    """Return what an error says to a person: of a file that the system refuses, its reason without number and path."""
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or str(error)


class InvalidField(NamedTuple):
    """The first fault of a validation."""

    key: str
    """Dotted place of the value; empty for the whole."""
    message: str
    value: object


def find_first_error(error: ValidationError) -> InvalidField:
    """Return the first fault of a validation by pydantic."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    return InvalidField(key, first["msg"].removeprefix("Value error, "), first["input"])


class PipelineError(Exception):
    """Any failure that is explained in one line and needs no traceback."""

    def __str__(self) -> str:
        """Return the line, printable and without the number that Python puts before the reason of the system."""
        return sanitize_line(_ERROR_NUMBER.sub("", super().__str__()))


class ParamsError(PipelineError):
    """params.yaml holds something it must not."""


class CorpusError(PipelineError):
    """A corpus cannot be fetched, verified or split."""


class MidiError(PipelineError):
    """A MIDI file cannot be read; the file goes to the rejected list."""


class DataError(PipelineError):
    """A file the pipeline wrote is missing, torn or of another kind than expected."""


class DiskError(PipelineError):
    """A file cannot be written or read: no space, no permission, no such disk."""
