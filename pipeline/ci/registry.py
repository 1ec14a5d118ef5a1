"""The registry of models is Git: the promoted one is an artifact in `dvc.yaml`, its card lies beside the metrics.

A tag such as `recommended@v1.0.0` makes it a version that other repositories get by name. The card says of what the
model was made, by the hashes in `dvc.lock`, so that anyone can make it again and compare.
"""

import hashlib
import io
import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pipeline.config import Params
from pipeline.core import files, git, paths
from pipeline.core.errors import DataError
from pipeline.corpus import manifest, tables
from pipeline.corpus.splits import SPLITS
from pipeline.evaluation import intervals, performance_events
from pipeline.evaluation.bits import PieceScores
from pipeline.evaluation.results import Evaluation
from pipeline.report.tables import format_markdown_table

ARTIFACT = "recommended"
"""Of the artifact."""
CARD_PATH = Path("metrics/card.md")
DVC_YAML = Path("dvc.yaml")
ARTIFACTS_BLOCK = re.compile(r"^artifacts:\n(?:(?:[ \t].*)?\n)*", re.M)


def promote_model(model: str, params: Params, gate_summary: str) -> list[Path]:
    """Make a trained model the artifact `recommended`, and write its card; returns what was written.

    Args:
        model: its architecture.
        params: of the project.
        gate_summary: what the gate said of it, for the card.

    Raises:
        DataError: the model is not in `dvc.lock`.
    """
    known = collect_provenance(model, params)
    files.write_text(CARD_PATH, render_card(model, known, gate_summary))
    files.write_text(DVC_YAML, add_artifact(DVC_YAML.read_text(encoding="utf-8"), model, known))
    return [DVC_YAML, CARD_PATH]


def is_registry_empty() -> bool:
    """Whether no model was promoted yet."""
    return not ARTIFACTS_BLOCK.search(DVC_YAML.read_text(encoding="utf-8"))


def collect_provenance(model: str, params: Params) -> dict[str, str]:
    """Gather what the card says, by name; hashes are those of `dvc.lock`."""
    stages = git.DvcLock.load().stages
    trained = stages.get(f"train@{model}")
    if trained is None:
        raise DataError(f"{git.DVC_LOCK} has no model {model!r}; run 'dvc repro'")
    music = manifest.load_manifest(paths.get_manifest_path(params.corpus))
    out, values = trained.outs[0], trained.params
    code = {dep.path: dep.md5 for dep in trained.deps if _is_code(dep)}
    return {
        "model": f"{out.path} ({out.md5}, {out.size:,} bytes)",
        "corpus": f"{params.corpus}: {music.title} ({_find_output_hash(stages['fetch'], '.zip')})",
        "licence of the music": music.license,
        "source of the music": " ".join(music.source.split()),
        "split": f"{_format_split_counts()} ({_find_output_hash(stages['ingest'], 'data/notes')})",
        "params": f"seed {values['seed']}, {_hash_values(values)} of seed, replicates, train and model.{model}",
        "code": f"{_hash_values(code)} of {len(code)} modules and packages that train it",
        **_describe_results(model),
    }


def _describe_results(model: str) -> dict[str, str]:
    """Say how good it is and what it costs."""
    evaluation, timings = (
        Evaluation.load(paths.get_evaluation_path(model)),
        git.make_json_reader("")(paths.BENCHMARK),
    )
    heads = ", ".join(
        f"{name} {bits:.3f}"
        for name, bits in evaluation.scores.compute_bits_per_note().items()
        if name != "bits_per_note"
    )
    cost = f"{evaluation.parameters:,} parameters, {evaluation.bytes:,} bytes"
    for key, verb in (("train", "to train"), ("generate", "to play")):
        if ratio := timings.get(key, {}).get(model):
            cost += f", {_format_ratio(ratio, timings['reference'])} {verb} a note"
    return {
        "bits per note": f"{_format_mean(evaluation.scores)} on {int(evaluation.scores.num_notes.sum()):,} held-out "
        f"notes, {evaluation.scores.describe_design()} ({heads})",
        "nats per event": _format_nats(evaluation),
        "cost": cost,
    }


def _format_nats(evaluation: Evaluation) -> str:
    """Return the figure in nats per event with what it is, or why there is none."""
    if evaluation.events is None:
        return "not counted; run 'dvc repro'"
    return performance_events.describe_figure(evaluation.nats_per_event)


def _format_mean(scores: PieceScores) -> str:
    """Return the mean bits per note with its interval, where there is one."""
    mean, low, high = intervals.estimate_mean(scores).interval
    return f"{mean:.3f}" if math.isnan(low) else f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def _format_ratio(ratio: Mapping[str, Any], reference: str) -> str:
    if ratio["median"] is None:
        return str(ratio["reason"])
    return f"{ratio['median']:.2f}× {reference}"


def _format_split_counts() -> str:
    counts = Counter(tables.read_piece_columns(paths.PIECES).splits.tolist())
    return ", ".join(f"{counts[split]} {split}" for split in SPLITS)


def _find_output_hash(stage: git.LockedStage, suffix: str) -> str:
    return next(out.md5 for out in stage.outs if out.path.endswith(suffix))


def _is_code(dep: git.LockedFile) -> bool:
    """Whether a dependency of a stage is a module or a package, not data."""
    return dep.path.endswith(".py") or dep.path.startswith("pipeline/")


def _hash_values(values: Any) -> str:
    """Return the first half of a sha256 of values, whatever their order was in a file."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]


def render_card(model: str, provenance: dict[str, str], gate_summary: str) -> str:
    """Return the card, in Markdown."""
    rows = [["", ""], *([name, value] for name, value in provenance.items())]
    return (
        "\n\n".join(
            [
                f"# {ARTIFACT}: {model}",
                "Made by `music-rnn promote` from `dvc.lock` and `metrics/`. The same commit, corpus and seed give the "
                "same bytes: `dvc repro`, then compare the hashes.",
                format_markdown_table(rows),
                f"The gate said: {gate_summary}",
            ]
        )
        + "\n"
    )


def add_artifact(text: str, model: str, provenance: dict[str, str]) -> str:
    """Return the text of `dvc.yaml` with the artifact in it, all else as it was."""
    meta = {name.replace(" ", "_"): value for name, value in provenance.items()}
    artifact = {
        "path": str(paths.get_model_dir(model)),
        "type": "model",
        "desc": f"{model}; card: {CARD_PATH}",
        "meta": meta,
    }
    block = io.StringIO()
    YAML().dump({"artifacts": {ARTIFACT: artifact}}, block)
    return ARTIFACTS_BLOCK.sub("", text).rstrip("\n") + "\n\n" + block.getvalue()
