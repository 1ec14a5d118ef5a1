"""Which weights a block asks for, and of what shape: what `nn` trains, and what the twins in numpy look up by name.

Shapes: D width of what a layer reads, U its units, H width of the hidden vector that the heads read, C of the chain.
"""

from pipeline.config.recipes import HEAD, Model
from pipeline.models.logistic_mixture import OUTPUTS
from pipeline.models.numpy.autoregressive_heads import KNOWN, PARTS
from pipeline.models.numpy.layers import SPAN
from pipeline.models.numpy.network import EMBEDDED
from pipeline.notes.active_notes import NUM_FEATURES
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import NUM_TIME_TOKENS, SCALAR_FEATURES, NUM_VELOCITY_TOKENS

Shapes = dict[str, tuple[int, ...]]
"""Shape of each weight, by its name."""
TOKENS = {"step": NUM_TIME_TOKENS, "pitch": NUM_PITCHES, "duration": NUM_TIME_TOKENS, "velocity": NUM_VELOCITY_TOKENS}
"""How many tokens each part of a note has."""


def shapes(block: Model) -> Shapes:
    """Return the shape of every weight that a model of this block has, and of no other."""
    out = _input(block)
    width = block.width or len(SCALAR_FEATURES)
    for number, units in enumerate(block.units, 1):
        name = f"{block.cell}_{number}"
        if block.residual:
            out |= _residual(block, name, units)
        else:
            for way in ("_forward", "_backward") if block.bidirectional else ("",):
                out |= _lstm(name + way, width, units)
            width = units * (1 + block.bidirectional)
    if block.residual:
        out["norm/scale"] = (width,)
    if block.dense:
        out |= _dense("dense", width, block.dense)
        width = block.dense
    return out | (_regression(width) if block.heads == "regression" else _chain(block, width))


def _dense(name: str, width: int, units: int) -> Shapes:
    return {f"{name}/kernel": (width, units), f"{name}/bias": (units,)}


def _input(block: Model) -> Shapes:
    """Return the shapes of what turns notes into vectors [D]; the scalar input has no weights."""
    if block.input == "scalar":
        return {}
    told = [name for name in EMBEDDED if name != "velocity" or block.velocity]
    tables: Shapes = {f"{name}_embedding/embeddings": (TOKENS[name], block.width) for name in told}
    return tables | _dense("sounding", NUM_FEATURES, block.width)


def _lstm(name: str, width: int, units: int) -> Shapes:
    """Return the shapes of an LSTM layer that reads vectors [D]."""
    return {
        f"{name}/kernel": (width, 4 * units),
        f"{name}/recurrent_kernel": (units, 4 * units),
        f"{name}/bias": (4 * units,),
    }


def _residual(block: Model, name: str, units: int) -> Shapes:
    """Return the shapes of a residual block, which reads and gives vectors [D]."""
    width = block.width
    out: Shapes = {f"{name}/norm1/scale": (width,), f"{name}/norm2/scale": (width,)}
    out |= _dense(f"{name}/inner", width, 3 * units) | {f"{name}/outer/kernel": (units, width)}
    out |= _dense(f"{name}/up", width, 2 * width) | {f"{name}/down/kernel": (2 * width, width)}
    return out | ({f"{name}/distance": (units // HEAD, SPAN)} if block.cell == "attention" else {})


def _regression(width: int) -> Shapes:
    """Return the shapes of regression heads that read hidden vectors [H]."""
    return _dense("pitch", width, NUM_PITCHES) | _dense("step", width, 1) | _dense("duration", width, 1)


def _chain(block: Model, width: int) -> Shapes:
    """Return the shapes of categorical or mixture heads that read hidden vectors [H]."""
    parts = PARTS if block.velocity else PARTS[:3]
    out = _dense("chain", width, len(parts) * block.chain)
    if block.input == "embedding":
        out["ahead/kernel"] = (NUM_FEATURES, 2 * block.chain)
    for part in parts:
        mixed = block.heads == "mixture" and part in ("step", "duration")
        out |= _dense(part, block.chain, OUTPUTS if mixed else TOKENS[part])
        out |= {f"{part}_given_{known}/embeddings": (TOKENS[known], block.chain) for known in KNOWN[part]}
    return out
