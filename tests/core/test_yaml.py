"""Each fault of a YAML file raises one type of error, in one line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from pipeline.core import yaml
from pipeline.core.yaml import YamlError


def test_values_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("{a: 1e-3, b: no, c: [0o17, null], d: é}", "utf-8")
    assert yaml.load_yaml(tmp_path / "a.yaml") == {"a": 0.001, "b": "no", "c": [15, None], "d": "é"}


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * 5_000,
        "a: !!int zz",
        "a: !!bool zzz",
        "a: 2001-99-99",
        "a: " + "9" * 6000,
        'a: "\\U99999999"',
        "a: !!python/name:os.system x",
        "a: 1\na: 2",
        "a: *b",
        "\x00",
        "%YAML 9.9\n---\na",
    ],
    ids=lambda text: text[:12].encode("unicode_escape").decode(),
)
def test_what_is_no_tree_of_plain_values_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text, "utf-8")
    with pytest.raises(YamlError) as caught:
        yaml.load_yaml(tmp_path / "a.yaml")
    assert 0 < len(str(caught.value)) <= yaml.MAX_MESSAGE_LENGTH and "\n" not in str(caught.value)


def test_conflict_markers_are_named_with_line_and_remedy(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("b: 2\n<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> other\n")
    with pytest.raises(YamlError, match=f"conflict markers of Git at line 2; .*--ours {path}'"):
        yaml.load_yaml(path)


def test_a_message_of_the_parser_names_the_line_alone() -> None:
    with pytest.raises(YamlError, match="at line 2, column 5") as caught:
        yaml.parse_yaml("a: [\nb: 1")
    assert "unicode string" not in str(caught.value)


def test_bytes_that_are_no_text_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"a: \xff")
    with pytest.raises(YamlError, match="byte 3"):
        yaml.load_yaml(tmp_path / "a.yaml")


@given(st.text())
def test_any_text_is_a_tree_or_that_error(text: str) -> None:
    try:
        yaml.parse_yaml(text)
    except YamlError:
        return
    YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize(
    "value", [1 << 40_000, [1 << 40_000], "a" * 10**6, {"a": [0] * 10**5}], ids=list("abcd")
)
def test_any_value_is_shown_short(value: object) -> None:
    assert 0 < len(yaml.shorten_repr(value)) <= yaml.MAX_MESSAGE_LENGTH + 1


def test_a_short_value_is_shown_whole() -> None:
    assert yaml.shorten_repr({"a": "b"}) == "{'a': 'b'}"
