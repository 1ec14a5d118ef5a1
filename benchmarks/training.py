"""How fast training is: `python benchmarks/training.py [threads]`, after `dvc repro windows`.

In turn, in one process, on the same batches: our step of `expressive`, the same model in PyTorch where that is
installed, and plain Keras `fit` of an LSTM of about as many parameters. Prints target notes per CPU second and the share
of the matrix-product peak measured in the same run, as medians over rounds with minimum and maximum, and ratios.
"""

import itertools
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pipeline.benchmark import timing
from pipeline.config import Params, load_params
from pipeline.config.schema import ModelConfig
from pipeline.core import paths
from pipeline.dataset import batches, replicates
from pipeline.dataset.segments import Segment
from pipeline.notes import quantize
from pipeline.training import trainer as training

ROUNDS, BATCHES = 7, 6
PEAK_SIZE, PEAK_PRODUCTS = 1536, 3
PEAK_FLOPS = PEAK_PRODUCTS * 2 * PEAK_SIZE**3


def main(threads: int) -> None:
    """Measure and print."""
    training.set_determinism(0, threads)
    params = make_params()
    config = params.model["expressive"]
    dataset = replicates.load_first_replicate(
        paths.WINDOWS, params.replicates, params.compare.split
    ).dataset
    segments = list(itertools.islice(batches.epoch_batches(params, config, dataset, 0), BATCHES))
    trainer = training.Trainer(training.TrainingJob("expressive", params, dataset, Path()))
    num_weights = sum(weight.size for weight in trainer.copy_weights())
    work = {"ours": make_own_step(trainer, segments), "Keras fit, LSTM": make_keras_fit(segments)}
    if (torch_step := make_torch_step(config, segments, threads)) is not None:
        work["PyTorch, same model"] = torch_step
    counted = {name: (step, 1) for name, step in work.items()}
    counted["peak"] = make_peak_step(), 1
    with timing.pin_to_cores(threads):
        timings = timing.time_in_turn(
            counted, ROUNDS, "training", [(name, "ours") for name in work]
        )
    num_notes = sum(segment.mask.size for segment in segments)
    peak_seconds = timings.pop("peak")
    peak = summarize_rate(PEAK_FLOPS / 1e9, peak_seconds)
    print(
        f"{threads} thread(s), {num_weights:,} parameters, {timing.format_figure(peak, '.0f')} GFLOP/s at peak"
    )
    round_seconds = num_notes * 6 * num_weights / PEAK_FLOPS
    for name, rounds in timings.items():
        shares = [round_seconds * ratio for ratio in timing.list_ratios(peak_seconds, rounds)]
        ratios = timing.list_ratios(rounds, timings["ours"])
        print(
            f"{name:22} {timing.format_figure(summarize_rate(num_notes, rounds), ',.0f')} notes per CPU second, "
            f"{timing.format_figure(timing.summarize_rounds(shares, ROUNDS, 3), '.0%')} of the peak; "
            f"its time / ours: {timing.format_figure(timing.summarize_rounds(ratios, ROUNDS, 3))}"
        )


def summarize_rate(amount: float, rounds: timing.Timings) -> timing.Figure:
    """Return how much is done in a CPU second."""
    rates = [amount / seconds for seconds in timing.list_medians(rounds)]
    return timing.summarize_rounds(rates, ROUNDS, 1)


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


def make_peak_step() -> Callable[[], None]:
    """Return what computes large matrix products of TensorFlow, `PEAK_FLOPS` operations in all."""
    import tensorflow as tf

    a = tf.random.normal([PEAK_SIZE, PEAK_SIZE])

    def multiply() -> None:
        for _ in range(PEAK_PRODUCTS):
            float(tf.matmul(a, a)[0, 0])

    return multiply


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
