"""Files in a folder, or in a zip, at any URL that fsspec knows: an object store, another machine, a disk.

Each process opens its own connection. Passwords and endpoints are not in the URL, but where fsspec and the libraries of
the stores look for them, such as FSSPEC_S3_ENDPOINT_URL and ~/.aws.
"""

from functools import cached_property
from typing import Any, NoReturn

from pipeline.core.errors import CorpusError, sanitize_line
from pipeline.corpus import archives

ZIP_BLOCK_BYTES = 2**18
"""Read at once of a zip: a member is in one or two requests."""
EXTRAS = {
    "s3": "s3",
    "gs": "gs",
    "gcs": "gs",
    "az": "azure",
    "abfs": "azure",
    "ssh": "ssh",
    "sftp": "ssh",
}
"""The extra of this program that has what a protocol needs."""


class RemoteFiles:
    """The files at a URL, read one by one into memory."""

    def __init__(self, url: str) -> None:
        """Remember where the files are; they are opened when the first is read.

        Args:
            url: of a folder, or of a zip if it ends in .zip; without a password.
        """
        self._url = url.rstrip("/")
        self.is_zip = url.lower().endswith(".zip")

    @cached_property
    def _folder(self) -> tuple[Any, str]:
        """The file system, and the path of the URL on it."""
        # Only a corpus that is elsewhere needs it.
        import fsspec  # type: ignore[import-untyped]

        try:
            file_system, path = fsspec.core.url_to_fs(self._url)
        except Exception as error:  # each store's library has errors of its own
            self._raise_error(self._url, error)
        return file_system, str(path)

    @cached_property
    def _zip(self) -> archives.OpenZip:
        """The zip and its members; only the parts that are read are fetched."""
        file_system, path = self._folder
        try:
            file = file_system.open(path, "rb", block_size=ZIP_BLOCK_BYTES, cache_type="readahead")
            return archives.open_zip(self._url, file)
        except CorpusError:
            raise
        except Exception as error:  # each store's library has errors of its own
            self._raise_error(self._url, error)

    def read_member(self, member: str) -> bytes:
        """Return the bytes of a file below the URL.

        Raises:
            CorpusError: the name could lead out of the folder; the file is missing, too large, or cannot be reached.
        """
        if problem := archives.path_problem(member):
            raise CorpusError(f"the name {member!r} {problem}; rename the file")
        label = f"{self._url}/{member}"
        if self.is_zip:
            archive, members = self._zip
            if member not in members:
                raise CorpusError(f"{label}: no such file")
            return archives.read_member(archive, members[member])
        file_system, path = self._folder
        try:
            data: bytes = file_system.cat_file(f"{path}/{member}")
        except Exception as error:  # each store's library has errors of its own
            self._raise_error(label, error)
        if len(data) > archives.MAX_MEMBER_BYTES:
            raise CorpusError(
                f"{label}: {len(data):,} bytes are more than the {archives.MAX_MEMBER_BYTES:,} allowed"
            )
        return data

    def list_members(self) -> list[str]:
        """Return the names of all files below the URL, sorted.

        Raises:
            CorpusError: the place cannot be reached.
        """
        if self.is_zip:
            return sorted(self._zip[1])
        file_system, path = self._folder
        try:
            names = file_system.find(path)
        except Exception as error:  # each store's library has errors of its own
            self._raise_error(self._url, error)
        return sorted(name.removeprefix(path).lstrip("/") for name in names)

    def _raise_error(self, label: str, error: Exception) -> NoReturn:
        """Raise the one line that explains an error of fsspec or of the library of a store."""
        if isinstance(error, MemoryError):
            raise error
        if isinstance(error, FileNotFoundError):
            raise CorpusError(f"{label}: no such file") from error
        protocol = self._url.partition("://")[0]
        if isinstance(error, ImportError) and protocol in EXTRAS:
            raise CorpusError(
                f"{label}: {protocol}:// needs another package; pip install 'music-rnn[{EXTRAS[protocol]}]'"
            ) from error
        raise CorpusError(f"{label}: cannot be read ({sanitize_line(str(error))[:200]})") from error
