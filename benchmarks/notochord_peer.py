"""Notochord's feed and query, timed note by note: `python notochord_peer.py <units> <seed>`; prints seconds as JSON.

Runs where notochord is installed, not in this project's environment. Weights are at random, as speed does not ask.
Timed is an event; a note has two there, its beginning and its end, so that this is in the peer's favour.
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
            began = time.perf_counter()
            model.feed(note["inst"], note["pitch"], note["time"], note["vel"])
            found = model.query()
            note = {part: found[part] for part in note}
            seconds.append(time.perf_counter() - began)
    print(json.dumps(seconds[20:]))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
