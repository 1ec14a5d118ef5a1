"""Made-up results of a run in which everything was measured."""

import math
from itertools import combinations

import pytest
from factories import make_ingest_summary, make_music

from pipeline.config import Params
from pipeline.report.data import ReportData, Sample
from pipeline.report.tables import RunResults

BITS = {"baseline": 17.6, "stacked": 17.5, "bidirectional": 17.7, "expressive": 15.0}
GROUPS = {"baseline": "b", "stacked": "b", "bidirectional": "b", "expressive": "a"}
HEADS = ("pitch", "step", "duration")
EDGES = [0.0, 0.01, 0.1, 0.5, 1.0, 10.0]
CLAIMS = [
    ["topic", "the page says", "default corpus", "verdict", "MAESTRO", "verdict, MAESTRO"],
    ["size", "baseline has 199K parameters", "84,354", "fails", "84,354", "fails"],
    ["size", "bidirectional cannot generate", "yes", "fails", "–", "not tested here"],
    ["time", "dense takes 5 % longer", "1.02×", "too close to call", "1.05×", "holds"],
]
STUDIES = [["study", "corpus", "code of commit"], ["seed-path", "maestro-sample", "3aa8951"]]
FEATURES = ("pitch_classes", "steps")


def make_summary() -> dict[str, object]:
    """Make `metrics/summary.json`."""

    def make_bits(bits: float) -> dict[str, object]:
        heads = {
            "bits_per_note": bits,
            "pitch": bits * 0.4,
            "step": bits * 0.3,
            "duration": bits * 0.3,
        }
        ends = {"low": bits - 17.65, "high": bits - 17.5}
        return {**heads, "half_width": 0.8, "difference": bits - 17.6, **ends}

    own = {
        name: {
            **make_bits(bits),
            "parameters": 84_354 * (k + 1),
            "bytes": 338_000,
            "can_stream": name != "bidirectional",
            "group": GROUPS[name],
            "not_better_than": "",
        }
        for k, (name, bits) in enumerate(BITS.items())
    }
    best = {
        "architecture": "expressive",
        "recommended": "expressive",
        "tied_with": "",
    }
    floors = {
        name: make_bits(bits)
        for name, bits in (
            ("uniform", 26.9),
            ("unigram", 16.5),
            ("trigram", 16.4),
            ("context_mixing", 15.5),
        )
    }
    return {"best": best | own["expressive"], "reference": "baseline", **own, "ngrams": floors}


def make_timings() -> dict[str, object]:
    """Make `metrics/benchmark.json`."""
    ratio = {"median": 1.25, "min": 1.0, "max": 1.5}
    took = {"median_us": 61.4, "min_us": 58.2, "max_us": 66.0, "p999_us": 140.0}
    cost = {
        "multiply_adds": 83_000,
        "multiply_adds_window": 2_000_000,
        "train_seconds_per_million": {"median": 55.1, "min": 50.2, "max": 60.9},
    }
    cost |= {"train_mib": 812.0, "play_mib": 74.0, "parameters": 84_354, "bytes": 338_000}
    return {
        "reference": "baseline",
        "train": dict.fromkeys(BITS, ratio),
        "generate": dict.fromkeys(BITS, ratio),
        "costs": dict.fromkeys(BITS, cost),
        "latency": {
            name: {
                "streaming": None if name == "bidirectional" else took,
                "window": {"median_us": 900.0, "min_us": 880.0, "max_us": 950.0, "p999_us": 1500.0},
                "predict": ratio,
                "compiled": ratio,
            }
            for name in BITS
        },
    }


def make_calibration(shift: float) -> dict[str, object]:
    """Make `metrics/detail/<architecture>.json`."""
    bins = [
        [k / 5, (k + 1) / 5, 100 + k, k / 5 + 0.1, min(1.0, k / 5 + 0.05 + shift)] for k in range(5)
    ]
    head = {
        "bits": 5.5,
        "entropy": 5.1,
        "top_1": 0.05,
        "top_5": 0.2,
        "ece": 0.012,
        "reliability": bins,
    }
    context = [[heard, 256, 6 - shift * math.log2(heard), 4.5, 5.0] for heard in (1, 2, 4, 8)]
    return {"notes": 11_585, "heads": dict.fromkeys(HEADS, head), "context": context}


