"""Arguments and options that several commands have."""

from typing import Annotated

import typer

Force = Annotated[bool, typer.Option("--force", "-f", help="Replace files that exist.")]


def complete_model(incomplete: str) -> list[str]:
    """Return the names of models that begin so, for a shell that completes an argument."""
    from pipeline.core import paths
    from pipeline.models import model_io

    folders = (model_io.BUNDLED, paths.MODELS)
    names = [name for folder in folders for name in model_io.list_model_names(folder)]
    return sorted({name for name in names if name.startswith(incomplete)})


ModelName = Annotated[
    str,
    typer.Argument(
        help="A bundled model, one trained here, such as baseline, or a folder.",
        autocompletion=complete_model,
    ),
]
VelocityTemperature = Annotated[
    float | None,
    typer.Option(min=0.01, max=10, help="Temperature of velocity alone."),
]
VelocityTopP = Annotated[
    float | None,
    typer.Option(min=0.01, max=1, help="Share of the probability of velocity that is kept."),
]
RecallBonus = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=10,
        help="Nats added to pitches that followed an earlier passage like the present one; only models with recall.",
    ),
]
