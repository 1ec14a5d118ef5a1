"""Every file the pipeline reads or writes, named once; all are relative to the project's folder."""

import os
from pathlib import Path

PARAMS = Path("params.yaml")
CORPORA = Path("data/corpora")
RAW = Path("data/raw")
NOTES = Path("data/notes/notes.parquet")
PIECES = Path("data/notes/pieces.parquet")
REJECTED = Path("data/notes/rejected.csv")
WINDOWS = Path("data/windows/windows.npz")
SAMPLES = Path("data/samples")
MODELS = Path("models")
FLOORS = Path("metrics/floors.json")
EVALUATIONS = Path("metrics/evaluate")
DETAILS = Path("metrics/detail")
LIKENESS = Path("metrics/likeness")
PAIRS = Path("metrics/pairs.json")
PER_PIECE = Path("metrics/pieces.json")
SUMMARY = Path("metrics/summary.json")
CURVES = Path("metrics/learning_curves.csv")
TIMINGS = Path("metrics/benchmark.json")
DECISION = Path("metrics/decision.md")
REPORT = Path("metrics/report.html")
STUDIES = Path("metrics/studies")
CLAIMS = Path("data/claims.yaml")


def corpus_zip(corpus: str) -> Path:
    """Return the verified archive of a corpus."""
    return RAW / f"{corpus}.zip"


def manifest(corpus: str) -> Path:
    """Return the manifest of a corpus."""
    return CORPORA / f"{corpus}.yaml"


def model(architecture: str) -> Path:
    """Return the folder of a trained model."""
    return MODELS / architecture


def evaluation(architecture: str) -> Path:
    """Return the scores of a trained model."""
    return EVALUATIONS / f"{architecture}.json"


def detail(architecture: str) -> Path:
    """Return what each head of a trained model knows, and how well it knows that it does not."""
    return DETAILS / f"{architecture}.json"


def likeness(architecture: str) -> Path:
    """Return the musical measures of what a trained model plays."""
    return LIKENESS / f"{architecture}.json"


def samples(architecture: str) -> Path:
    """Return the folder of what a trained model played."""
    return SAMPLES / architecture


def home() -> Path:
    """Return the project's own folder, also from the temporary copy in which DVC runs a queued experiment."""
    return Path(os.environ.get("DVC_ROOT", "."))


def downloads() -> Path:
    """Return where archives wait, whole or in part; not tracked, so that DVC never deletes a download."""
    return home() / ".downloads"


def checkpoints() -> Path:
    """Return where an unfinished training waits; not tracked, for the same reason."""
    return home() / ".checkpoints"
