"""`TF_CONFIG`: the workers that train one model together, as TensorFlow reads it from the environment."""

import json
import socket
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from pipeline.config.schema import StrictModel
from pipeline.core.errors import ParamsError

TF_CONFIG = "TF_CONFIG"
"""Environment variable that names the workers, as TensorFlow reads it."""
EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}'


Address = Annotated[str, Field(pattern=r"^\S+:\d+$")]


class _Cluster(StrictModel):
    worker: Annotated[list[Address], Field(min_length=1)]


class _Task(StrictModel):
    type: Literal["worker"]
    index: Annotated[int, Field(ge=0)]


class _TFConfig(StrictModel):
    cluster: _Cluster
    task: _Task


def read_tf_config(text: str) -> tuple[int, int]:
    """Return the rank of this worker and the number of workers.

    Raises:
        ParamsError: the text is not what TensorFlow reads, or has tasks other than workers.
    """
    try:
        config = _TFConfig.model_validate_json(text)
    except ValidationError as error:
        raise ParamsError(f"{TF_CONFIG} is {text!r}; write it as {EXAMPLE}") from error
    addresses, index = config.cluster.worker, config.task.index
    if index >= len(addresses):
        raise ParamsError(
            f"{TF_CONFIG} has index {index} of {len(addresses)} workers; the first worker is 0"
        )
    return index, len(addresses)


def make_local_configs(count: int) -> list[str]:
    """Return `TF_CONFIG` for each of so many workers on this machine, on free ports."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{server.getsockname()[1]}" for server in sockets]
    for server in sockets:
        server.close()
    cluster = {"worker": addresses}
    return [
        json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        for index in range(count)
    ]
