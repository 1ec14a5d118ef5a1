"""The structure of the checkout, read from its text: which module imports which, and what each stage lists."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
UNTRACKED = (
    "pipeline/__init__.py",
    "pipeline/core/",
    "pipeline/config/",
    "pipeline/stages/runner.py",
)
"""Code that no stage lists: tests of equal bytes hold what it writes, and DVC tracks the values that it reads."""

SHAPED_CALLS = {"empty", "full", "ones", "reshape", "resize", "zeros", "TensorSpec"}
"""Functions that are given the shape of an array."""


@cache
def find_modules() -> dict[str, Path]:
    """Return all modules of the package by dotted name."""
    modules = {}
    for path in sorted((ROOT / "pipeline").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


@cache
def parse_module(name: str) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(find_modules()[name].read_text(encoding="utf-8"))


@cache
def read_imports(name: str) -> frozenset[str]:
    """Return the modules of the package that a module imports, lazily or not."""
    imported: set[str] = set()
    for node in ast.walk(parse_module(name)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return frozenset(imported & find_modules().keys())


@cache
def read_third_party_imports(name: str) -> frozenset[str]:
    """Return the top-level names of what a module imports from elsewhere."""
    imported: set[str] = set()
    for node in ast.walk(parse_module(name)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.partition(".")[0])
    return frozenset(imported - {"pipeline"})


def has_only_docstring(name: str) -> bool:
    """Whether a module holds nothing but its docstring."""
    return len(parse_module(name).body) <= 1


@cache
def collect_imports(name: str, without_package: str = "") -> frozenset[str]:
    """Return the files, relative to the root, that a module imports, directly or not, and its own.

    Args:
        name: of the module.
        without_package: a package whose `__init__.py` counts only where a module names it.
    """
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            package = current.rpartition(".")[0]
            counts = package in find_modules() and package != without_package
            waiting += [*read_imports(current), *([package] if counts else [])]
    return frozenset(
        find_modules()[module].relative_to(ROOT).as_posix()
        for module in seen
        if not has_only_docstring(module)
    )


def find_literal_widths(name: str) -> list[int]:
    """Return the lines of a module where the last axis of a new array is a literal 4, as the features of a note were."""
    return [
        node.lineno
        for node in ast.walk(parse_module(name))
        if isinstance(node, ast.Call) and _read_call_name(node) in SHAPED_CALLS
        if any(_ends_with_four(items) for items in (node.args, *map(_list_items, node.args)))
    ]


def _read_call_name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _list_items(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple | ast.List) else []


def _ends_with_four(items: list[ast.expr]) -> bool:
    return bool(items) and isinstance(items[-1], ast.Constant) and items[-1].value == 4


def find_unlisted_code(stage: str, listed: list[str]) -> set[str]:
    """Return the files that a stage imports but that no entry of `deps` covers.

    Args:
        stage: name of the stage.
        listed: its `deps`, as in dvc.yaml.
    """
    covered = (*(f"{dep}/" for dep in listed if not dep.endswith(".py")), *UNTRACKED)
    files = collect_imports(f"pipeline.stages.{stage}")
    return {file for file in files if file not in listed and not file.startswith(covered)}


def find_unused_packages(stage: str, listed: list[str]) -> set[str]:
    """Return the packages in `deps` from which a stage imports nothing; one without modules cannot be imported."""
    modules = find_modules().values()
    files = collect_imports(f"pipeline.stages.{stage}")
    packages = {
        dep for dep in listed if any(module.is_relative_to(ROOT / dep) for module in modules)
    }
    packages = {dep for dep in packages if not dep.endswith(".py")}
    return {
        package for package in packages if not any(file.startswith(f"{package}/") for file in files)
    }
