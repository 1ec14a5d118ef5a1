"""Time feed and query of notochord for each note: `python notochord_peer.py UNITS SEED`; prints CPU seconds as JSON.

Runs in an environment with notochord, not in this project's. Weights are random, since speed does not depend on them.
One event is timed. A note has two events in notochord, note on and note off, so the comparison favors notochord.
"""

import json
import sys
import time
from typing import Any

import torch
from notochord.model import Notochord

NOTES = 300


def main(units: int, seed: int) -> None:
    """Play and print."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    model: Any = Notochord(emb_size=units // 2, rnn_hidden=units)
    model.eval()
    model.reset()
    print(sum(parameter.numel() for parameter in model.parameters()), "parameters", file=sys.stderr)
    note = {"inst": 1, "pitch": 60, "time": 0.0, "vel": 64.0}
    seconds = []
    with torch.inference_mode():
        for _ in range(NOTES + 20):
            start = time.process_time()
            model.feed(note["inst"], note["pitch"], note["time"], note["vel"])
            event = model.query()
            note = {name: event[name] for name in note}
            seconds.append(time.process_time() - start)
    print(json.dumps(seconds[20:]))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
