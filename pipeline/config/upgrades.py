"""Values of older files in today's words: model configs and the section ingest."""

from collections.abc import Mapping
from typing import Any

RENAMED_KEYS = {
    "width": "embedding_dim",
    "velocity": "model_velocity",
    "between_dropout": "dropout",
    "dense": "dense_units",
    "final_dropout": "output_dropout",
    "chain": "head_dim",
}
"""Keys of a model config before format 3 of the card, and what they are called now."""
COMMON_LEARNING_RATES = {"last": 0.001, "all": 0.008}
"""By `loss_on`: the rates of params.yaml when all architectures shared them. An evaluation of that time does not record
its rate: it is read with this one, which is another than it was trained at if that run had changed it."""


def upgrade_model_config(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a model config in today's words; values in today's words stay as they are."""
    upgraded = {RENAMED_KEYS.get(key, key): value for key, value in values.items()}
    if "bidirectional" in upgraded:
        upgraded["cell"] = "bilstm" if upgraded.pop("bidirectional") else upgraded["cell"]
    if upgraded.get("cell") == "gated":
        upgraded["cell"] = "mingru"
    if "objective" in upgraded:
        upgraded["loss_on"] = {"every": "all"}.get(upgraded["objective"], upgraded.pop("objective"))
        upgraded.pop("objective", None)
    if "memory" in upgraded:
        upgraded["stateful"] = upgraded.pop("memory") == "carried"
    if "learning_rate" not in upgraded:
        upgraded["learning_rate"] = COMMON_LEARNING_RATES[upgraded["loss_on"]]
    return upgraded


def upgrade_ingest_params(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ingest section of an older params.yaml or dvc.lock in today's words, with what was not a key then."""
    renamed = {{"pedal": "sustain_pedal"}.get(key, key): value for key, value in values.items()}
    return {"instruments": "all"} | renamed if renamed else {}
