"""Where archives are found and read, and where rows go that could not be taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kraken_core.domain.archives import Archive, ArchiveFile
    from kraken_core.domain.jobs import FileIngestionRecord
    from kraken_core.domain.ohlcvt import Reject


class CandleSource(Protocol):
    """Where archives are found and read. Reading is thread-safe and changes nothing."""

    def archives(self) -> Sequence[Archive]:
        """Every archive of the source. Raises SourceError where there is none."""
        ...

    def read(self, file: ArchiveFile) -> bytes:
        """The file's text, checked against the archive's own checksum. Raises BadFileError."""
        ...

    def pieces(self, file: ArchiveFile) -> Iterator[bytes]:
        """The text of a file too large for memory, in pieces of some MB; the checks end behind the last one.

        Raises BadFileError: then none of the pieces before may be believed.
        """
        ...


class RejectLog(Protocol):
    """Where rows that could not be taken are set aside."""

    def forget(self, job_id: int, files: Iterable[FileIngestionRecord]) -> None:
        """Drop the rows of files that will be read again."""
        ...

    def add(self, job_id: int, rejected: Sequence[tuple[FileIngestionRecord, Sequence[Reject]]]) -> None:
        """Append rejected rows of files to the job's list: file, line, text, reason."""
        ...
