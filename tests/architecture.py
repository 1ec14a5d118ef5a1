"""The structure of the checkout, read from its text: who imports whom, and what each stage says of itself."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent


@cache
def modules() -> dict[str, Path]:
    """Return all modules of the package by dotted name."""
    found = {}
    for path in sorted((ROOT / "pipeline").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(name: str) -> frozenset[str]:
    """Return the modules of the package that a module imports, lazily or not."""
    known = modules()
    found: set[str] = set()
    for node in ast.walk(ast.parse(known[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return frozenset(found & known.keys())


def foreign(name: str) -> frozenset[str]:
    """Return the top-level names of what a module imports from elsewhere."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(modules()[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return frozenset(found - {"pipeline"})


@cache
def says_nothing(name: str) -> bool:
    """Whether a module holds nothing but its docstring."""
    return len(ast.parse(modules()[name].read_text(encoding="utf-8")).body) <= 1


@cache
def closure(name: str) -> frozenset[str]:
    """Return the files, relative to the root, that running a module depends on."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            package = current.rpartition(".")[0]
            waiting += [*imports(current), *([package] if package in modules() else [])]
    return frozenset(modules()[each].relative_to(ROOT).as_posix() for each in seen if not says_nothing(each))


def write_deps() -> None:
    """Write into `dvc.yaml` what each stage imports; what is no module stays as it is."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedSeq

    yaml = YAML()
    yaml.width = 110
    yaml.indent(mapping=2, sequence=2, offset=0)
    described = yaml.load(ROOT / "dvc.yaml")
    for name, stage in described["stages"].items():
        others = [dep for dep in stage["deps"] if not dep.endswith(".py")]
        stage["deps"] = CommentedSeq([*others, *sorted(closure(f"pipeline.stages.{name}"))])
        stage["deps"].fa.set_flow_style()
    yaml.dump(described, ROOT / "dvc.yaml")


if __name__ == "__main__":
    write_deps()
