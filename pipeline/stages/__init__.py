"""One file per DVC stage: read files, call the yard, write files.

Each is run by `python -m pipeline.stages.<stage>`, so that DVC can track exactly the modules it imports.
"""

import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from pipeline import paths
from pipeline.errors import PipelineError
from pipeline.params import load


def start(run: Callable[..., None], sections: Sequence[str], *arguments: str) -> None:
    """Run a stage, from the command line that DVC knows.

    Args:
        run: takes the parameters, then the arguments.
        sections: what the stage may read of params.yaml; DVC tracks these, so no others are there to be read.
        arguments: names that the stage was called with, such as an architecture.
    """
    try:
        run(load(paths.PARAMS).only(sections), *arguments)
    except PipelineError as error:
        fail(error)


def fail(error: PipelineError) -> NoReturn:
    """End with the one line that explains an error."""
    print(f"error: {error}", file=sys.stderr)
    raise SystemExit(1) from None
