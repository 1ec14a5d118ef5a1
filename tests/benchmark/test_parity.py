from dataclasses import replace

import pytest
from factories import make_quantized_notes, randomize_weights

from pipeline.benchmark import parity
from pipeline.config import Params
from pipeline.config.schema import ModelConfig
from pipeline.models.keras import network
from pipeline.models.model_io import TrainedModel
from pipeline.models.residual_noise import ResidualNoise

KINDS = {
    "scalar regression window": {"stateful": False},
    "scalar regression carried": {},
    "two ways": {"cell": "bilstm", "stateful": False},
    "embedding categorical": {
        "input": "embedding",
        "embedding_dim": 8,
        "heads": "categorical",
        "head_dim": 8,
        "model_velocity": True,
    },
    "recall": {
        **{"input": "embedding", "embedding_dim": 8, "cell": "mingru", "recall": True},
        **{"heads": "categorical", "head_dim": 8, "pitch_head": "equivariant"},
    },
    "embedding mixture": {
        "input": "embedding",
        "embedding_dim": 8,
        "heads": "mixture",
        "head_dim": 8,
    },
    "embedding mixture window": {
        **{
            "input": "embedding",
            "embedding_dim": 8,
            "heads": "mixture",
            "head_dim": 8,
            "model_velocity": True,
        },
        "stateful": False,
    },
}


def make_trained_model(project: Params, kind: str) -> TrainedModel:
    changes = {"units": [6], "dense_units": 5, "stateful": True, **KINDS[kind]}
    block = ModelConfig.model_validate({**project.model["baseline"].model_dump(), **changes})
    net = network.build_model(block)
    randomize_weights(net, 0.3)
    spread = {"step": ResidualNoise("laplace", 0.1), "duration": ResidualNoise("laplace", 0.2)}
    return TrainedModel("test", block, 12, network.named_weights(net), spread)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_numpy_and_keras_have_equal_bits_within_the_tolerance(project: Params, kind: str) -> None:
    difference = parity.measure_difference(
        make_trained_model(project, kind), make_quantized_notes(3, 300)
    )
    assert difference["notes"] == parity.MAX_NOTES
    assert 0 < difference["bits"] < project.gate.max_parity_bits


@pytest.mark.parametrize("kind", ["scalar regression window", "embedding mixture"])
def test_a_numpy_model_that_reads_notes_otherwise_is_detected(
    project: Params, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_trained_model(project, kind)
    tell = parity.scoring.score_pieces

    def other(played: TrainedModel, *rest: object) -> object:
        name = "lstm_1/recurrent_kernel"
        return tell(
            replace(played, weights={**played.weights, name: played.weights[name] * 1.1}), *rest
        )

    monkeypatch.setattr(parity.scoring, "score_pieces", other)
    assert (
        parity.measure_difference(model, make_quantized_notes(3, 300))["bits"]
        > project.gate.max_parity_bits
    )


def test_a_short_piece_is_compared_by_the_notes_it_has(project: Params) -> None:
    assert (
        parity.measure_difference(
            make_trained_model(project, "scalar regression window"), make_quantized_notes(3, 10)
        )["notes"]
        == 1
    )
