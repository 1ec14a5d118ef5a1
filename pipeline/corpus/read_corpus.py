"""Read all pieces of a corpus: in a few processes of this machine, or on a Dask cluster, with equal results.

A cluster takes seconds to start, so a corpus of few files does without, unless the environment names a scheduler
(`DASK_SCHEDULER_ADDRESS`). That is no value of params.yaml: it does not change a result, so it must not make a stage stale.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from pipeline.config.schema import IngestConfig
from pipeline.core import paths, processes
from pipeline.core.errors import MidiError
from pipeline.core.processes import TaskFailure, TaskLimits
from pipeline.corpus.bundle import CorpusBundle, CorpusPiece
from pipeline.corpus.piece_reader import PieceContent, read_content
from pipeline.corpus.remote_files import RemoteFiles
from pipeline.corpus.sources import remote

MIN_CLUSTER_FILES = 4000
"""Files from which on a cluster starts by itself: about 20 s of reading on one core."""
REMOTE_THREADS = 4
"""Files that are read at once for each core, where they come through a network."""
PieceResult = PieceContent | TaskFailure
"""What was read of a piece, or why it has no notes."""
CODE = ("corpus", "midi", "notes")
"""Packages that decide what is read."""
LIBRARIES = ("numpy", "pretty_midi", "pyarrow", "symusic")
"""Libraries that decide it too."""


@dataclass
class PieceReader:
    """Reads pieces in a worker. It opens the corpus itself, which was verified, and is given names, not bytes."""

    path: Path
    """The zip of the corpus; not used where there is a URL, so that workers need no file of this machine."""
    config: IngestConfig
    url: str = ""
    """Of the folder or zip of the files, where they are not in the zip of the corpus."""

    @cached_property
    def _read_bytes(self) -> Callable[[CorpusPiece], bytes]:
        if self.url:
            return partial(remote.read_remote_piece, RemoteFiles(self.url))
        return CorpusBundle(self.path, is_verified=True).read_piece

    def __call__(self, piece: CorpusPiece) -> PieceResult:
        """Read one piece."""
        try:
            return read_content(self._read_bytes(piece), self.config)
        except MidiError as error:
            return TaskFailure(str(error))


def read_pieces(
    reader: PieceReader, pieces: Sequence[CorpusPiece], corpus: str
) -> Iterator[PieceResult]:
    """Read pieces, in their order.

    What a cluster has read is kept in `.ingest` until the stage has written its tables, so that a stopped one goes on.

    Args:
        reader: what reads one.
        pieces: of the corpus.
        corpus: its name.

    Raises:
        DataError: the corpus is damaged.
        PipelineError: the scheduler that the environment names does not answer, or its workers lack this program.
    """
    if len(pieces) < MIN_CLUSTER_FILES and "DASK_SCHEDULER_ADDRESS" not in os.environ:
        limits = TaskLimits(num_workers=processes.choose_num_workers(len(pieces)))
        yield from processes.bounded_map(reader, pieces, limits)
        return
    from pipeline.core import cluster
    from pipeline.core.batch_store import BatchStore

    task = cluster.BatchTask(reader, TaskLimits(), CODE, LIBRARIES)
    store = BatchStore(paths.get_unfinished_ingest_dir(corpus), task.make_key())
    with cluster.open_client(REMOTE_THREADS if reader.url else 1) as client:
        yield from cluster.cluster_map(client, task, pieces, store)
