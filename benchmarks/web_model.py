"""Measure a model in a browser: `python benchmarks/web_model.py [MODEL]`, with Chromium.

The worker of an exported page generates notes at the default sampling. MODEL is one that can play here, the bundled one if
none is named; a name of params.yaml that was not trained here has random weights, which take the same time.

Prints the microseconds of wall time for each note, sampling included, as the median over rounds with minimum and maximum; the
microseconds of CPU time for each note, of all processes of the browser; and the bytes of the page, as they are and compressed
by gzip, as static hosts send them. Other work on the machine adds wall time, so beside such work look at the CPU time.
"""

import gzip
import statistics
import sys
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import browser  # noqa: E402

from pipeline.config import load_params  # noqa: E402
from pipeline.config.schema import DEFAULT_MODEL, DEFAULT_SAMPLING  # noqa: E402
from pipeline.core.errors import DataError  # noqa: E402
from pipeline.export.web_model import make_web_model, make_web_sampling  # noqa: E402
from pipeline.models import model_io  # noqa: E402
from pipeline.models.model_io import TrainedModel  # noqa: E402
from pipeline.models.weight_shapes import weight_shapes  # noqa: E402
from pipeline.studio.exported_page import (  # noqa: E402
    WORKER_SCRIPTS,
    join_modules,
    render_exported_page,
)

ROUNDS, ROUND_NOTES = 20, 200
RUN = """async ([source, blob, settings, rounds, count]) => {
  const worker = new Worker(URL.createObjectURL(new Blob([source])));
  const ask = (message) => new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.type === "error" ? reject(data.message) : resolve(data));
    worker.postMessage(message);
  });
  await ask({ type: "load", blob, settings });
  await ask({ type: "feed", notes: [[0, 50, 60, 80], [20, 50, 64, 80]] });
  const times = [];
  for (let round = 0; round < rounds; round++) {
    const answer = await ask({ type: "generate", count, velocity: 80 });
    times.push(answer.microseconds);
  }
  return times;
}"""


def load_model(name: str) -> TrainedModel:
    """Return a model; one that was not trained here has random weights."""
    try:
        return model_io.load_model(model_io.find_model(name))
    except DataError:
        config = load_params(ROOT / "params.yaml").model.get(name)
        if config is None:
            raise
    rng = np.random.default_rng(0)
    weights = {
        key: rng.normal(0, 0.07, shape).astype(np.float32)
        for key, shape in weight_shapes(config).items()
    }
    return TrainedModel(name, config, 25, weights, {}, {})


def measure_cpu_seconds() -> float:
    """Return the CPU seconds of the processes that this one started."""
    times = [process.cpu_times() for process in psutil.Process().children(recursive=True)]
    return sum(each.user + each.system for each in times)


def main(name: str) -> None:
    """Time a model."""
    model = load_model(name)
    page_bytes = render_exported_page(model, DEFAULT_SAMPLING, name).encode()
    source, blob = join_modules(WORKER_SCRIPTS), make_web_model(model)
    sampling = make_web_sampling(model, DEFAULT_SAMPLING)
    with browser.running() as pages:
        page = pages.open("data:text/html,<title>empty</title>").page
        start = measure_cpu_seconds()
        times = page.evaluate(RUN, [source, blob, sampling, ROUNDS, ROUND_NOTES])
        cpu_seconds = measure_cpu_seconds() - start
        version = pages.browser.version
    print(
        f"{name}, {model.parameters:,} weights, Chromium {version}: {statistics.median(times):.0f} us a note, "
        f"{min(times):.0f} to {max(times):.0f} over {ROUNDS} rounds of {ROUND_NOTES} notes, "
        f"{1e6 * cpu_seconds / (ROUNDS * ROUND_NOTES):.0f} us of CPU; page of "
        f"{len(page_bytes):,} bytes, {len(gzip.compress(page_bytes)):,} by gzip"
    )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else DEFAULT_MODEL)
