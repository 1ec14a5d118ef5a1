import subprocess
import tomllib

import pytest
from factories import ROOT

from pipeline.core import extras


def test_a_module_of_an_extra_names_that_extra() -> None:
    assert extras.format_install_command("tensorflow") == "pip install 'music-rnn[train]'"
    assert extras.format_install_command("rtmidi2") == "pip install 'music-rnn[play]'"
    assert extras.format_install_command("symusic") == "pip install music-rnn"


def test_every_package_of_an_extra_is_known() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for extra, modules in extras.EXTRA_MODULES.items():
        for requirement in project["optional-dependencies"][extra]:
            package = requirement.partition(">")[0].replace("python-", "python")
            assert package in modules


def test_a_missing_module_of_another_package_is_one_line() -> None:
    error = extras.explain_missing_module(ModuleNotFoundError(name="pyarrow.parquet"))
    assert str(error) == "package pyarrow is not installed; pip install 'music-rnn[train]'"


def test_a_module_that_the_system_lacks_is_not_to_be_installed() -> None:
    error = extras.explain_missing_module(ModuleNotFoundError(name="fcntl"))
    assert "run this command on Linux or macOS" in str(error)


def test_a_missing_module_of_our_own_is_a_fault_with_a_traceback() -> None:
    with pytest.raises(ModuleNotFoundError):
        extras.explain_missing_module(ModuleNotFoundError(name="pipeline.no_such"))


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("dvc", "program dvc is not installed; pip install 'music-rnn[train]'"),
        ("git", "program git is not installed; install Git"),
    ],
)
def test_a_missing_program_is_one_line(
    program: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(FileNotFoundError) as caught:
        subprocess.run([program], check=False)
    assert str(extras.explain_missing_program(caught.value)) == message


def test_a_missing_file_is_no_missing_program() -> None:
    assert extras.explain_missing_program(FileNotFoundError(2, "none", "music.mid")) is None
