"""Every file the pipeline reads or writes, named once; all are relative to the project's folder."""

import os
from pathlib import Path

MIDI_SUFFIXES = (".mid", ".midi", ".kar", ".rmi")
"""Of MIDI files that are read, in any case: .kar has lyrics, .rmi is in a RIFF wrapper."""
MIDI_OUTPUT_SUFFIXES = (".mid", ".midi")
"""Of MIDI files that are written."""
PARAMS = Path("params.yaml")
PARAMS_CHECK = Path("data/check.txt")
CORPORA = Path("data/corpora")
RAW = Path("data/raw")
NOTES = Path("data/notes/notes")
PIECES = Path("data/notes/pieces.parquet")
REJECTED = Path("data/notes/rejected.csv")
INGEST_SUMMARY = Path("data/notes/summary.json")
WINDOWS = Path("data/windows/index.npz")
SAMPLES = Path("data/samples")
MODELS = Path("models")
NGRAMS = Path("metrics/ngrams.json")
EVALUATIONS = Path("metrics/evaluate")
CALIBRATION = Path("metrics/detail")
SAMPLE_METRICS = Path("metrics/sample_metrics")
TWO_SAMPLE = Path("metrics/two_sample")
PAIRS = Path("metrics/pairs.json")
PIECE_SCORES = Path("metrics/pieces.json")
SUMMARY = Path("metrics/summary.json")
LEARNING_CURVES = Path("metrics/learning_curves.csv")
CALIBRATION_PLOT = Path("metrics/plots/calibration.csv")
CONTEXT_PLOT = Path("metrics/plots/bits_by_context.csv")
PIECE_PLOT = Path("metrics/plots/bits_by_piece.csv")
BENCHMARK = Path("metrics/benchmark.json")
DECISION = Path("metrics/decision.md")
REPORT = Path("metrics/report.html")
STUDIES = Path("metrics/studies")
CLAIMS = Path("data/claims.yaml")
COMMITTED_BEST = Path("data/committed_best.json")


def get_corpus_archive(corpus: str) -> Path:
    """Return the verified archive of a corpus."""
    return RAW / f"{corpus}.zip"


def get_manifest_path(corpus: str) -> Path:
    """Return the manifest of a corpus."""
    return CORPORA / f"{corpus}.yaml"


def get_model_dir(architecture: str) -> Path:
    """Return the folder of a trained model."""
    return MODELS / architecture


def get_replicate_dir(architecture: str, replicate: int) -> Path:
    """Return the folder of a replicate, numbered from 1; the first is the model that plays."""
    folder = get_model_dir(architecture)
    return folder if replicate == 1 else folder / "replicates" / str(replicate)


def get_evaluation_path(architecture: str) -> Path:
    """Return the scores of a trained model."""
    return EVALUATIONS / f"{architecture}.json"


def get_calibration_path(architecture: str) -> Path:
    """Return what each head of a trained model knows, and how well it knows that it does not."""
    return CALIBRATION / f"{architecture}.json"


def get_sample_metrics_path(architecture: str) -> Path:
    """Return the musical measures of what a trained model plays."""
    return SAMPLE_METRICS / f"{architecture}.json"


def get_two_sample_path(architecture: str) -> Path:
    """Return how well a classifier tells what a trained model plays from real music."""
    return TWO_SAMPLE / f"{architecture}.json"


def get_samples_dir(architecture: str) -> Path:
    """Return the folder of what a trained model played."""
    return SAMPLES / architecture


def get_project_root() -> Path:
    """Return the project's own folder, also from the temporary copy in which DVC runs a queued experiment."""
    return Path(os.environ.get("DVC_ROOT", "."))


def get_download_dir() -> Path:
    """Return where archives wait, whole or in part; not tracked, so that DVC never deletes a download."""
    return get_project_root() / ".downloads"


def get_checkpoint_dir() -> Path:
    """Return where an unfinished training waits; not tracked, for the same reason."""
    return get_project_root() / ".checkpoints"


def get_unfinished_ingest_dir(corpus: str) -> Path:
    """Return where what a stopped ingest read of a corpus waits; not tracked, for the same reason."""
    return get_project_root() / ".ingest" / corpus
