"""The list of checksums of a folder."""

import subprocess

import pytest
from factories import make_unreadable

from pipeline.core import checksums
from pipeline.core.errors import DataError


@pytest.fixture
def folder(tmp_path):
    for name in ("b.parquet", "a.csv"):
        (tmp_path / name).write_text(name)
    for name in ("parts", ".parts.99.part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "c.parquet").write_text(name)
    (tmp_path / ".a.csv.99.part").write_text("what a killed run left")
    checksums.write_checksums(tmp_path)
    return tmp_path


def test_the_list_is_sorted_and_of_what_is_seen(folder):
    lines = (folder / checksums.CHECKSUM_FILE).read_text().splitlines()
    assert [line.partition("  ")[2] for line in lines] == [
        "a.csv",
        "b.parquet",
        "parts/c.parquet",
    ]
    before = (folder / checksums.CHECKSUM_FILE).read_bytes()
    checksums.write_checksums(folder)
    assert (folder / checksums.CHECKSUM_FILE).read_bytes() == before


def test_the_tool_of_the_system_agrees(folder):
    done = subprocess.run(
        ["sha256sum", "--check", checksums.CHECKSUM_FILE],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count(": OK") == 3


def test_what_is_as_it_was_passes(folder):
    checksums.verify_checksums(folder, "run it again")


def test_a_file_that_may_not_be_read_is_not_to_be_made_again(folder):
    with (
        make_unreadable(folder / "a.csv"),
        pytest.raises(DataError, match="may not be read; give yourself the permission"),
    ):
        checksums.verify_checksums(folder, "run it again")


@pytest.mark.parametrize("name", ["a.csv", "b.parquet", "parts/c.parquet", checksums.CHECKSUM_FILE])
def test_every_flipped_bit_is_seen(folder, name):
    whole = (folder / name).read_bytes()
    for place in range(8 * len(whole)):
        torn = bytearray(whole)
        torn[place // 8] ^= 1 << place % 8
        (folder / name).write_bytes(torn)
        with pytest.raises(DataError, match="run it again"):
            checksums.verify_checksums(folder, "run it again")


def test_a_file_that_is_gone_is_named(folder):
    (folder / "a.csv").unlink()
    with pytest.raises(DataError, match=r"a\.csv: cannot be read"):
        checksums.verify_checksums(folder, "run it again")
    (folder / checksums.CHECKSUM_FILE).unlink()
    with pytest.raises(DataError, match=r"SHA256SUMS: cannot be read"):
        checksums.verify_checksums(folder, "run it again")
