"""When and where a response begins: a value that makes no sense is named with what does."""

import pytest

from pipeline.studio.control_checks import check_quantize, check_response_delay
from pipeline.studio.messages import ClientError


def test_values_that_make_sense_are_returned() -> None:
    assert check_response_delay(2) == 2.0
    assert check_quantize("bar") == "bar"


@pytest.mark.parametrize("value", [0.1, 11, float("nan")])
def test_a_delay_outside_its_limits_is_named_with_them(value: float) -> None:
    with pytest.raises(ClientError, match=rf"response_delay {value} is outside 0.2..10.0 seconds"):
        check_response_delay(value)


def test_a_text_is_no_delay_and_another_word_is_no_place() -> None:
    with pytest.raises(ClientError, match="response_delay is text"):
        check_response_delay("soon")
    with pytest.raises(ClientError, match="quantize 'never' is none of off, beat, bar"):
        check_quantize("never")
