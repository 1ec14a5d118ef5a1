"""Which values of a model config go together."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator

CellName = Literal["lstm", "bilstm", "mingru", "attention"]
"""Types of a layer; see `ModelConfig.cell`."""
RESIDUAL_CELLS = ("mingru", "attention")
"""Cells that are residual blocks, which can follow each other in one model."""
ATTENTION_HEAD_DIM = 32
"""Units of one head of attention."""
DEFAULT_SPAN = 128
"""Notes that attention reads where a config does not say."""
PITCH_CONV_SIZE = 49
"""Pitches that each convolution of `pitch_head: equivariant` reads: two octaves below, two above and the pitch itself."""
PITCH_CONV_CHANNELS = 16
"""Channels between the two convolutions."""


def check_cell(value: Any) -> Any:
    """Return the value of `cell`.

    Raises:
        ValueError: it is neither the name of a cell nor a list of such names.
    """
    names = value if isinstance(value, list) else [value]
    wrong = [name for name in names if name not in get_args(CellName)]
    if wrong:
        raise ValueError(
            f"cell has {wrong[0]!r}; use one of {', '.join(get_args(CellName))}, or a list with one of "
            f"{' and '.join(RESIDUAL_CELLS)} for each layer"
        )
    return value


Cell = Annotated[CellName | list[CellName], BeforeValidator(check_cell)]
"""Type of `ModelConfig.cell`."""


def leave_out_defaults(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values without those at a default, so that a recipe is written as before its key was there."""
    fields = model.model_fields
    return {
        key: value
        for key, value in values.items()
        if fields[key].is_required() or value != fields[key].default
    }


def check_model_config(config: Any) -> None:
    """Check that the values of a `ModelConfig` go together.

    Raises:
        ValueError: what does not go together, and what to set.
    """
    for list_rules in (_list_cell_rules, _list_layer_rules, _list_head_rules):
        for is_bad, message in list_rules(config):
            if is_bad:
                raise ValueError(message)


def _list_cell_rules(config: Any) -> Iterator[tuple[bool, str]]:
    """Yield whether each rule of the cells is broken, and its message."""
    if isinstance(config.cell, list):
        yield (
            len(config.cell) != len(config.units),
            f"cell lists {len(config.cell)} layers and units {len(config.units)}; give one cell for each",
        )
        yield (
            not config.is_residual,
            f"a list of cells has {' and '.join(RESIDUAL_CELLS)} only; give one name for all layers",
        )
    yield (
        config.is_bidirectional and config.loss_on == "all",
        "cell: bilstm cannot have loss_on: all, since its backward half has read the targets; set loss_on: last",
    )
    yield (
        config.is_bidirectional and config.stateful,
        "cell: bilstm has no state to carry from note to note; set stateful: false",
    )
    yield (
        config.is_residual and config.input == "scalar",
        f"cell: {config.cell_text} needs input: embedding",
    )


def _list_layer_rules(config: Any) -> Iterator[tuple[bool, str]]:
    """Yield whether each rule of the sizes of layers is broken, and its message."""
    yield (
        config.dropout > 0 and len(config.units) == 1,
        "dropout needs two layers in units; use output_dropout",
    )
    yield (
        (config.input == "scalar") != (config.embedding_dim == 0),
        "embedding_dim belongs to input: embedding, and is 0 with input: scalar",
    )
    heads_fit = all(
        units % ATTENTION_HEAD_DIM == 0
        for cell, units in zip(config.cells, config.units, strict=True)
        if cell == "attention"
    )
    yield (
        not heads_fit,
        f"units of cell: attention are multiples of {ATTENTION_HEAD_DIM}, the dimension of a head",
    )
    yield (
        config.conv > 0 and not config.is_residual,
        f"conv belongs to the cells {' and '.join(RESIDUAL_CELLS)}; set conv: 0",
    )
    yield (
        config.span != DEFAULT_SPAN and "attention" not in config.cells,
        f"span belongs to the cell attention; leave it out, or set span: {DEFAULT_SPAN}",
    )


def _list_head_rules(config: Any) -> Iterator[tuple[bool, str]]:
    """Yield whether each rule of the heads is broken, and its message."""
    yield (
        (config.heads == "regression") != (config.head_dim == 0),
        "head_dim is 0 with heads: regression, and positive with other heads",
    )
    yield (
        config.model_velocity and config.heads == "regression",
        "heads: regression have no distribution of velocity; set model_velocity: false",
    )
    yield (
        config.model_pedal and not config.model_velocity,
        "model_pedal: true needs model_velocity: true, and heads: categorical or mixture",
    )
    reads_active = config.input == "embedding" and config.heads != "regression"
    yield (
        config.pitch_head == "equivariant" and not (reads_active and not config.is_bidirectional),
        "pitch_head: equivariant needs input: embedding, heads: categorical or mixture, and a cell other than bilstm",
    )
    yield (
        config.mask_active and not reads_active,
        "mask_active needs input: embedding, and heads: categorical or mixture",
    )
    yield (
        config.recall and not (reads_active and not config.is_bidirectional),
        "recall needs input: embedding, heads: categorical or mixture, and a cell other than bilstm",
    )
