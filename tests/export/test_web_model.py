"""The JSON of a model for a page; tests/web/test_model.py plays it in Chromium."""

import base64
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from factories import UNCONSTRAINED, make_tiny_model

from pipeline.core.errors import DataError
from pipeline.export.web_model import make_web_model, make_web_sampling
from pipeline.models.time_limits import TimeLimits

PLAYABLE: dict[str, Any] = {
    **{"input": "embedding", "embedding_dim": 8, "heads": "categorical", "head_dim": 4},
    **{"cell": "mingru", "model_velocity": True, "stateful": True, "loss_on": "all"},
}


@pytest.mark.parametrize("dtype", ["<f2", "<f4"])
def test_the_text_has_every_weight_exactly_in_few_bytes(dtype: str) -> None:
    model = make_tiny_model(**PLAYABLE)
    rounded = {name: value.astype(dtype).astype("<f4") for name, value in model.weights.items()}
    model = replace(model, weights=rounded)
    blob = json.loads(json.dumps(make_web_model(model)))
    values = np.frombuffer(base64.b64decode(blob["weights"]), dtype)
    assert blob["bytes_per_weight"] == values.itemsize
    begin = 0
    for name, shape in blob["shapes"]:
        end = begin + int(np.prod(shape))
        np.testing.assert_array_equal(values[begin:end].reshape(shape), model.weights[name])
        begin = end
    assert begin == len(values) == model.parameters
    assert {name for name, _ in blob["shapes"]} == set(model.weights)


@pytest.mark.parametrize(
    ("changes", "value", "setting"),
    [
        ({"cell": "lstm"}, "cell: lstm", "cell=attention"),
        ({"heads": "mixture"}, "heads: mixture", "heads=categorical"),
        ({"dense_units": 6}, "dense_units: 6", "dense_units=0"),
        ({"stateful": False}, "stateful: false", "stateful=true"),
    ],
)
def test_a_part_that_a_page_lacks_is_refused_by_name(
    changes: dict[str, Any], value: str, setting: str
) -> None:
    model = make_tiny_model(**{**PLAYABLE, **changes})
    with pytest.raises(DataError) as error:
        make_web_model(model)
    assert str(error.value) == (
        f"tiny: a page cannot play {value}; export a bundled model such as maestro, or train it with "
        f"model.tiny.{setting}"
    )


def test_settings_name_the_pitches_of_key_and_range_and_the_longest_times() -> None:
    sampling = UNCONSTRAINED.model_copy(update={"key": "C major", "min_pitch": 60, "max_pitch": 67})
    model = make_tiny_model(**PLAYABLE)
    settings = make_web_sampling(model, sampling)
    assert settings["pitches"] == [60, 62, 64, 65, 67]
    assert settings["pitch_temperature"] == 1.0
    assert settings["max_step"] == settings["max_duration"] == 1000
    limited = replace(model, time_limits=TimeLimits(20, 30))
    assert make_web_sampling(limited, sampling)["max_duration"] == 30
    unlimited = sampling.model_copy(update={"limit_times": False})
    assert make_web_sampling(limited, unlimited)["max_duration"] == 1000