def make_sample_metrics(share: float) -> dict[str, object]:
    """Make `metrics/sample_metrics/<architecture>.json`."""

    def all_of(bins: int) -> dict[str, list[float]]:
        played = [share / bins] * (bins - 1)
        return {
            "samples": [*played, 1 - sum(played)],
            "held_out": [1 / bins] * bins,
            "training": [1 / bins] * bins,
        }

    three = {"samples": [0.5, 0.25, 0.75], "held_out": [0.4, 0.3, 0.5]}
    verdicts = {
        "copy": "within",
        "repeated_8": "above",
        "polyphony": "within",
        "density": "unknown",
    }
    area = {"samples_held_out": 0.71, "samples_training": 0.6, "held_out_training": 0.83}
    return {
        "samples": 3,
        "notes": 2000,
        "measures": {name: {**three, "verdict": verdict} for name, verdict in verdicts.items()},
        "overlap": dict.fromkeys(FEATURES, area),
        "histograms": {
            "pitch_classes": all_of(12),
            "pitches": {
                name: [0.0] * 20 + shares + [0.0] * 8 for name, shares in all_of(100).items()
            },
            "steps": {"edges_seconds": EDGES, **all_of(5)},
            "durations": {"edges_seconds": EDGES, **all_of(5)},
        },
        "copies": [{"sample": 2, "notes": 9, "from": 120, "piece": "etude.mid", "at": 4031}],
        "collapse": {"one note repeating": [], "time standing still": [2]},
    }


def make_continuation_comparison() -> dict[str, object]:
    """Make `continuations` of `metrics/sample_metrics/<architecture>.json`."""
    unknown = [None, None, None]
    return {
        "prompts": 40,
        "notes": 2000,
        "compositions": 31,
        "prompts_with_next": 22,
        "measures": {
            "motifs_near": {
                "generated": 0.0134,
                "real": 0.0672,
                "difference": [-0.0538, -0.06, -0.0412],
                "real_difference": [0.0012, -0.0031, 0.0051],
            },
            "copy": {
                "generated": 9.25,
                "real": 9.0,
                "difference": [0.25, None, None],
                "real_difference": unknown,
            },
        },
    }


def make_two_sample_test(auc: float) -> dict[str, object]:
    """Make `metrics/two_sample/<architecture>.json`."""
    tells = ("more keys struck again while they sound", "fewer rhythms repeated", "longer notes")
    return {
        "requested_prompts": 100,
        "prompts": 98,
        "notes": 200,
        "compositions": 10,
        "generated": {"auc": auc, "low": auc - 0.05, "high": min(1.0, auc + 0.05)},
        "real": {"auc": 0.51, "low": 0.42, "high": 0.6},
        "features": [
            {"feature": "restruck", "words": words, "auc": 0.9, "real": 0.0, "generated": 0.1}
            for words in tells
        ],
    }


def make_learning_curves() -> list[dict[str, str]]:
    """Make the rows of `metrics/learning_curves.csv`."""
    return [
        {
            "architecture": name,
            "replicate": str(replicate),
            "epoch": str(epoch),
            "notes": str(8192 * epoch),
            "bits_per_note": str(bits + 1 / epoch + replicate - 1.5),
        }
        for name, bits in BITS.items()
        for replicate in (1, 2)
        for epoch in (1, 2, 3)
    ]


def make_pairs() -> dict[str, object]:
    """Make `metrics/pairs.json` of a cross-validation: all but expressive are tied."""
    ranked = sorted(BITS, key=BITS.__getitem__)
    rows = []
    for a, b in combinations(ranked, 2):
        gap = BITS[a] - BITS[b]
        row = {"a": a, "b": b, "difference": gap, "low": gap - 0.25, "high": gap + 0.25}
        row |= {"corrected_p": 0.001, "tie": False}
        if "expressive" not in (a, b):
            row |= {"corrected_p": 1.0, "tie": True}
            row |= {"more_compositions": None, "more_replicates": 12.0 + 100 * abs(gap)}
        rows.append(row)
    return {
        "replicates": 5,
        "compositions": 10,
        "scheme": "cross_validation",
        "decimals": 2,
        "ranked": ranked,
        "pairs": rows,
    }


def make_piece_scores() -> dict[str, object]:
    """Make `metrics/pieces.json`."""
    return {"columns": ["piece", "notes", *BITS], "rows": [["etude.mid", 11_585, *BITS.values()]]}


def make_sample(name: str, number: int) -> Sample:
    """Make a sample: 8 notes given, 40 played."""
    return Sample(name, number, make_music(number, 48), 8, b"MThd" + bytes([number]) * 400)


@pytest.fixture(scope="session")
def report_data(project: Params) -> ReportData:
    """All results of a made-up run."""
    claims = {
        name: {
            "name": "Current",
            "parameters": 199_000,
            "quality": "baseline",
            "can_stream": True,
        }
        for name in ("baseline", "stacked", "bidirectional")
    }
    facts = RunResults(
        params=project.model_copy(update={"architectures": list(BITS)}),
        summary=make_summary(),
        benchmark=make_timings(),
        claims=claims,
        num_pieces=10,
        num_notes=11_585,
        pairs=make_pairs(),
        ingest=make_ingest_summary(),
    )
    return ReportData(
        results=facts,
        learning_curves=make_learning_curves(),
        piece_scores=make_piece_scores(),
        calibration={name: make_calibration(k / 10) for k, name in enumerate(BITS)},
        sample_metrics={name: make_sample_metrics(1 - k / 10) for k, name in enumerate(BITS)},
        claim_rows=CLAIMS,
        study_rows=STUDIES,
        samples=[make_sample(name, number) for name in BITS for number in (1, 2)],
    )
