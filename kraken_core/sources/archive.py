"""Kraken's archives of candles and of trades where they lie: folders, zips, split zips, on a disk or on a web server.

Nothing is unpacked, moved or changed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from kraken_core.domain.archive_names import stated_by_name
from kraken_core.domain.archives import Archive, ArchiveFile, StatedCoverage, ZipEntry
from kraken_core.domain.candles import Source, Vintage
from kraken_core.domain.coverage import ArchiveStatement
from kraken_core.domain.errors import BadFileError, KrakenError, SourceError
from kraken_core.domain.names import BY_RULES, Names
from kraken_core.domain.plural import counted
from kraken_core.domain.statements import Checked, RowCount, checked, vintage_of
from kraken_core.domain.timerange import TimeRange, TimeRanges, day_start
from kraken_core.sources.addresses import file_name, is_url, plain_url
from kraken_core.sources.coverage import COVERAGE, MAX_COVERAGE_BYTES, parse_coverage
from kraken_core.sources.folders import file_pieces, folders, member_of, read_file
from kraken_core.sources.manifest import MAX_MANIFEST_BYTES, Manifest
from kraken_core.sources.members import Contents, Member
from kraken_core.sources.remote_archives import Remote, unfetched
from kraken_core.sources.split import JoinedFile, LocalPart, parts_of
from kraken_core.sources.trees import Branch, branches
from kraken_core.sources.witnesses import FILES_AN_INTERVAL, MOST_BYTES, busiest, rows_counted, rows_of
from kraken_core.sources.zips import PIECE_BYTES, member_pieces, read_directory, read_member

_HEAD_BYTES = 512  # a few lines
_TRADE_S = 60  # of a trade, as of a candle: the finest slot it is in
_UNREADABLE = StatedCoverage("", TimeRanges())  # the hash where the list beside a file cannot be read: no text has that


@dataclass(frozen=True, eq=False)
class ArchiveSource:
    """A CandleSource of local paths and of addresses. Small and picklable; zips are opened when first needed, and kept.

    ``archive_through`` is the last day of archives that state no end themselves, ``names`` what the exchange calls its
    pairs.
    """

    paths: tuple[Path, ...]
    urls: tuple[str, ...] = ()
    archive_through: date | None = None
    remote: Remote = field(default_factory=Remote)
    names: Names = BY_RULES
    _opened: dict[str, JoinedFile] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def open(
        cls,
        places: Sequence[str | Path],
        archive_through: date | None = None,
        remote: Remote | None = None,
        names: Names = BY_RULES,
    ) -> ArchiveSource:
        """Folders, zips and split zips (named by any part, or as if they were whole), addresses of such, single CSVs.

        A folder inside another that is named too is left out: its files are found there. Raises SourceError for an
        address that cannot be one.
        """
        urls = dict.fromkeys(plain_url(place) for place in map(str, places) if is_url(place))
        paths = dict.fromkeys(_absolute(Path(place)) for place in places if not is_url(str(place)))
        named = {path for path in paths if _is_folder(path, follow_symlinks=False)}
        outer = tuple(path for path in paths if path not in named or named.isdisjoint(path.parents))
        return cls(outer, tuple(urls), archive_through, remote or Remote(), names)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.paths, self.urls, self.archive_through, self.remote, self.names)

    def archives(self) -> list[Archive]:
        """Every archive there is by now; one that is named twice is one.

        A broken zip inside a folder is an archive without files and with a note. What an archive states is compared
        with some of its rows: what they do not bear out is no part of its statement, and noted.

        Raises SourceError where a path or an address cannot be read, and where none of them contains a candle file;
        UnreachableError.
        """
        self._opened.clear()  # what is there now may be another file of that name
        found: dict[str, Archive] = {}
        for path in self.paths:
            for archive in self._archives_at(path):
                found.setdefault(os.path.realpath(archive.path), archive)
        for url in self.urls:
            for archive in self._of_zip(url):
                found.setdefault(archive.path, archive)
        archives = list(found.values())
        if (self.paths or self.urls) and not any(archive.files or archive.unfetched for archive in archives):
            where = ", ".join(map(str, (*self.paths, *self.urls)))
            why = "".join(f" {note}" for archive in archives for note in archive.notes[:1])
            raise SourceError(
                f"{where}: no candle files there; they are named like XBTUSD_60.csv, trades like XBTUSD.csv.{why}"
            )
        return archives

    def read(self, file: ArchiveFile) -> bytes:
        """The file's text, checked. Raises BadFileError, and UnreachableError where no file could be read now."""
        try:
            _require_readable(file)
            return self._text(file.path, file.member, file.size, file.stamp, file.entry)
        except (BadFileError, SourceError, OSError) as error:
            raise _refused(file, error) from error

    def pieces(self, file: ArchiveFile) -> Iterator[bytes]:
        """The file's text in pieces of some MB. Raises as :meth:`read`, behind the last piece too."""
        try:
            _require_readable(file)
            yield from self._pieces(file.path, Member(file.member, file.size, file.stamp, file.entry), PIECE_BYTES)
        except (BadFileError, SourceError, OSError) as error:
            raise _refused(file, error) from error

    def _text(self, path: str, name: str, size: int, stamp: str, entry: ZipEntry | None) -> bytes:
        if entry is None:
            return read_file(Path(path, name), size, stamp)
        return read_member(self._zip_of(path, entry), entry, size)

    def _pieces(self, path: str, member: Member, piece: int) -> Iterator[bytes]:
        if member.entry is None:
            return file_pieces(Path(path, member.name), member.size, member.stamp, piece)
        return member_pieces(self._zip_of(path, member.entry), member.entry, member.size, piece)

    def _head(self, path: str, member: Member) -> bytes | None:
        """How a file begins; None where that would take a request to a server, or is unknown."""
        if member.entry and member.entry.version:
            return None
        try:
            return next(self._pieces(path, member, _HEAD_BYTES), b"")
        except (BadFileError, SourceError, OSError):
            return None

    def _zip_of(self, path: str, entry: ZipEntry) -> JoinedFile:
        zipped = self._zip(path)
        if entry.version and entry.version != zipped.version:
            raise BadFileError("it has changed since it was listed")
        return zipped

    def _zip(self, path: str) -> JoinedFile:
        if (file := self._opened.get(path)) is None:
            # Two threads may both come here: the second takes what the first opened, and its own closes itself.
            file = self._opened.setdefault(path, self._open(path))
        return file

    def _open(self, place: str) -> JoinedFile:
        if is_url(place):
            return self.remote.open(place)
        parts = parts_of(Path(place))
        for part in parts:
            if not stat.S_ISREG(part.stat().st_mode):  # opening a pipe would wait for its writer
                raise SourceError("it is neither a folder nor a regular file: name a folder, a zip or a CSV")
        return JoinedFile([LocalPart(part) for part in parts])

    def _archives_at(self, path: Path) -> Iterator[Archive]:
        if not _is_folder(path):
            yield from (self._of_file(path) if _is_csv(path) else self._of_zip(str(path)))
            return
        try:
            found = folders(path)
        except (OSError, SourceError) as error:
            raise SourceError(f"{getattr(error, 'filename', None) or path}: {_reason(error)}.") from error
        for folder in found:
            contents = self._contents(str(folder.path), folder.members)
            if contents.is_archive or contents.leaves_out_data:
                yield self._archive(str(folder.path), contents)
            for inside in map(str, folder.zips):
                try:
                    yield from self._of_zip(inside)
                except SourceError as error:
                    yield replace(_empty(inside, str(error)), unreadable=True)

    def _of_file(self, path: Path) -> Iterator[Archive]:
        """A CSV that is named by itself, and so states nothing but what its user does."""
        contents = self._contents(str(path.parent), [member_of(path.stat(), path.name)])
        beside = path.with_name(COVERAGE)
        if beside.is_file():
            contents.coverages[COVERAGE] = member_of(beside.stat(), COVERAGE)
        yield self._archive(str(path), contents, folder=str(path.parent))

    def _of_zip(self, place: str) -> list[Archive]:
        try:
            file = self._open(place)
            first = file.parts[0].place
            self._opened[first] = file
            if size := unfetched(file):
                note = (
                    f"{first}: its server gives whole files only. It is fetched once, before anything of it is known."
                )
                return [_empty(first, note, size)]
            members = self.remote.members(file) if is_url(first) else read_directory(file)
            found = branches(members, stated_by_name(file_name(first)))
            return [self._of_branch(first, branch) for branch in found]
        except (SourceError, OSError) as error:
            raise SourceError(f"{place}: {_reason(error)}.") from error

    def _of_branch(self, zipped: str, branch: Branch) -> Archive:
        place = f"{zipped}/{branch.folder}" if branch.folder else zipped
        return self._archive(place, self._contents(zipped, branch.members), folder=zipped)

    def _contents(self, path: str, members: Iterable[Member]) -> Contents:
        return Contents.of(path, members, partial(self._head, path), self.names)

    def _archive(self, path: str, contents: Contents, folder: str | None = None) -> Archive:
        """An archive of this name, whose files lie in a ``folder`` (or zip) that may be called otherwise."""
        where = folder or path
        notes = [f"{path}: {note}" for note in contents.notes]
        manifest = None
        try:
            manifest = self._manifest(where, contents)
        except (BadFileError, OSError) as error:
            notes.append(f"{path}: manifest ignored: {_reason(error)}.")
        files = tuple(self._covered(where, contents))
        by_itself = manifest.statement if manifest else stated_by_name(file_name(path))
        counts = manifest is not None and manifest.files == contents.counted
        complete = counts and contents.lists_all
        listed_rows = manifest.rows if manifest and complete else None
        stated = self._checked(by_itself if by_itself.end is not None else self._by_user(), files, listed_rows)
        if stated.note:
            notes.append(f"{path}: {stated.note}.")
        if manifest and not counts:
            notes.append(
                f"{path}: manifest lists {counted(manifest.files, 'file')}, {contents.counted:,} found; "
                "absent pairs are not assumed to have had no trades."
            )
        made = manifest.generated if manifest and manifest.generated is not None else contents.made
        return Archive(
            path=path,
            statement=stated.statement,
            vintage=vintage_of(stated, made, by_itself=by_itself.end is not None),
            complete=complete and not stated.note,
            identity=manifest.identity if manifest else "",
            rows=listed_rows,
            files=files,
            ignored=contents.ignored,
            notes=tuple(notes),
            other_names=contents.other_names,
        )

    def _checked(self, statement: ArchiveStatement, files: Sequence[ArchiveFile], listed_rows: int | None) -> Checked:
        """The statement as far as rows bear it out. Where none states an end, its age shows in some of its files."""
        costly = any(file.download_bytes for file in files)
        rows = ((file.series.width, span) for file in busiest(files) if (span := self._rows(file)))
        at_least = 1 if costly or statement.end is not None else 2 * FILES_AN_INTERVAL
        return checked(statement, rows, at_least, lambda: self._counted(files, listed_rows))

    def _counted(self, files: Sequence[ArchiveFile], listed_rows: int | None) -> RowCount | None:
        try:
            return rows_counted(files, self.read, listed_rows)
        except KrakenError:
            return None

    def _rows(self, file: ArchiveFile) -> TimeRange | None:
        """From when to when a file's rows go; None where it cannot be read. What came from a server is remembered."""
        if not file.download_bytes:
            return self._read_rows(file)
        known = (file.path, file.member, file.stamp)
        if known not in self.remote.rows:
            self.remote.rows[known] = self._read_rows(file)
        return self.remote.rows[known]

    def _read_rows(self, file: ArchiveFile) -> TimeRange | None:
        member = Member(file.member, file.size, file.stamp, file.entry)
        try:
            if file.entry and file.size <= MOST_BYTES:  # whole, which is one request where it lies on a server
                pieces: Iterable[bytes] = (self._text(file.path, file.member, file.size, file.stamp, file.entry),)
            else:
                pieces = self._pieces(file.path, member, PIECE_BYTES)
            return rows_of(pieces, _TRADE_S if file.source is Source.TRADES else file.series.width)
        except (BadFileError, SourceError, OSError):
            return None

    def _covered(self, path: str, contents: Contents) -> Iterator[ArchiveFile]:
        """The files, each with what a list beside it states that it covers."""
        lists: dict[str, dict[str, StatedCoverage] | None] = {}
        for member in contents.coverages.values():
            lists[member.name.rpartition("/")[0]] = self._coverage(path, member)
        for file in (*contents.files.values(), *chain.from_iterable(contents.histories.values())):
            inside, _, base = file.member.rpartition("/")
            listed = lists.get(inside, {})
            coverage = _UNREADABLE if listed is None else listed.get(base)
            yield file if coverage is None else replace(file, coverage=coverage)

    def _coverage(self, path: str, member: Member) -> dict[str, StatedCoverage] | None:
        """What a list states of the files beside it; None where it cannot be read."""
        try:
            if member.size > MAX_COVERAGE_BYTES:
                return None
            return parse_coverage(self._text(path, member.name, member.size, member.stamp, member.entry))
        except (BadFileError, SourceError, OSError):
            return None

    def _manifest(self, path: str, contents: Contents) -> Manifest | None:
        if len(contents.manifests) > 1:
            raise BadFileError(f"there are {len(contents.manifests)} of them")
        for member in contents.manifests.values():
            if member.size > MAX_MANIFEST_BYTES:
                raise BadFileError(f"it has {member.size:,} bytes")
            return Manifest.parse(self._text(path, member.name, member.size, member.stamp, member.entry))
        return None

    def _by_user(self) -> ArchiveStatement:
        if self.archive_through is None:
            return ArchiveStatement()
        return ArchiveStatement(None, day_start(self.archive_through + timedelta(days=1)))


