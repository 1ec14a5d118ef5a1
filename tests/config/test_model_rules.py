"""Values of a model config that do not go together are refused in one line with the remedy."""

import pytest
from factories import make_tiny_model
from pydantic import ValidationError

RESIDUAL = {"input": "embedding", "embedding_dim": 8}
MIXED = {**RESIDUAL, "cell": ["mingru", "attention"], "units": [8, 32]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cell": "gru"}, "cell has 'gru'; use one of lstm, bilstm, mingru, attention, or a list"),
        ({"cell": 3}, "cell has 3; use one of"),
        ({**MIXED, "cell": ["mingru", "gru"]}, "cell has 'gru'; use one of"),
        ({**MIXED, "cell": ["mingru"]}, "cell lists 1 layers and units 2; give one cell for each"),
        ({**MIXED, "cell": []}, "cell lists 0 layers and units 2; give one cell for each"),
        ({**MIXED, "cell": ["lstm", "mingru"]}, "a list of cells has mingru and attention only"),
        ({**MIXED, "units": [32, 8]}, "units of cell: attention are multiples of 32"),
        ({"cell": ["mingru"]}, "cell: mingru needs input: embedding"),
        ({"heads": "mixture"}, "head_dim is 0 with heads: regression"),
        ({"input": "embedding"}, "embedding_dim belongs to input: embedding"),
        ({"conv": 4}, "conv belongs to the cells mingru and attention; set conv: 0"),
        ({"conv": -1}, "greater than or equal to 0"),
        ({**RESIDUAL, "cell": "mingru", "span": 512}, "span belongs to the cell attention"),
        ({"pitch_head": "equivariant"}, "pitch_head: equivariant needs input: embedding"),
        ({**MIXED, "pitch_head": "equivariant"}, "heads: categorical or mixture"),
        ({**MIXED, "mask_active": True}, "mask_active needs input: embedding, and heads"),
        ({**RESIDUAL, "recall": True}, "recall needs input: embedding, heads: categorical"),
        ({**MIXED, "span": 1}, "greater than or equal to 2"),
    ],
)
def test_what_does_not_go_together_is_named(changes: dict, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        make_tiny_model(**changes)
    assert message in str(error.value)
    assert error.value.error_count() == 1


def test_an_axis_at_its_default_is_not_written() -> None:
    config = make_tiny_model(**MIXED, conv=4, span=128).config
    values = config.model_dump()
    assert values["conv"] == 4
    assert not {"span", "pitch_head", "mask_active", "recall", "model_pedal"} & values.keys()
    assert type(config).model_validate(values) == config
    assert "conv" not in config.model_copy(update={"conv": 0}).model_dump(exclude={"units"})


@pytest.mark.parametrize(
    ("changes", "cells"),
    [
        ({"units": [8, 8]}, ["lstm", "lstm"]),
        (MIXED, ["mingru", "attention"]),
        ({**MIXED, "conv": 4, "span": 512}, ["mingru", "attention"]),
        ({**MIXED, "cell": "attention", "units": [32, 32]}, ["attention", "attention"]),
    ],
)
def test_each_layer_has_its_cell(changes: dict, cells: list[str]) -> None:
    config = make_tiny_model(**changes).config
    assert config.cells == cells
    assert config.is_residual == ("lstm" not in cells)
