"""Which engine reads a corpus; that both read the same is tested in tests/stages/test_ingest_cluster.py."""

import contextlib

import pytest

from pipeline.core import cluster, paths, processes
from pipeline.corpus import read_corpus


@pytest.fixture
def engines(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    used = []
    monkeypatch.setattr(
        processes, "bounded_map", lambda *arguments: used.append("processes") or iter(())
    )
    monkeypatch.setattr(cluster, "open_client", contextlib.nullcontext)
    monkeypatch.setattr(
        cluster, "cluster_map", lambda *arguments: used.append("cluster") or iter(())
    )
    return used


def read(count):
    reader = read_corpus.PieceReader(paths.get_corpus_archive("own"), None)
    return list(read_corpus.read_pieces(reader, [None] * count, "own"))


def test_a_cluster_starts_for_many_files_only(engines):
    read(10)
    read(read_corpus.MIN_CLUSTER_FILES - 1)
    read(read_corpus.MIN_CLUSTER_FILES)
    assert engines == ["processes", "processes", "cluster"]


def test_the_scheduler_of_the_environment_reads_few_files_too(engines, monkeypatch):
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:8786")
    read(10)
    assert engines == ["cluster"]
