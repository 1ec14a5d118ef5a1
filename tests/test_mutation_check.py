from dataclasses import replace

import mutation_check as plants
import pytest


def test_each_deliberate_error_makes_its_test_fail():
    assert [line.rpartition(" ")[2] for line in plants.main()] == [
        plant.test for plant in plants.PLANTS
    ]


def test_a_plant_that_fits_no_line_is_an_error():
    gone = replace(plants.PLANTS[0], line="return np.log2(nothing)")
    with pytest.raises(
        ValueError,
        match=r"'return np.log2.nothing.' is not there once; plant 'bits computed on nats'",
    ):
        plants.failures([gone.test], gone)


def test_an_error_that_no_test_sees_is_an_error(monkeypatch):
    monkeypatch.setattr(plants, "failures", lambda tests, plant: [])
    with pytest.raises(ValueError, match=r"bits computed on nats: .* does not see it"):
        plants.main()


def test_a_test_that_fails_of_itself_is_an_error(monkeypatch):
    monkeypatch.setattr(plants, "failures", lambda tests, plant: tests)
    with pytest.raises(ValueError, match="fails with nothing planted: tests/inference/test_heads"):
        plants.main()
