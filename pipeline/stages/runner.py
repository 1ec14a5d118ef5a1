"""One file per DVC stage: read files, call the packages that compute, write files.

Each is run by `python -m pipeline.stages.<stage>`, so that DVC can track exactly the modules it imports.
"""

import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from pipeline.core import lifetime

if "DVC_STAGE" in os.environ:
    # Before all else: a stage imports for seconds before it starts, and its run may be killed meanwhile.
    lifetime.die_with_parent()

from pipeline.config import load_params
from pipeline.core import git, paths
from pipeline.core.errors import DiskError, ParamsError, PipelineError


def run_stage(run: Callable[..., None], param_sections: Sequence[str], *arguments: str) -> None:
    """Run a stage, from the command line that DVC knows.

    Args:
        run: takes the parameters, then the arguments.
        param_sections: what the stage may read of params.yaml; DVC tracks these, so no others are there to be read.
        arguments: names that the stage was called with, such as an architecture.
    """
    escape_stdout()
    try:
        run(load_params(paths.PARAMS).restrict_to(param_sections), *arguments)
    except ParamsError as error:
        exit_with_error(ParamsError(f"{error}{advise_undo()}"))
    except PipelineError as error:
        exit_with_error(error)
    except OSError as error:
        exit_with_error(make_disk_error(error))


def advise_undo() -> str:
    """Return how to undo a change of params.yaml: after a failed 'dvc exp run -S' the file keeps the new values.

    A queued experiment runs in a copy of the project, which is deleted; nothing is to be undone there.
    """
    in_copy = paths.get_project_root().resolve() != Path.cwd()
    if in_copy or not git.is_modified(paths.PARAMS):
        return ""
    paths.PARAMS.touch()  # so that 'git checkout' sees the change, see git.is_modified
    return f"; {paths.PARAMS} keeps this change, 'git checkout {paths.PARAMS}' undoes it"


def escape_stdout() -> None:
    """Let standard output show a sign that its encoding lacks as an escape, as standard error does."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def make_disk_error(error: OSError) -> DiskError:
    """Return the error of a file that the system refuses, where nothing more is known of it."""
    return DiskError(
        f"{error.filename or 'a file'}: {error.strerror or error}; see that it is there and may be used"
    )


def exit_with_error(error: PipelineError) -> NoReturn:
    """End with the one line that explains an error."""
    print(f"error: {error}", file=sys.stderr)
    raise SystemExit(1) from None
