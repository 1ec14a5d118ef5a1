from dataclasses import replace

import mutation_check
import pytest
from mutation_check import MUTATIONS


@pytest.mark.slow
def test_each_mutation_makes_its_test_fail():
    assert [line.rpartition(" ")[2] for line in mutation_check.main()] == [
        mutation.test for mutation in MUTATIONS
    ]


def test_mutation_that_matches_no_line_is_an_error():
    unmatched = replace(MUTATIONS[0], original="return np.log2(nothing)")
    with pytest.raises(
        ValueError, match=r"'return np.log2.nothing.' is there 0 times, not once; update .*bits"
    ):
        mutation_check.find_failures([unmatched.test], unmatched)


def test_undetected_mutation_is_an_error(monkeypatch):
    monkeypatch.setattr(mutation_check, "find_failures", lambda tests, mutation: [])
    with pytest.raises(ValueError, match=r"bits computed .* does not detect the error"):
        mutation_check.main()


def test_test_that_fails_without_a_mutation_is_an_error(monkeypatch):
    monkeypatch.setattr(mutation_check, "find_failures", lambda tests, mutation: tests)
    with pytest.raises(ValueError, match="fails without a mutation: tests/models/numpy/test_heads"):
        mutation_check.main()
