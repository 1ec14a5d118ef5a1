"""The sustain pedal is of a channel: every track and program of the channel gets it.

Readers split a file by track and program and do not keep channels, so they leave the pedal where its events are: on one
track of a piano whose left hand is on another, or with the program that a channel had before. `share_pedal` writes the
pedal of each channel into every track with notes of the channel, and lets a channel keep its first program in a track.

Source: MIDI 1.0 detailed specification: control changes are channel messages.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipeline.midi import chunks, events
from pipeline.midi.sustain import SUSTAIN_CC


class _PlacedEvent(NamedTuple):
    """An event and what it is sorted by."""

    tick: int
    track: int
    order: int
    """Within its track."""
    message: bytes
    """Status and content."""

    @property
    def kind(self) -> int:
        return self.message[0] >> 4

    @property
    def channel(self) -> int:
        return self.message[0] & 0xF


def share_pedal(data: bytes) -> bytes:
    """Return a sound MIDI file in which every track has the whole pedal of each channel that it has notes of."""
    file = chunks.find_chunks(data)
    tracks = [_read_track(data, span, index) for index, span in enumerate(file.spans)]
    pedal_of_channel: dict[int, list[_PlacedEvent]] = defaultdict(list)
    for event in (event for track in tracks for event in track if _is_pedal(event)):
        pedal_of_channel[event.channel].append(event)
    if not pedal_of_channel:
        return data
    shared = [_share_with_track(track, pedal_of_channel) for track in tracks]
    return chunks.write_chunks(file.midi_format, file.division, shared)


def _read_track(data: bytes, span: tuple[int, int], track: int) -> list[_PlacedEvent]:
    return [
        _PlacedEvent(event.tick, track, index, bytes([event.status]) + event.content)
        for index, event in enumerate(events.iterate_events(data, *span))
    ]


def _is_pedal(event: _PlacedEvent) -> bool:
    return event.kind == events.CONTROL_CHANGE and event.message[1] == SUSTAIN_CC


def _share_with_track(
    track: Sequence[_PlacedEvent], pedal_of_channel: dict[int, list[_PlacedEvent]]
) -> bytes:
    """Return the events of a track with the pedal of its channels; at one tick the pedal of an earlier track is first."""
    kept: list[_PlacedEvent] = []
    channels: set[int] = set()
    for event in track:
        is_end = event.message[:2] == bytes([events.META, events.END_OF_TRACK])
        if event.kind == events.NOTE_ON:
            channels.add(event.channel)
        if event.kind == events.PROGRAM_CHANGE:
            if event.channel not in channels:  # to the start, since a pedal before it is of it too
                kept.append(event._replace(tick=0, track=-1))
        elif not is_end and not _is_pedal(event):
            kept.append(event)
    pedal = [event for channel in channels for event in pedal_of_channel[channel]]
    return _write_track(sorted([*kept, *pedal]))


def _write_track(placed_events: Iterable[_PlacedEvent]) -> bytes:
    parts: list[bytes] = []
    tick = 0
    for event in placed_events:
        parts += [events.write_varint(event.tick - tick), event.message]
        tick = event.tick
    return b"".join([*parts, b"\x00\xff\x2f\x00"])
