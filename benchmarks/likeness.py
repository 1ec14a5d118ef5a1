"""Does a model play like its music? `python benchmarks/likeness.py models/expressive data/windows/windows.npz`.

The model plays on from held-out prompts, and what it plays is held against how the piece itself goes on there, for as
many notes. Both are measured alike, so held-out passages are the yardstick: a sample differs from music where it lies
outside of what passages of music differ among themselves. Run it in the project's folder, whose `params.yaml` says how
to sample. Prints means with the least and greatest of each measure of `pipeline.likeness`, and every longest copy.
"""

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline import likeness, params, paths, storage, streaming, windows
from pipeline.copies import longest_copy
from pipeline.encoding import Codes
from pipeline.errors import DataError
from pipeline.likeness import Training
from pipeline.progress import say, track
from pipeline.sampling import Sampler
from pipeline.storage import Trained

SPLIT = "validation"


def main(folder: Path, data: Path, samples: int, notes: int) -> None:
    """Play, measure and print."""
    model, corpus, known = storage.load(folder), windows.load(data), params.load(paths.PARAMS)
    if model.origin.get("windows_sha256") != hashlib.sha256(data.read_bytes()).hexdigest():
        say(f"{folder}: not trained on {data}, so nothing there is a copy; give the windows it was trained on")
    training = Training.of(corpus.pieces("train"))
    prompt = known.generate.prompt_notes
    chosen = passages(corpus.pieces(SPLIT), samples, prompt + notes)
    samplers = [Sampler(np.random.default_rng([known.seed, k]), known.generate.sampling) for k in range(1, samples + 1)]
    work = track(zip(chosen, samplers, strict=True), f"{model.architecture} plays", samples)
    played = [play(model, passage[:prompt], notes, sampler) for passage, sampler in work]
    held_out = [passage[prompt:] for passage in chosen]
    print(
        f"{model.architecture}, {samples} samples of {notes:,} notes; held-out: {samples} passages of as many notes\n"
    )
    print(table(played, held_out, training))
    names = corpus.names("train")
    for title, its in (("sample", played), ("held-out", held_out)):
        print(f"\n{copies(title, its, training, names)}")


def passages(pieces: Sequence[Codes], count: int, notes: int) -> list[Codes]:
    """Return passages [notes, 4] of pieces that are long enough, spread over all such pieces, and over each of them.

    Raises:
        DataError: no piece is.
    """
    long = [piece for piece in pieces if len(piece) >= notes]
    if not long:
        raise DataError(
            f"no {SPLIT} piece has {notes} notes; the longest has {max(map(len, pieces))}: give fewer --notes"
        )
    which = np.arange(count) * max(1, len(long) // count) % len(long)
    chosen = []
    for piece in dict.fromkeys(which.tolist()):
        begins = np.linspace(0, len(long[piece]) - notes, int((which == piece).sum())).astype(int)
        chosen += [long[piece][begin : begin + notes] for begin in begins]
    return chosen


def play(model: Trained, prompt: Codes, notes: int, sampler: Sampler) -> Codes:
    """Let a model play on from a prompt: codes [notes, 4]."""
    sampler.hear(prompt)
    return streaming.improvise(model, prompt, notes, sampler.choose)


def table(played: Sequence[Codes], held_out: Sequence[Codes], training: Training) -> str:
    """Return a Markdown table, a line for each measure."""
    lines = ["| measure | samples | least to greatest | held-out | least to greatest |", "|---|---:|---:|---:|---:|"]
    measured = [[likeness.measure(codes, training) for codes in its] for its in (played, held_out)]
    for name in measured[0][0]:
        cells = [f"`{name}`"]
        for its in measured:
            values = [each[name] for each in its]
            cells += [f"{np.mean(values):.3g}", f"{min(values):.3g} to {max(values):.3g}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def copies(title: str, its: Sequence[Codes], training: Training, names: Sequence[str]) -> str:
    """Return a Markdown table of the longest copy in each passage, and where it is."""
    lines = [f"| {title} | longest copy | from note | of training piece | from note |", "|---:|---:|---:|---|---:|"]
    for number, codes in enumerate(its, 1):
        found = longest_copy(codes, training.index)
        place = f"{found.begin} | {names[found.piece]} | {found.position}"
        lines.append(f"| {number} | {found.notes} notes | {place} |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Does a model play like its music?")
    parser.add_argument("model", type=Path, help="folder of a trained model")
    parser.add_argument("windows", type=Path, help="windows.npz of the corpus it was trained on")
    parser.add_argument("--samples", type=int, default=6)
    parser.add_argument("--notes", type=int, default=2000)
    given = parser.parse_args()
    main(given.model, given.windows, given.samples, given.notes)
