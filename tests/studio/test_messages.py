"""Whatever a page sends is a message or an error of one line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.studio import messages
from pipeline.studio.messages import ClientError

SOUND = (
    {"type": "note_on", "pitch": 60, "velocity": 80},
    {"type": "note_off", "pitch": 127},
    {
        "type": "set_controls",
        "revision": 7,
        "values": {"tempo": 1.2, "key": "C minor", "min_pitch": 30},
    },
    {"type": "control_change", "controller": 20, "value": 0},
    {"type": "set_mode", "mode": "accompany"},
    {"type": "load_model", "name": "maestro"},
    {"type": "set_playing", "playing": False},
    {"type": "set_recording", "recording": True},
    {"type": "rename_take", "take_id": "b3Jk", "name": "Waltz"},
    {"type": "keep_take", "take_id": "b3Jk"},
    {"type": "discard_take", "take_id": "b3Jk"},
    {"type": "panic"},
    {"type": "ping", "sent": 1.5},
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda parts: (
        st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=8), parts, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("message", SOUND, ids=lambda message: str(message["type"]))
def test_a_message_is_parsed_as_it_is(message: dict[str, object]) -> None:
    assert messages.parse_message(json.dumps(message)).model_dump() == message


def tried(text: str | bytes) -> None:
    try:
        messages.parse_message(text)
    except ClientError as error:
        assert str(error).isprintable()
        assert len(str(error)) < 600


@given(st.text() | st.binary())
def test_noise_is_an_error_of_one_line(text: str | bytes) -> None:
    tried(text)


@given(JSON)
def test_so_is_any_json(value: object) -> None:
    tried(json.dumps(value))


@given(st.sampled_from(SOUND), st.data())
def test_so_is_a_message_with_one_value_changed(
    message: dict[str, object], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(message)) | st.text(max_size=8))
    tried(json.dumps({**message, name: data.draw(JSON)}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"type": "note_on", "pitch": "60", "velocity": 80}',
        '{"type": "note_on", "pitch": 60.0, "velocity": 80}',
        '{"type": "note_on", "pitch": 60, "velocity": 0}',
        '{"type": "note_on", "pitch": 128, "velocity": 80}',
        '{"type": "note_on", "pitch": 60, "velocity": 80, "more": 1}',
        '{"type": "ping", "sent": NaN}',
        '{"type": "__class__"}',
        '{"type": "panic"} {"type": "panic"}',
    ],
)
def test_nothing_is_converted_or_overlooked(text: str) -> None:
    with pytest.raises(ClientError):
        messages.parse_message(text)


def test_what_was_sent_is_not_sent_back() -> None:
    with pytest.raises(ClientError) as refused:
        messages.parse_message('{"type": "set_mode", "mode": "<script>"}')
    assert "script" not in str(refused.value)
