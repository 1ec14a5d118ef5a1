"""Which weights a block asks for, and of what shape: what `nn` trains, and what the twins in numpy look up by name.

Shapes: D width of what a layer reads, U its units, H width of the hidden vector that the heads read, C of the chain.
"""

from pipeline.config.schema import ATTENTION_HEAD_DIM, ModelConfig
from pipeline.models.logistic_mixture import NUM_OUTPUTS
from pipeline.models.numpy.autoregressive_heads import CONDITIONED_ON, GENERATION_ORDER
from pipeline.models.numpy.layers import ATTENTION_SPAN
from pipeline.models.numpy.network import EMBEDDED_COLUMNS
from pipeline.notes.active_notes import NUM_FEATURES
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import NUM_TIME_TOKENS, NUM_VELOCITY_TOKENS, SCALAR_FEATURES

WeightShapes = dict[str, tuple[int, ...]]
"""Shape of each weight, by its name."""
NUM_TOKENS = {
    "step": NUM_TIME_TOKENS,
    "pitch": NUM_PITCHES,
    "duration": NUM_TIME_TOKENS,
    "velocity": NUM_VELOCITY_TOKENS,
}
"""How many tokens each part of a note has."""


def weight_shapes(config: ModelConfig) -> WeightShapes:
    """Return the shape of every weight that a model of this block has, and of no other."""
    out = _list_input_shapes(config)
    width = config.embedding_dim or len(SCALAR_FEATURES)
    for number, units in enumerate(config.units, 1):
        name = f"{config.cell}_{number}"
        if config.is_residual:
            out |= _list_residual_block_shapes(config, name, units)
        else:
            for way in ("_forward", "_backward") if config.is_bidirectional else ("",):
                out |= _list_lstm_shapes(name + way, width, units)
            width = units * (1 + config.is_bidirectional)
    if config.is_residual:
        out["norm/scale"] = (width,)
    if config.dense_units:
        out |= _list_dense_shapes("dense", width, config.dense_units)
        width = config.dense_units
    return out | (
        _list_regression_head_shapes(width)
        if config.heads == "regression"
        else _list_autoregressive_head_shapes(config, width)
    )


def _list_dense_shapes(name: str, input_dim: int, units: int) -> WeightShapes:
    return {f"{name}/kernel": (input_dim, units), f"{name}/bias": (units,)}


def _list_input_shapes(config: ModelConfig) -> WeightShapes:
    """Return the shapes of what turns notes into vectors [D]; the scalar input has no weights."""
    if config.input == "scalar":
        return {}
    told = [name for name in EMBEDDED_COLUMNS if name != "velocity" or config.model_velocity]
    tables: WeightShapes = {
        f"{name}_embedding/embeddings": (NUM_TOKENS[name], config.embedding_dim) for name in told
    }
    return tables | _list_dense_shapes("sounding", NUM_FEATURES, config.embedding_dim)


def _list_lstm_shapes(name: str, input_dim: int, units: int) -> WeightShapes:
    """Return the shapes of an LSTM layer that reads vectors [D]."""
    return {
        f"{name}/kernel": (input_dim, 4 * units),
        f"{name}/recurrent_kernel": (units, 4 * units),
        f"{name}/bias": (4 * units,),
    }


def _list_residual_block_shapes(config: ModelConfig, name: str, units: int) -> WeightShapes:
    """Return the shapes of a residual block, which reads and gives vectors [D]."""
    width = config.embedding_dim
    out: WeightShapes = {f"{name}/norm1/scale": (width,), f"{name}/norm2/scale": (width,)}
    out |= _list_dense_shapes(f"{name}/inner", width, 3 * units) | {
        f"{name}/outer/kernel": (units, width)
    }
    out |= _list_dense_shapes(f"{name}/up", width, 2 * width) | {
        f"{name}/down/kernel": (2 * width, width)
    }
    return out | (
        {f"{name}/distance": (units // ATTENTION_HEAD_DIM, ATTENTION_SPAN)}
        if config.cell == "attention"
        else {}
    )


def _list_regression_head_shapes(hidden_dim: int) -> WeightShapes:
    """Return the shapes of regression heads that read hidden vectors [H]."""
    return (
        _list_dense_shapes("pitch", hidden_dim, NUM_PITCHES)
        | _list_dense_shapes("step", hidden_dim, 1)
        | _list_dense_shapes("duration", hidden_dim, 1)
    )


def _list_autoregressive_head_shapes(config: ModelConfig, hidden_dim: int) -> WeightShapes:
    """Return the shapes of categorical or mixture heads that read hidden vectors [H]."""
    parts = GENERATION_ORDER if config.model_velocity else GENERATION_ORDER[:3]
    out = _list_dense_shapes("chain", hidden_dim, len(parts) * config.head_dim)
    if config.input == "embedding":
        out["ahead/kernel"] = (NUM_FEATURES, 2 * config.head_dim)
    for part in parts:
        mixed = config.heads == "mixture" and part in ("step", "duration")
        out |= _list_dense_shapes(part, config.head_dim, NUM_OUTPUTS if mixed else NUM_TOKENS[part])
        out |= {
            f"{part}_given_{known}/embeddings": (NUM_TOKENS[known], config.head_dim)
            for known in CONDITIONED_ON[part]
        }
    return out
