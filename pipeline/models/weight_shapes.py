"""Name and shape of every weight of a model, as its config has it: what Keras trains and NumPy reads.

Shapes: D width of the input of a layer, U its units, H width of the hidden vector, C width of a head.
"""

from pipeline.config.model_rules import (
    ATTENTION_HEAD_DIM,
    PITCH_CONV_CHANNELS,
    PITCH_CONV_SIZE,
)
from pipeline.config.schema import ModelConfig
from pipeline.models.logistic_mixture import NUM_OUTPUTS
from pipeline.models.numpy.pitch_convolution import NUM_PITCH_FEATURES
from pipeline.notes import quantize, recall
from pipeline.notes.active_notes import NUM_FEATURES
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import FEATURES, SCALAR_FEATURES

WeightShapes = dict[str, tuple[int, ...]]
"""Shape of each weight, by its name."""


def weight_shapes(config: ModelConfig) -> WeightShapes:
    """Return the shape of every weight of a model."""
    out = _list_input_shapes(config)
    width = config.embedding_dim or len(SCALAR_FEATURES)
    for number, (cell, units) in enumerate(zip(config.cells, config.units, strict=True), 1):
        name = f"{cell}_{number}"
        if config.is_residual:
            out |= _list_residual_block_shapes(config, name, units)
        else:
            for direction in ("_forward", "_backward") if config.is_bidirectional else ("",):
                out |= _list_lstm_shapes(name + direction, width, units)
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
    """Return the shapes of the embedding input; the scalar input has no weights."""
    if config.input == "scalar":
        return {}
    tables: WeightShapes = {}
    if config.recall:
        tables["recall/embeddings"] = (recall.NUM_TABLE_ROWS, config.embedding_dim)
    tables |= {
        f"{feature.name}_embedding/embeddings": (feature.num_tokens, config.embedding_dim)
        for feature in quantize.list_embedded_features(config.model_velocity, config.model_pedal)
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
    out: WeightShapes = {
        f"{name}/norm1/scale": (width,),
        f"{name}/norm2/scale": (width,),
        f"{name}/outer/kernel": (units, width),
        f"{name}/down/kernel": (2 * width, width),
    }
    if name.startswith("attention"):
        out[f"{name}/distance"] = (units // ATTENTION_HEAD_DIM, config.span)
    if config.conv:
        out[f"{name}/conv/kernel"] = (config.conv, 3 * units)
    out |= _list_dense_shapes(f"{name}/inner", width, 3 * units)
    return out | _list_dense_shapes(f"{name}/up", width, 2 * width)


def _list_regression_head_shapes(hidden_dim: int) -> WeightShapes:
    """Return the shapes of regression heads that read hidden vectors [H]."""
    return (
        _list_dense_shapes("pitch", hidden_dim, NUM_PITCHES)
        | _list_dense_shapes("step", hidden_dim, 1)
        | _list_dense_shapes("duration", hidden_dim, 1)
    )


def _list_autoregressive_head_shapes(config: ModelConfig, hidden_dim: int) -> WeightShapes:
    """Return the shapes of categorical or mixture heads that read hidden vectors [H]."""
    features = quantize.list_generated_features(config.model_velocity, config.model_pedal)
    out = _list_dense_shapes("chain", hidden_dim, len(features) * config.head_dim)
    if config.input == "embedding":
        out["ahead/kernel"] = (NUM_FEATURES, 2 * config.head_dim)
    if config.is_equivariant:
        out |= _list_dense_shapes("pitch_conv/gate", hidden_dim, PITCH_CONV_CHANNELS)
        inputs = (PITCH_CONV_SIZE, NUM_PITCH_FEATURES, PITCH_CONV_CHANNELS)
        out["pitch_conv/input_kernel"] = inputs
        out["pitch_conv/input_bias"] = (PITCH_CONV_CHANNELS,)
        out["pitch_conv/output_kernel"] = (PITCH_CONV_SIZE, PITCH_CONV_CHANNELS)
    if config.recall:
        out["copy/kernel"] = (config.head_dim, 2)
        out["copy/level"] = (recall.NUM_LEVELS, 2)
    for index, name in enumerate(features):
        is_mixture = config.heads == "mixture" and FEATURES[name].is_time
        num_outputs = NUM_OUTPUTS if is_mixture else FEATURES[name].num_tokens
        out |= _list_dense_shapes(name, config.head_dim, num_outputs)
        for known in features[:index]:
            shape = (FEATURES[known].num_tokens, config.head_dim)
            out[f"{name}_given_{known}/embeddings"] = shape
    return out
