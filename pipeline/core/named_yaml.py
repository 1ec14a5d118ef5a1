"""YAML files that a person names, such as manifests, presets and studies: read, checked, and refused in one line."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from pipeline.core import yaml
from pipeline.core.errors import PipelineError, find_first_error

Content = TypeVar("Content")


def load_named_yaml(
    path: Path,
    validate: Callable[[Any], Content],
    error_type: type[PipelineError],
    describe_missing: Callable[[Sequence[str]], str],
) -> Content:
    """Read and check a YAML file.

    Args:
        path: the file.
        validate: makes the content of the tree of plain values, or raises a `ValidationError`.
        error_type: type of all errors.
        describe_missing: makes the message for a file that does not exist, from the names of the others in its folder.

    Raises:
        PipelineError: of `error_type`, one line that names the file, the key and what is wrong.
    """
    try:
        tree = yaml.load_yaml(path)
    except FileNotFoundError as error:
        names = sorted(other.stem for other in path.parent.glob("*.yaml"))
        raise error_type(f"{path}: {describe_missing(names)}") from error
    except (OSError, yaml.YamlError) as error:
        raise error_type(f"{path}: cannot be read: {error}") from error
    try:
        return validate(tree)
    except ValidationError as error:
        raise error_type(f"{path}: {format_first_error(error)}") from error


def format_first_error(error: ValidationError) -> str:
    """Return the key, the message and the value of the first error, in one line."""
    key, message, value = find_first_error(error)
    # A URL may hold a password; a mapping or list may be long.
    is_hidden = isinstance(value, dict | list) or key.endswith("url")
    shown = "" if is_hidden else f", not {yaml.shorten_repr(value)}"
    return f"{key or 'the file'}: {message}{shown}"
