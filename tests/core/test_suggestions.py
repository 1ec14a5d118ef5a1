import pytest

from pipeline.core.suggestions import suggest_name


@pytest.mark.parametrize("typed", ["expresive", "Expressive", "expressve", "EXPRESSIV"])
def test_a_name_like_a_known_one_is_suggested(typed: str) -> None:
    assert suggest_name(typed, ["baseline", "expressive"]) == "; did you mean 'expressive'?"


@pytest.mark.parametrize("typed", ["", "x", "../../etc/passwd"])
def test_a_name_like_no_other_is_no_guess(typed: str) -> None:
    assert suggest_name(typed, ["baseline", "expressive"]) == ""
    assert suggest_name(typed, []) == ""
