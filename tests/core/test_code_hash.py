"""A hash that changes with the code and the libraries, and with nothing else."""

from importlib import metadata

import pytest

from pipeline.core import code_hash


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.setattr(code_hash, "PACKAGE_ROOT", tmp_path)
    monkeypatch.setattr(metadata, "version", lambda library: "1.0")
    (tmp_path / "midi" / "inner").mkdir(parents=True)
    (tmp_path / "midi" / "a.py").write_text("a = 1\n")
    (tmp_path / "midi" / "inner" / "b.py").write_text("b = 1\n")
    return tmp_path / "midi"


def hash_now():
    code_hash.hash_code.cache_clear()
    return code_hash.hash_code(("midi",), ("numpy",))


def test_a_changed_new_or_renamed_module_changes_the_hash(package):
    hashes = [hash_now()]
    (package / "inner" / "b.py").write_text("b = 2\n")
    hashes.append(hash_now())
    (package / "c.py").write_text("")
    hashes.append(hash_now())
    (package / "c.py").rename(package / "d.py")
    hashes.append(hash_now())
    assert len(set(hashes)) == 4


def test_another_version_of_a_library_changes_the_hash(package, monkeypatch):
    before = hash_now()
    monkeypatch.setattr(metadata, "version", lambda library: "1.1")
    assert hash_now() != before


def test_what_is_no_code_changes_nothing(package):
    before = hash_now()
    (package / "notes.txt").write_text("text")
    assert hash_now() == before
