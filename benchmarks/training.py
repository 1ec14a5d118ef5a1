"""How fast training is: `python benchmarks/training.py [threads]`, after `dvc repro windows`.

In turn, in one process, on the same batches: our step of `expressive`, the same model in PyTorch where that is
installed, and plain Keras `fit` of an LSTM of about as many parameters. Prints target notes per second and the share of
the matrix-product peak measured in the same run, as medians over rounds with minimum and maximum, and ratios.
"""

import itertools
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pipeline.config import Params, load_params
from pipeline.config.schema import ModelConfig
from pipeline.core import paths
from pipeline.dataset import batches, windows
from pipeline.dataset.segments import Segment
from pipeline.notes import quantize
from pipeline.training import trainer as training

ROUNDS, BATCHES = 7, 6


def main(threads: int) -> None:
    """Measure and print."""
    training.set_determinism(0, threads)
    params = make_params()
    config = params.model["expressive"]
    dataset = windows.load_windows(paths.WINDOWS)
    segments = list(itertools.islice(batches.epoch_batches(params, config, dataset, 0), BATCHES))
    trainer = training.Trainer(training.TrainingJob("expressive", params, dataset, Path()))
    num_weights = sum(weight.size for weight in trainer.copy_weights())
    work = {"ours": make_own_step(trainer, segments), "Keras fit, LSTM": make_keras_fit(segments)}
    if (torch_step := make_torch_step(config, segments, threads)) is not None:
        work["PyTorch, same model"] = torch_step
    seconds: dict[str, list[float]] = {name: [] for name in work}
    peaks = []
    for _ in range(ROUNDS + 1):
        peaks.append(measure_peak_flops())
        for name, run_round in work.items():
            start = time.perf_counter()
            run_round()
            seconds[name].append(time.perf_counter() - start)
    num_notes = sum(segment.mask.size for segment in segments)
    peak = statistics.median(peaks)
    print(f"{threads} thread(s), {num_weights:,} parameters, peak {peak / 1e9:.0f} GFLOP/s")
    # The first round compiles, so it is left out.
    own_seconds = seconds["ours"][1:]
    for name, all_rounds in seconds.items():
        print_row(name, all_rounds[1:], own_seconds, num_notes, 6 * num_weights / peak)


def print_row(
    name: str,
    rounds: list[float],
    own_rounds: list[float],
    num_notes: int,
    peak_seconds_per_note: float,
) -> None:
    """Print notes per second, the share of the peak, and how many times as fast our step is."""
    rates = [num_notes / seconds for seconds in rounds]
    rate = statistics.median(rates)
    ratios = [seconds / own for seconds, own in zip(rounds, own_rounds, strict=True)]
    print(
        f"{name:22} {rate:8,.0f} notes/s ({min(rates):,.0f} to {max(rates):,.0f}), "
        f"about {rate * peak_seconds_per_note:.0%} of the peak; "
        f"ours is {statistics.median(ratios):.2f} times as fast "
        f"({min(ratios):.2f} to {max(ratios):.2f})"
    )


def make_params() -> Params:
    """Return params.yaml with batches of the size that is measured."""
    params = load_params(paths.PARAMS)
    stateful = params.train.stateful.model_copy(
        update={"batch_size": 16, "bptt_length": 128, "segments_per_passage": 1}
    )
    train = params.train.model_copy(
        update={"stateful": stateful, "notes_per_epoch": 16 * 128 * BATCHES}
    )
    return params.model_copy(update={"train": train})


def make_own_step(trainer: training.Trainer, segments: list[Segment]) -> Callable[[], None]:
    """Return a round of our training step."""

    def run_round() -> None:
        state = None
        for segment in segments:
            _, state = trainer.train_step(segment, state, 1e-4)

    return run_round


def make_keras_fit(segments: list[Segment]) -> Callable[[], None]:
    """Return a round of `fit` of an LSTM(256) with embeddings and three categorical heads, a loss after every note."""
    import keras

    sizes = {
        quantize.STEP: quantize.NUM_TIME_TOKENS,
        quantize.DURATION: quantize.NUM_TIME_TOKENS,
        quantize.PITCH: 128,
    }
    tokens = quantize.token_ids(np.concatenate([segment.notes for segment in segments]))
    inputs = keras.Input((tokens.shape[1] - 1, 4), dtype="int32")
    x = sum(
        keras.layers.Embedding(size, 128)(inputs[:, :, column]) for column, size in sizes.items()
    )
    x = keras.layers.LSTM(256, return_sequences=True)(x)
    model = keras.Model(inputs, [keras.layers.Dense(size)(x) for size in sizes.values()])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-4), loss=[loss] * 3)
    targets = [tokens[:, 1:, column] for column in sizes]
    return lambda: model.fit(tokens[:, :-1], targets, batch_size=len(segments[0].notes), verbose=0)


def make_torch_step(
    config: ModelConfig, segments: list[Segment], threads: int
) -> Callable[[], None] | None:
    """Return a round of the same model in PyTorch, or nothing where that is not installed."""
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed here: pip install torch to compare with it")
        return None
    from torch_peer import PeerModel

    torch.set_num_threads(threads)
    peer = PeerModel(config)
    optimizer = torch.optim.Adam(peer.parameters(), lr=1e-4, fused=True)
    time_major = [
        (
            torch.from_numpy(quantize.token_ids(segment.notes).swapaxes(0, 1).copy()).long(),
            torch.from_numpy(segment.active.swapaxes(0, 1).copy()),
        )
        for segment in segments
    ]

    def run_round() -> None:
        state = [torch.zeros(len(segments[0].notes), units) for units in config.units]
        for tokens, active in time_major:
            loss, state = peer(tokens, active, state)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(peer.parameters(), 1.0)
            optimizer.step()

    return run_round


def measure_peak_flops() -> float:
    """Return the rate of a large matrix product of TensorFlow [FLOP/s]."""
    import tensorflow as tf

    a = tf.random.normal([1536, 1536])
    tf.matmul(a, a)
    start = time.perf_counter()
    for _ in range(3):
        float(tf.matmul(a, a)[0, 0])
    return 3 * 2 * 1536**3 / (time.perf_counter() - start)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
