"""The structural check of long runs of events, which NumPy does, is that of the regular expression of one event."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import MidiError
from pipeline.midi import chunks, events, validate

EVENT = re.compile(rb"(?:[\x80-\x9f]?[\x00-\x7f][\x80-\xbf\xe0-\xef]?[\x00-\x7f]{2})*")
PARTS = (b"\x00\x3c\x40", b"\x81\x10\x90\x3c\x40", b"\x9f\x7f\x3c\x00", b"\x05\xe3\x00\x7f")
BAD = (b"\xa0\x00\x3c\x40", b"\x00\xc0\x05", b"\x00\x3c\x80", b"\x80\x80\x00\x3c\x40", b"\xff\x00")
NUM_LONG = 3 * validate._MAX_RUN // 4
END = b"\x00\xff\x2f\x00"


@given(st.lists(st.sampled_from(PARTS + BAD) | st.binary(max_size=3)), st.integers(0, 5))
def test_a_run_ends_where_the_regular_expression_of_an_event_ends(
    parts: list[bytes], num_cut: int
) -> None:
    data = b"\x40" + b"".join(parts)
    end = max(1, len(data) - num_cut)
    expected = EVENT.match(data, 1, end)
    assert expected
    assert validate._skip_two_byte_events(data, 1, end) == expected.end()


@pytest.mark.parametrize(
    ("part", "is_sound"),
    [
        (b"\xa0\x00\x3c\x40", True),
        (b"\x00\x3c\x80", False),
        (b"\x00\x90\x3c\xc0", False),
        (b"\x00\xf4\x3c\x40", False),
    ],
)
@pytest.mark.parametrize("place", [0, 999, 1000, 1001, 2000, NUM_LONG - 1])
def test_damage_anywhere_in_a_long_track_is_seen(part: bytes, is_sound: bool, place: int) -> None:
    run = b"\x00\x3c\x40"
    track = b"\x00\x90\x3c\x40" + run * place + part + run * (NUM_LONG - place) + END
    assert len(track) > 2 * validate._MAX_RUN
    assert (validate._scan_events(track, 0, len(track)) is not None) == is_sound


@pytest.mark.slow
def test_a_file_of_runs_that_end_early_is_checked_in_linear_time() -> None:
    run = b"\x00\x90\x3c\x40" + b"\x00\x3c\x40" * 1100 + b"\x00\xc0\x05"
    track = run * (validate.MAX_FILE_BYTES // len(run) - 1) + END
    data = chunks.write_chunks(0, 480, [track])
    began = time.process_time()
    assert validate.validate_midi(data).data is data
    assert time.process_time() - began < 20


def test_long_runs_count_in_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate, "MAX_TICK", 2**26)
    track = b"\x00\x90\x3c\x40" + b"\x9f\x7f\x3c\x40" * (2**26 // 4095 + 1) + END
    assert len(track) > validate._MAX_RUN
    assert events.find_last_tick(track, 0, len(track)) > 2**26
    with pytest.raises(MidiError, match=r"add up to 67,\d+,\d+ ticks"):
        validate.validate_midi(chunks.write_chunks(0, 480, [track]))
