"""Named YAML files are refused in one line, with the file, the key and the remedy."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.config.schema import StrictModel
from pipeline.core.errors import CorpusError
from pipeline.core.named_yaml import load_named_yaml


class Content(StrictModel):
    """A file of the tests."""

    count: int = 0
    url: str = ""


def describe_missing(names: Sequence[str]) -> str:
    """Return the message for a file that does not exist."""
    return f"there are {', '.join(names)}"


def load_content(path: Path) -> Content:
    """Read a file of the tests."""
    return load_named_yaml(path, Content.model_validate, CorpusError, describe_missing)


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("count: 3", "utf-8")
    assert load_content(tmp_path / "a.yaml") == Content(count=3)


def test_a_missing_file_names_the_others(tmp_path: Path) -> None:
    for name in ("c.yaml", "b.yaml", "d.txt"):
        (tmp_path / name).touch()
    with pytest.raises(CorpusError, match=r"a\.yaml: there are b, c$"):
        load_content(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("count: x", r"count: .*, not 'x'$"),
        ("count: {a: 1}", r"count: Input should be a valid integer$"),
        ("count: [1, 2]", r"count: Input should be a valid integer$"),
        ("more: 1", r"more: Extra inputs are not permitted, not 1$"),
        ("- 1", r"the file: [^\[]*$"),
        ("count: [", "cannot be read: "),
    ],
)
def test_a_fault_is_one_line_with_file_key_and_value(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(CorpusError, match=message) as refused:
        load_content(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


def test_a_folder_is_no_missing_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    with pytest.raises(CorpusError, match="cannot be read"):
        load_content(tmp_path / "a.yaml")


def test_a_url_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("url: 12345", "utf-8")
    with pytest.raises(CorpusError) as refused:
        load_content(tmp_path / "a.yaml")
    assert "12345" not in str(refused.value)
