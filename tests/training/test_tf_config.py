"""`TF_CONFIG`: what is read, and what is refused."""

import json

import pytest

from pipeline.core.errors import ParamsError
from pipeline.training.tf_config import EXAMPLE, make_local_configs, read_tf_config

TASK = {"type": "worker", "index": 0}


def test_the_example_is_read() -> None:
    assert read_tf_config(EXAMPLE) == (0, 2)


def test_each_local_worker_has_a_rank_and_a_port() -> None:
    configs = make_local_configs(3)
    assert [read_tf_config(text) for text in configs] == [(0, 3), (1, 3), (2, 3)]
    clusters = [json.loads(text)["cluster"]["worker"] for text in configs]
    assert clusters[0] == clusters[1] == clusters[2]
    assert len(set(clusters[0])) == 3


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"cluster": {"worker": []}, "task": TASK},
        {"cluster": {"worker": ["a"]}, "task": TASK},
        {"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": TASK},
        {"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}},
        {"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": -1}},
    ],
)
def test_another_shape_is_refused_with_an_example(values: object) -> None:
    with pytest.raises(ParamsError, match=r"^TF_CONFIG is .*; write it as {"):
        read_tf_config(json.dumps(values))


def test_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(ParamsError, match=r"^TF_CONFIG is 'two workers'; write it as {"):
        read_tf_config("two workers")


def test_an_index_beyond_the_workers_is_refused() -> None:
    text = json.dumps({"cluster": {"worker": ["a:1", "b:1"]}, "task": {**TASK, "index": 2}})
    with pytest.raises(ParamsError, match=r"index 2 of 2 workers; the first worker is 0"):
        read_tf_config(text)
