"""The takes of a session: recordings with a name. They are in memory and end with the program.

A take is found by an id of random bits and never by its name. A name is text for people; the page names downloaded files
by it, so it has no character that a file name must not have.
"""

import secrets
from dataclasses import dataclass
from itertools import count
from typing import Any

from pipeline.live.recorder import TRACK_NAMES, Recorder
from pipeline.studio.messages import ClientError, ListedTake

ID_BYTES = 12
"""Random bytes of an id."""
MAX_KEPT, MAX_OTHERS = 50, 5
"""Takes that are kept, and of the others the last ones, which stay until newer ones come."""
MAX_NAME_LENGTH = 60
"""Characters of a name."""
FORBIDDEN_CHARACTERS = '/\\:*?"<>|'
"""Characters that a file name cannot have on every system."""


@dataclass
class Take:
    """A recording in the list."""

    take_id: str
    name: str
    recording: Recorder
    """Its notes; times count from its start. A note that sounded at the end of the recording is added when it ends."""
    seconds: float
    """From the start of the recording to its end."""
    is_kept: bool = False


class TakeList:
    """The takes of a session, the oldest first."""

    def __init__(self) -> None:
        """Start without takes."""
        self.takes: dict[str, Take] = {}
        """By id."""
        self.numbers = count(1)

    def add(self, recording: Recorder, seconds: float) -> Take:
        """Add a take that is not kept yet; the oldest one that is not kept makes room.

        Args:
            recording: its notes.
            seconds: its length.
        """
        for empty in [take for take in self.takes.values() if not len(take.recording)]:
            del self.takes[empty.take_id]
        others = [take for take in self.takes.values() if not take.is_kept]
        if len(others) >= MAX_OTHERS:
            del self.takes[others[0].take_id]
        take_id = secrets.token_urlsafe(ID_BYTES)
        take = Take(take_id, f"Take {next(self.numbers)}", recording, seconds)
        self.takes[take_id] = take
        return take

    def find(self, take_id: str) -> Take:
        """Return the take of an id.

        Raises:
            ClientError: there is none.
        """
        if take_id not in self.takes:
            raise ClientError("there is no such take any more; choose one of the list")
        return self.takes[take_id]

    def rename(self, take_id: str, name: str) -> None:
        """Give a take another name.

        Raises:
            ClientError: there is no such take, or the name is none; nothing has changed.
        """
        self.find(take_id).name = _check_name(name)

    def keep(self, take_id: str) -> None:
        """Let a take stay until it is discarded.

        Raises:
            ClientError: there is no such take, or too many are kept.
        """
        if sum(take.is_kept for take in self.takes.values()) >= MAX_KEPT:
            raise ClientError(f"{MAX_KEPT} takes are kept already; discard one")
        self.find(take_id).is_kept = True

    def discard(self, take_id: str) -> None:
        """Remove a take.

        Raises:
            ClientError: there is none.
        """
        del self.takes[self.find(take_id).take_id]

    def describe(self) -> list[ListedTake]:
        """Return the takes that have notes, as the pages list them."""
        return [
            ListedTake(
                take_id=take.take_id,
                name=take.name,
                notes=len(take.recording),
                seconds=round(take.seconds, 2),
                is_kept=take.is_kept,
            )
            for take in self.takes.values()
            if len(take.recording)
        ]


def list_notes(recording: Recorder) -> list[dict[str, Any]]:
    """Return notes in order of time: performer `model` or `human`, pitch, velocity, onset and duration [s]."""
    rows = sorted(recording.rows_since(0), key=lambda row: (row.onset, row.pitch))
    names = {performer: name.decode() for performer, name in TRACK_NAMES.items()}
    return [{**row._asdict(), "performer": names[row.performer]} for row in rows]


def _check_name(name: str) -> str:
    """Return a name without spaces at its ends.

    Raises:
        ClientError: it is empty, too long, begins with a dot, or has a character that a file name cannot have.
    """
    stripped = name.strip()
    if not 0 < len(stripped) <= MAX_NAME_LENGTH:
        raise ClientError(
            f"the name of the take has {len(stripped)} characters; give 1 to {MAX_NAME_LENGTH}"
        )
    if stripped.startswith("."):
        raise ClientError("the name of the take begins with a dot; begin with a letter or a digit")
    for character in stripped:
        if character in FORBIDDEN_CHARACTERS or not character.isprintable():
            raise ClientError(f"the name of the take has {character!r}; leave it out")
    return stripped
