"""One file per DVC stage: read files, call the yard, write files.

Each is run by `python -m pipeline.stages.<stage>`, so that DVC can track exactly the modules it imports.
"""

import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from pipeline.core import lifetime

if "DVC_STAGE" in os.environ:
    # Before all else: a stage imports for seconds before it starts, and its run may be killed meanwhile.
    lifetime.bind()

from pipeline.config import load
from pipeline.core import paths
from pipeline.core.errors import DiskError, PipelineError


def start(run: Callable[..., None], sections: Sequence[str], *arguments: str) -> None:
    """Run a stage, from the command line that DVC knows.

    Args:
        run: takes the parameters, then the arguments.
        sections: what the stage may read of params.yaml; DVC tracks these, so no others are there to be read.
        arguments: names that the stage was called with, such as an architecture.
    """
    tolerate()
    try:
        run(load(paths.PARAMS).only(sections), *arguments)
    except PipelineError as error:
        fail(error)
    except OSError as error:
        fail(unexpected(error))


def tolerate() -> None:
    """Let standard output show a sign that its encoding lacks as an escape, as standard error does."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def unexpected(error: OSError) -> DiskError:
    """Return the error of a file that the system refuses, where nothing more is known of it."""
    return DiskError(f"{error.filename or 'a file'}: {error.strerror or error}; see that it is there and may be used")


def fail(error: PipelineError) -> NoReturn:
    """End with the one line that explains an error."""
    print(f"error: {error}", file=sys.stderr)
    raise SystemExit(1) from None
