"""Measure the time of a note in a browser: `python benchmarks/web_model.py [MODEL]`, with Chromium.

The worker of a page generates notes of a model, the bundled one if none is named, at the default sampling. Prints the
microseconds of wall time for each note, sampling included, as the median over rounds with minimum and maximum, and the
bytes of the model as JSON. Other work on the machine can only add time, so look at the minimum.
"""

import json
import statistics
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import browser  # noqa: E402

from pipeline.config.schema import DEFAULT_MODEL, DEFAULT_SAMPLING  # noqa: E402
from pipeline.export.web_model import make_web_model, make_web_sampling  # noqa: E402
from pipeline.models import model_io  # noqa: E402

ROUNDS, ROUND_NOTES = 20, 200
RUN = """async ([blob, settings, rounds, count]) => {
  const worker = new Worker("/modelWorker.js", { type: "module" });
  const ask = (message) => new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
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


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a log."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


def main(name: str) -> None:
    """Time a model."""
    model = model_io.load_model(model_io.find_model(name))
    blob = make_web_model(model)
    handler = partial(QuietHandler, directory=str(ROOT / "pipeline" / "web"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with browser.running() as pages:
        page = pages.open(f"http://127.0.0.1:{server.server_port}/synth.js").page
        sampling = make_web_sampling(DEFAULT_SAMPLING)
        times = page.evaluate(RUN, [blob, sampling, ROUNDS, ROUND_NOTES])
        version = pages.browser.version
    server.shutdown()
    print(
        f"{name}, Chromium {version}: {statistics.median(times):.0f} us a note, {min(times):.0f} to {max(times):.0f} "
        f"over {ROUNDS} rounds of {ROUND_NOTES} notes; {len(json.dumps(blob)):,} bytes"
    )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else DEFAULT_MODEL)
