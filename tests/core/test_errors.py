from pathlib import Path

import pytest

from pipeline.core.errors import DataError, describe_error


def test_a_message_has_no_number_of_the_system() -> None:
    with pytest.raises(OSError) as caught:
        Path("/no/such/file").read_bytes()
    message = str(DataError(f"model: cannot be read ({caught.value}); train it"))
    assert message == (
        "model: cannot be read (No such file or directory: '/no/such/file'); train it"
    )
    assert describe_error(caught.value) == "No such file or directory"


def test_an_error_without_a_reason_of_the_system_is_its_text() -> None:
    assert describe_error(ValueError("why")) == "why"
    assert describe_error(OSError("why")) == "why"
