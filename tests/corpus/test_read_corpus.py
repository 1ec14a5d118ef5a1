"""Equal bytes with files and workers on any machine, also if some are killed; and which engine reads a corpus.

Here and not beside the tests of the stage, which load TensorFlow.
"""

import contextlib
import hashlib
import io
import random
import types
import zipfile

import fsspec
import pytest
from cluster_processes import start_cluster
from factories import make_music
from moto.server import ThreadedMotoServer

from pipeline.config.schema import IngestConfig
from pipeline.core import cluster, console, paths, processes
from pipeline.corpus import bundle, read_corpus
from pipeline.corpus.bundle import CorpusPiece
from pipeline.midi import writer
from pipeline.stages import ingest

PARAMS = types.SimpleNamespace(
    corpus="far",
    ingest=IngestConfig(reader="symusic", sustain_pedal=False, instruments="all"),
)
NUM_FILES = 20


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """Files by name: music, a copy of one, and what is no music."""
    path = tmp_path_factory.mktemp("music") / "x.mid"
    contents = {}
    for number in range(NUM_FILES - 2):
        writer.write_notes(make_music(number, 30 + number), path)
        contents[f"{number:02}.mid"] = path.read_bytes()
    contents["copy.mid"] = contents["03.mid"] + b"trailing bytes"
    contents["text.mid"] = b"not music"
    return contents


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("DVC_ROOT", "DASK_SCHEDULER_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cluster, "BATCH_SIZE", 2)
    return folder


@pytest.fixture
def store(monkeypatch, contents):
    """The URL of a folder in an object store that has the files, and a zip of them."""
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "FSSPEC_S3_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    file_system = fsspec.filesystem(
        "s3", endpoint_url=f"http://{host}:{port}", skip_instance_cache=True
    )
    file_system.mkdir("music")
    archive_bytes = io.BytesIO()
    with zipfile.ZipFile(archive_bytes, "w") as archive:
        for name, data in contents.items():
            file_system.pipe_file(f"music/midi/{name}", data)
            archive.writestr(name, data)
    file_system.pipe_file("music/midi.zip", archive_bytes.getvalue())
    yield "s3://music/midi"
    server.stop()


def make_pieces(contents):
    return sorted(
        CorpusPiece(name, name, ("train", "validation")[len(data) % 2], hash_bytes(data))
        for name, data in contents.items()
    )


def hash_bytes(data):
    return hashlib.sha256(data).hexdigest()


def write_local(contents):
    pieces = make_pieces(contents)
    data = (contents[piece.member] for piece in pieces)
    bundle.write_bundle(paths.get_corpus_archive("far"), pieces, data)


def run_ingest():
    """Run the stage; return the checksums of all that it wrote."""
    ingest.run(PARAMS)
    assert not paths.get_unfinished_ingest_dir("far").exists()
    return (paths.NOTES.parent / "SHA256SUMS").read_text()


@pytest.fixture
def expected(project, contents):
    """The checksums of an ingest without a cluster."""
    write_local(contents)
    checksums = run_ingest()
    assert "not with MThd" in paths.REJECTED.read_text()
    assert "copy.mid,duplicate of" in paths.REJECTED.read_text()
    return checksums


@pytest.mark.slow
@pytest.mark.parametrize("num_workers", [1, 3])
def test_a_cluster_of_this_machine_writes_the_same_bytes(expected, num_workers, monkeypatch):
    monkeypatch.setattr(read_corpus, "MIN_CLUSTER_FILES", 1)
    monkeypatch.setattr(cluster, "count_cores", lambda: num_workers)
    assert run_ingest() == expected


@pytest.mark.slow
def test_workers_without_the_files_write_the_same_bytes(
    expected, contents, store, tmp_path, monkeypatch
):
    path = paths.get_corpus_archive("far")

    def remove_zip(results, description, total):
        path.unlink()
        return results

    monkeypatch.setattr(console, "track_progress", remove_zip)
    with start_cluster(tmp_path, 2) as processes:
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", processes.address)
        for url in (store, f"{store}.zip"):
            bundle.write_remote_bundle(path, make_pieces(contents), url)
            assert run_ingest() == expected


@pytest.mark.slow
def test_killed_workers_and_a_stop_change_no_byte(expected, project, tmp_path, monkeypatch):
    chosen = random.Random(7).sample(range(NUM_FILES - 6), 3)

    def kill_and_stop(results, description, total):
        for number, result in enumerate(results):
            if number in chosen:
                processes.kill_worker()
            if number == stop_at:
                raise KeyboardInterrupt
            yield result

    monkeypatch.setattr(console, "track_progress", kill_and_stop)
    with start_cluster(tmp_path, 2) as processes:
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", processes.address)
        stop_at = NUM_FILES - 6
        with pytest.raises(KeyboardInterrupt):
            ingest.run(PARAMS)
        (kept,) = paths.get_unfinished_ingest_dir("far").iterdir()
        assert len(list(kept.iterdir())) >= (NUM_FILES - 6) // 2
        chosen, stop_at = [], NUM_FILES
        assert run_ingest() == expected


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


def read_some_pieces(count):
    reader = read_corpus.PieceReader(paths.get_corpus_archive("own"), None)
    return list(read_corpus.read_pieces(reader, [None] * count, "own"))


def test_a_cluster_starts_for_many_files_only(engines):
    read_some_pieces(10)
    read_some_pieces(read_corpus.MIN_CLUSTER_FILES - 1)
    read_some_pieces(read_corpus.MIN_CLUSTER_FILES)
    assert engines == ["processes", "processes", "cluster"]


def test_the_scheduler_of_the_environment_reads_few_files_too(engines, monkeypatch):
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:8786")
    read_some_pieces(10)
    assert engines == ["cluster"]