def _require_readable(file: ArchiveFile) -> None:
    """Raises BadFileError."""
    if file.defect:
        raise BadFileError(file.defect)


def _absolute(path: Path) -> Path:
    """The same place however it is reached; its own name is kept, which may state a quarter."""
    return path.resolve() if path.name == ".." else path.parent.resolve() / path.name


def _is_folder(path: Path, *, follow_symlinks: bool = True) -> bool:
    try:
        return stat.S_ISDIR(path.stat(follow_symlinks=follow_symlinks).st_mode)
    except OSError:
        return False  # opening it will raise the reason


def _is_csv(path: Path) -> bool:
    return path.suffix.lower() == ".csv" and path.is_file()


def _empty(path: str, note: str, unfetched: int = 0) -> Archive:
    return Archive(
        path=path,
        statement=ArchiveStatement(),
        vintage=Vintage(),
        complete=False,
        identity="",
        files=(),
        notes=(note,),
        unfetched=unfetched,
    )


def _refused(file: ArchiveFile, error: KrakenError | OSError) -> BadFileError:
    advice = "unpack it first" if file.defect else "get it again"
    if isinstance(error, PermissionError):
        advice = "let it be read"
    return BadFileError(f"{file.member} in {file.path}: {_reason(error)}. Nothing of it was taken; {advice}.")


def _reason(error: KrakenError | OSError) -> str:
    """What went wrong, without the path."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
