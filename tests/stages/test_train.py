"""Stage train."""

import json
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from factories import ROOT

from pipeline.config import Params
from pipeline.config.schema import ModelConfig
from pipeline.core import paths
from pipeline.core.errors import ParamsError, PipelineError
from pipeline.dataset.replicates import derive_seed
from pipeline.models import model_io
from pipeline.stages import train, windows
from pipeline.training.tf_config import TF_CONFIG, make_local_configs


def read_files(folder: Path) -> dict[str, bytes]:
    """Return the content of all files of a folder by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["hybrid", "gated"])
def test_a_replicate_is_the_same_alone_and_after_another_in_one_process(
    in_ingested: Path, project: Params, small: Params, architecture: str
) -> None:
    """So that results do not depend on the number of cores; one of the two has dropout, one a state and biases."""
    sizes: dict[str, object] = {"units": [8, 8]}
    sizes |= {"embedding_dim": 8, "head_dim": 8} if architecture == "gated" else {"dense_units": 8}
    config = project.model[architecture].model_copy(update=sizes)
    # An epoch is two batches of passages.
    stateful = small.train.stateful.model_copy(update={"batch_size": 2, "segments_per_passage": 1})
    training = small.train.model_copy(update={"stateful": stateful})
    params = small.model_copy(update={"train": training, "model": {architecture: config}})
    windows.run(params.restrict_to(windows.PARAM_SECTIONS))
    for replicate in (1, 2):
        train._train_replicate(params, architecture, replicate)
    folder = paths.get_replicate_dir(architecture, 2)
    after_another = read_files(folder)
    shutil.rmtree(folder)
    process = multiprocessing.get_context("spawn").Process(
        target=train._train_replicate, args=(params, architecture, 2)
    )
    process.start()
    process.join()
    assert process.exitcode == 0
    assert read_files(folder) == after_another


@pytest.mark.slow
def test_training_again_gives_equal_bytes(in_made: Path, small: Params) -> None:
    """The first time all replicates in one process, one after the other; now each in a process of its own."""
    folder = paths.get_model_dir("baseline")
    before = read_files(folder)
    names = ["history.csv", "model.json", "weights.npz"]
    others = [f"replicates/{replicate}/{name}" for replicate in (2, 3) for name in names]
    assert sorted(before) == sorted([*names, *others])
    assert before["weights.npz"] != before["replicates/2/weights.npz"]
    train.run(small.restrict_to(train.PARAM_SECTIONS), "baseline")
    assert read_files(folder) == before


def test_the_card_says_where_the_model_comes_from(in_made: Path, small: Params) -> None:
    origin = model_io.load_model(paths.get_model_dir("bidirectional")).provenance
    assert origin["seed"] == derive_seed(small.seed, 1)
    assert origin["sustain_pedal"] == small.ingest.sustain_pedal
    assert (origin["replicate"], origin["replicates"], origin["scheme"]) == (
        1,
        3,
        "cross_validation",
    )
    other = model_io.load_model(paths.get_replicate_dir("bidirectional", 2)).provenance
    assert (other["seed"], other["replicate"]) == (derive_seed(small.seed, 2), 2)
    assert origin["train"] == small.train.model_dump()
    assert len(str(origin["windows_sha256"])) == 64
    assert "time" not in json.dumps(origin)


def test_each_replicate_has_a_curve_with_a_row_an_epoch(in_made: Path) -> None:
    for replicate in (1, 2, 3):
        history = model_io.load_history(paths.get_replicate_dir("baseline", replicate))
        assert [row["notes"] for row in history] == [128, 256]


def test_an_unknown_architecture_is_one_clear_line(in_made: Path, small: Params) -> None:
    with pytest.raises(
        ParamsError, match=r"no architecture 'transformer'.*baseline, bidirectional"
    ):
        train.run(small.restrict_to(train.PARAM_SECTIONS), "transformer")


@pytest.fixture
def together(in_ingested: Path, project: Params, small: Params) -> Params:
    """Parameters of a model that two workers train for ten epochs, in a folder with its windows."""
    config = project.model["gated"].model_copy(
        update={"units": [8, 8], "embedding_dim": 8, "head_dim": 8}
    )
    stateful = small.train.stateful.model_copy(update={"batch_size": 2, "segments_per_passage": 1})
    training = small.train.model_copy(
        update={"stateful": stateful, "workers": 2, "epochs": 10, "patience": 10}
    )
    seeds = small.replicates.model_copy(update={"count": 1, "scheme": "seeds"})
    params = small.model_copy(
        update={"model": {"gated": config}, "train": training, "replicates": seeds}
    )
    windows.run(params.restrict_to(windows.PARAM_SECTIONS))
    return params


@pytest.mark.slow
def test_operations_side_by_side_leave_equal_bytes(together: Params) -> None:
    """Of a model with both kinds of residual blocks and dropout, whose masks are drawn by an operation too."""
    changes = {
        "cell": ["mingru", "attention"],
        "units": [32, 32],
        "conv": 4,
        "span": 20,
        "dropout": 0.2,
        "pitch_head": "equivariant",
    }
    block = ModelConfig.model_validate({**together.model["gated"].model_dump(), **changes})
    params = together.model_copy(update={"model": {"gated": block}})
    context = multiprocessing.get_context("spawn")
    models = []
    for num_operations in (1, 4):
        arguments = (params, "gated", 1, None, num_operations)
        process = context.Process(target=train._train_replicate, args=arguments)
        process.start()
        process.join()
        assert process.exitcode == 0
        models.append(read_files(paths.get_model_dir("gated")))
        shutil.rmtree(paths.get_checkpoint_dir())
    assert models[0] == models[1]


def test_few_replicates_share_all_cores(together: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def record_training(
        params: Params, architecture: str, replicate: int, num_operations: int
    ) -> Path:
        asked.append((replicate, num_operations))
        return paths.get_checkpoint_dir()

    monkeypatch.setattr(train, "_train_replicate", record_training)
    alone = together.train.model_copy(update={"workers": 1})
    for num_cores, expected in ((1, 1), (2, 2), (5, 5)):
        monkeypatch.setattr(train.parallel, "count_cores", lambda count=num_cores: count)
        train.run(together.model_copy(update={"train": alone}), "gated")
        assert asked.pop() == (1, expected)


def kill_after_first_epoch(run: Future[None]) -> None:
    """Kill the second worker of a run as soon as there is a checkpoint."""
    while not list(paths.get_checkpoint_dir().rglob("*.npz")):
        assert not run.done(), run.exception()
        time.sleep(0.005)
    worker = multiprocessing.active_children()[1]
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)


@pytest.mark.slow
def test_two_workers_that_lost_one_go_on_to_the_same_bytes(
    together: Params, capfd: pytest.CaptureFixture[str]
) -> None:
    train.run(together, "gated")
    folder = paths.get_model_dir("gated")
    whole = read_files(folder)
    shutil.rmtree(folder)
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(train.run, together, "gated")
        kill_after_first_epoch(run)
        start = time.monotonic()
        with pytest.raises(PipelineError, match=r"^process . of 2 ended with SIGKILL; run again"):
            run.result(30)
        assert time.monotonic() - start < 30
    shutil.rmtree(folder, ignore_errors=True)  # killed before the curve was written, there is none
    capfd.readouterr()
    train.run(together, "gated")
    lines = capfd.readouterr().err.splitlines()
    assert lines[0].startswith("train gated, replicate 1 of 1: continues after epoch ")
    assert read_files(folder) == whole


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_machine_that_lost_another_ends_with_one_line(together: Params, victim: int) -> None:
    """As on several machines: no parent watches the workers. Ten thousand epochs would take long."""
    training = together.train.model_copy(update={"epochs": 10_000, "patience": 10_000})
    params = together.model_copy(update={"train": training})
    Path("params.pickle").write_bytes(pickle.dumps(params))
    with ExitStack() as stack:
        workers = [stack.enter_context(start_worker(config)) for config in make_local_configs(2)]
        for worker in workers:
            stack.callback(worker.kill)
        while not list(paths.get_checkpoint_dir().rglob("*.npz")):
            assert [worker.poll() for worker in workers] == [None, None]
            time.sleep(0.01)
        workers[victim].kill()
        _, errors = workers[1 - victim].communicate(timeout=30)
    assert workers[1 - victim].returncode == 1
    lines = [line for line in errors.splitlines() if "bits per note" not in line]
    assert len(lines) == 1, errors
    assert "start all workers again to continue from the checkpoint" in lines[0]


def start_worker(config: str) -> subprocess.Popen[str]:
    """Start the stage as one of the workers of `TF_CONFIG`, with the parameters in params.pickle."""
    script = (
        "import pickle",
        "from pathlib import Path",
        "from pipeline.core.errors import PipelineError",
        "from pipeline.stages import runner, train",
        "try:",
        "    train.run(pickle.loads(Path('params.pickle').read_bytes()), 'gated')",
        "except PipelineError as error:",
        "    runner.exit_with_error(error)",
    )
    environment = {**os.environ, TF_CONFIG: config, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", "\n".join(script)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
