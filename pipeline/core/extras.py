"""Packages and programs that only some commands need, and what installs them.

`pip install music-rnn` brings what play, generate, score, studio and doctor need; the extras of pyproject.toml the rest.
"""

import importlib.util
import sys

from pipeline.core.errors import PipelineError

EXTRA_MODULES = {
    "play": ("pythonosc", "rtmidi2"),
    "train": (
        "dask",
        "distributed",
        "dvc",
        "dvc_data",
        "fsspec",
        "jinja2",
        "keras",
        "markupsafe",
        "networkx",
        "pandas",
        "pyarrow",
        "scipy",
        "tensorflow",
    ),
}
"""Modules that an extra installs, by the name of the extra."""
PROGRAM_REMEDIES = {"git": "install Git"}
"""Programs that no extra installs."""


def require_module(name: str) -> None:
    """Check that a package is installed, without the time that it takes to load.

    Raises:
        ModuleNotFoundError: it is not; `explain_missing_module` says what to do.
    """
    if importlib.util.find_spec(name) is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def format_install_command(module: str) -> str:
    """Return the command that installs a module of another package.

    >>> format_install_command("pyarrow"), format_install_command("numpy")
    ("pip install 'music-rnn[train]'", 'pip install music-rnn')
    """
    extras = [extra for extra, modules in EXTRA_MODULES.items() if module in modules]
    return f"pip install 'music-rnn[{extras[0]}]'" if extras else "pip install music-rnn"


def explain_missing_module(error: ModuleNotFoundError) -> PipelineError:
    """Return the error of a package that is not installed.

    Raises:
        ModuleNotFoundError: the module is one of this package, so no installation helps.
    """
    name = (error.name or "pipeline").partition(".")[0]
    if name == "pipeline":
        raise error
    if name in sys.stdlib_module_names:
        return PipelineError(
            f"no module {name} in Python on {sys.platform}; run this command on Linux or macOS"
        )
    return PipelineError(f"package {name} is not installed; {format_install_command(name)}")


def explain_missing_program(error: FileNotFoundError) -> PipelineError | None:
    """Return the error of a program that is not installed; nothing where another file is missing."""
    name = str(error.filename)
    if name in PROGRAM_REMEDIES:
        return PipelineError(f"program {name} is not installed; {PROGRAM_REMEDIES[name]}")
    if name == "dvc":
        return PipelineError(f"program {name} is not installed; {format_install_command(name)}")
    return None
