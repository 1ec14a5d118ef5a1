"""How fast training is: `python benchmarks/training.py [threads]`, after `dvc repro windows`.

In turn, in one process, on the same batches: our step of `expressive`, the same model in PyTorch where that is
installed, and plain Keras `fit` of an LSTM of about as many parameters. Prints target notes per second and the share of
the matrix-product peak measured in the same run, as medians over rounds with the least and greatest, and ratios.
"""

import itertools
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import config
from pipeline.core import paths
from pipeline.dataset import batches, windows
from pipeline.notes import quantize
from pipeline.training import trainer as training

ROUNDS, BATCHES = 7, 6


def main(threads: int) -> None:
    """Measure and print."""
    training.prepare(0, threads)
    known = config.load_params(paths.PARAMS)
    every = known.train.stateful.model_copy(update={"streams": 16, "segment": 128, "segments": 1})
    train = known.train.model_copy(update={"every": every, "notes_per_epoch": 16 * 128 * BATCHES})
    known = known.model_copy(update={"train": train})
    data = windows.load_windows(paths.WINDOWS)
    some = list(itertools.islice(batches.epoch(known, known.model["expressive"], data, 0), BATCHES))
    trainer = training.Trainer(training.Job("expressive", known, data, Path()))
    size = sum(weight.size for weight in trainer.weights())
    work = {"ours": ours(trainer, some), "Keras fit, LSTM": keras_fit(some)}
    if (peer := torch_step(known.model["expressive"], some, threads)) is not None:
        work["PyTorch, same model"] = peer
    seconds: dict[str, list[float]] = {name: [] for name in work}
    peaks = []
    for _ in range(ROUNDS + 1):
        peaks.append(peak())
        for name, act in work.items():
            began = time.perf_counter()
            act()
            seconds[name].append(time.perf_counter() - began)
    notes = sum(batch.mask.size for batch in some)
    print(
        f"{threads} thread(s), {size:,} parameters, peak {statistics.median(peaks) / 1e9:.0f} GFLOP/s"
    )
    for name, its in seconds.items():
        rates = [notes / each for each in its[1:]]
        ratios = [mine / base for mine, base in zip(its[1:], seconds["ours"][1:], strict=True)]
        share = 6 * size * statistics.median(rates) / statistics.median(peaks)
        print(
            f"{name:22} {statistics.median(rates):8,.0f} notes/s ({min(rates):,.0f} to {max(rates):,.0f}), "
            f"about {share:.0%} of the peak; ours is {statistics.median(ratios):.2f} times as fast "
            f"({min(ratios):.2f} to {max(ratios):.2f})"
        )


def ours(trainer: training.Trainer, some: list[Any]) -> Callable[[], None]:
    """Return a round of our training step."""

    def act() -> None:
        state = None
        for batch in some:
            _, state = trainer.descend(batch, state, 1e-4)

    return act


def keras_fit(some: list[Any]) -> Callable[[], None]:
    """Return a round of `fit` of an LSTM(256) with embeddings and three categorical heads, a loss after every note."""
    import keras

    sizes = {
        quantize.STEP: quantize.NUM_TIME_TOKENS,
        quantize.DURATION: quantize.NUM_TIME_TOKENS,
        quantize.PITCH: 128,
    }
    tokens = quantize.token_ids(np.concatenate([batch.codes for batch in some]))
    inputs = keras.Input((tokens.shape[1] - 1, 4), dtype="int32")
    x = sum(
        keras.layers.Embedding(size, 128)(inputs[:, :, column]) for column, size in sizes.items()
    )
    x = keras.layers.LSTM(256, return_sequences=True)(x)
    model = keras.Model(inputs, [keras.layers.Dense(size)(x) for size in sizes.values()])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-4), loss=[loss] * 3)
    targets = [tokens[:, 1:, column] for column in sizes]
    return lambda: model.fit(tokens[:, :-1], targets, batch_size=len(some[0].codes), verbose=0)


def torch_step(block: Any, some: list[Any], threads: int) -> Callable[[], None] | None:
    """Return a round of the same model in PyTorch, or nothing where that is not installed."""
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed here: pip install torch to compare with it")
        return None
    from torch_peer import Peer

    torch.set_num_threads(threads)
    peer = Peer(block)
    optimizer = torch.optim.Adam(peer.parameters(), lr=1e-4, fused=True)
    ready = [
        (
            torch.from_numpy(quantize.token_ids(batch.codes).swapaxes(0, 1).copy()).long(),
            torch.from_numpy(batch.left.swapaxes(0, 1).copy()),
        )
        for batch in some
    ]

    def act() -> None:
        state = [torch.zeros(len(some[0].codes), units) for units in block.units]
        for tokens, left in ready:
            loss, state = peer(tokens, left, state)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(peer.parameters(), 1.0)
            optimizer.step()

    return act


def peak() -> float:
    """Return the rate of a large matrix product of TensorFlow [FLOP/s]."""
    import tensorflow as tf

    a = tf.random.normal([1536, 1536])
    tf.matmul(a, a)
    began = time.perf_counter()
    for _ in range(3):
        float(tf.matmul(a, a)[0, 0])
    return 3 * 2 * 1536**3 / (time.perf_counter() - began)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
