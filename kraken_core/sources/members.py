"""What lies in an archive: which of it are files of candles or of trades, and why the rest is not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from kraken_core.domain.archives import (
    ArchiveFile,
    Ignored,
    ZipEntry,
    is_history_name,
    pair_of_history,
    series_of,
)
from kraken_core.domain.candles import Source
from kraken_core.domain.errors import UnknownPairError, UsageError
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.names import BY_RULES, Names
from kraken_core.domain.plural import counted
from kraken_core.domain.trading_history import is_trading_history
from kraken_core.sources.coverage import COVERAGE
from kraken_core.sources.manifest import MANIFEST
from kraken_core.sources.misnamed import NO_CANDLES, why_not

MAX_TEXT_BYTES = 2 << 30  # eight times the largest file known (XBTUSD_1: 4.6 M rows); a file is read whole
OTHER_INTERVAL = "another interval"
UNKNOWN_PAIR = "unknown pair"
_OTHERS = ("_10080", "_21600")  # minutes; the exchange has candles of a week and of 15 days, which nobody stores here
UNKNOWN_TRADED_PAIR = "trades of an unknown pair"
EMPTY = "empty file"
JUNK = "macOS junk"
LINK = "symbolic link"
UNREAD_FOLDER = "folder that may not be read"
UNLISTED = "bytes of files that the zip does not list"
_LONGEST_NAME = 120  # characters of it that are shown
_NAMED = 3  # names that a note, or a reason, gives as examples


class Member(NamedTuple):
    """Anything found in an archive.

    ``unfit`` is why it is no file whatever its name (a link, a pipe), ``defect`` why a file cannot be read where
    it lies; "" otherwise. ``dated`` is when it was last changed (epoch seconds; None: unknown).
    """

    name: str
    size: int  # bytes of text
    stamp: str
    entry: ZipEntry | None = None
    defect: str = ""
    unfit: str = ""
    dated: int | None = None


@dataclass(slots=True)
class Contents:
    """An archive's members, by kind. ``left_out`` has names by reason; ``unknown`` are names that name no pair.

    ``files`` have candles, ``histories`` trades: of each of those, one for every interval. ``made`` is when the newest
    of them was last changed, epoch seconds.
    """

    files: dict[str, ArchiveFile] = field(default_factory=dict)
    histories: dict[str, tuple[ArchiveFile, ...]] = field(default_factory=dict)
    manifests: dict[str, Member] = field(default_factory=dict)
    coverages: dict[str, Member] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    unknown: list[str] = field(default_factory=list)
    names: Names = BY_RULES
    ambiguous: dict[str, list[Pair]] = field(default_factory=dict)  # what names can mean, the pair taken first
    made: int | None = None

    @classmethod
    def of(
        cls, path: str, members: Iterable[Member], head: Callable[[Member], bytes | None], names: Names = BY_RULES
    ) -> Contents:
        """Sort the members of the archive at ``path`` by kind. Of a repeated name the last counts, as in any unzip.

        ``head`` returns how a member begins, None where unknown: many files are called like those of trades.
        ``names`` is what the exchange calls its pairs.
        """
        contents = cls(names=names)
        for member in members:
            if reason := contents._take(path, member, head):
                contents.left_out[reason].append(member.name)
        return contents

    @property
    def ignored(self) -> dict[str, Ignored]:
        """What is left out, by reason."""
        return {
            reason: Ignored(len(names), tuple(map(_shown, names[:_NAMED]))) for reason, names in self.left_out.items()
        }

    @property
    def is_archive(self) -> bool:
        """Whether anything here is, or says, what an archive has: files of candles or trades, or a manifest."""
        return bool(self.files or self.histories or self.manifests)

    @property
    def leaves_out_data(self) -> bool:
        """Whether something that is not read may be candles: packed, half downloaded, or misnamed."""
        return not self.left_out.keys() <= {JUNK, NO_CANDLES}

    @property
    def lists_all(self) -> bool:
        """Whether no other files lie where these do, as in two zips that were joined: the last one is listed."""
        return UNLISTED not in self.left_out

    @property
    def counted(self) -> int:
        """How many OHLCVT files there are, those of unknown pairs and of the exchange's other intervals included.

        Of several files of a series one counts: another one does not stand in for a file that is lost.
        """
        readable = len({file.series for file in self.files.values() if not file.defect})
        others = [name for name in self.left_out.get(OTHER_INTERVAL, ()) if name.rpartition(".")[0].endswith(_OTHERS)]
        return readable + len(others) + len(self.left_out.get(UNKNOWN_PAIR, ()))

    @property
    def other_names(self) -> frozenset[str]:
        """What pairs are called in the names of files that are left out: of unknown pairs, or of other intervals."""
        bases = {
            reason: [name.rpartition("/")[2] for name in self.left_out.get(reason, ())]
            for reason in (UNKNOWN_PAIR, OTHER_INTERVAL, UNKNOWN_TRADED_PAIR)
        }
        of_candles = (base.rpartition("_")[0] for base in (*bases[UNKNOWN_PAIR], *bases[OTHER_INTERVAL]))
        return frozenset((*of_candles, *(base.rpartition(".")[0] for base in bases[UNKNOWN_TRADED_PAIR])))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about the names."""
        notes = []
        if self.unknown:
            files = counted(len(self.unknown), "file")
            notes.append(f"{files} skipped, with no known pair in the name: {_some(self.unknown)}.")
        if self.ambiguous:
            examples = [
                f"{name} is read as {first}, but may be {' or '.join(map(str, others))}"
                for name, (first, *others) in sorted(self.ambiguous.items())[:_NAMED]
            ]
            more = ", …" if len(self.ambiguous) > _NAMED else ""
            notes.append(
                f"{counted(len(self.ambiguous), 'ambiguous pair name')} ({'; '.join(examples)}{more}): a run with "
                "access to the exchange resolves them, and renames what was stored under another name."
            )
        if unread := self.left_out.get(UNREAD_FOLDER):
            notes.append(f"{counted(len(unread), 'folder')} skipped, no permission to read: {_some(unread)}.")
        if unlisted := self.left_out.get(UNLISTED):
            notes.append(
                f"{_some(unlisted)} of it are of files that it does not list, and are not read, as where two zips were "
                "joined into one: name each by itself."
            )
        return tuple(notes)

    def _take(self, path: str, member: Member, head: Callable[[Member], bytes | None]) -> str:
        """Put a member where it belongs; the reason where it is left out."""
        name, base = member.name, member.name.rpartition("/")[2]
        if reason := _no_file(name, base) or member.unfit:
            return reason
        if base in (MANIFEST, COVERAGE) and not member.defect:
            (self.manifests if base == MANIFEST else self.coverages)[name] = member
            return ""
        series = self._series(base)
        if series is None:
            return self._take_history(path, member, head)
        if isinstance(series, str):
            return series
        repeated = name in self.files
        self.files[name] = _file(path, member, series, Source.CSV)
        self._date(member)
        return "repeated member" if repeated else ""

    def _date(self, member: Member) -> None:
        if member.dated is not None:
            self.made = max(member.dated, self.made or 0)

    def _series(self, base: str) -> Series | str | None:
        """The series that a base name states; the reason where it states none; None for a name of another kind."""
        try:
            series = series_of(base, self.names)
        except UnknownPairError:
            self.unknown.append(base)
            return UNKNOWN_PAIR
        except UsageError:
            return OTHER_INTERVAL
        if series:
            self._look_at(base.rpartition("_")[0])
        return series

    def _look_at(self, name: str) -> None:
        """Remember a name that can mean several pairs."""
        if len(meanings := self.names.meanings(name)) > 1:
            self.ambiguous[name] = meanings

    def _take_history(self, path: str, member: Member, head: Callable[[Member], bytes | None]) -> str:
        """Put a file of trades where it belongs; the reason where it is none. Its name alone is no proof."""
        name, base = member.name, member.name.rpartition("/")[2]
        if not is_history_name(base):
            return why_not(base)
        if member.defect or not member.size:
            return member.defect or EMPTY  # its name alone does not make it one of trades
        begins = head(member)
        if begins is not None and not is_trading_history(begins):
            return NO_CANDLES
        try:
            pair = pair_of_history(base, self.names)
        except UnknownPairError:
            if not begins:
                return NO_CANDLES
            self.unknown.append(base)
            return UNKNOWN_TRADED_PAIR
        self._look_at(base.rpartition(".")[0])
        repeated = name in self.histories
        self.histories[name] = tuple(_file(path, member, Series(pair, i), Source.TRADES) for i in INTERVALS)
        self._date(member)
        return "repeated member" if repeated else ""


def _file(path: str, member: Member, series: Series, source: Source) -> ArchiveFile:
    return ArchiveFile(path, member.name, series, member.size, member.stamp, member.entry, source, member.defect)


def _shown(name: str) -> str:
    """A name as it may be printed: no control characters, and not without end."""
    safe = name if name.isprintable() else name.encode("unicode_escape").decode()
    return safe if len(safe) <= _LONGEST_NAME else f"{safe[:_LONGEST_NAME]}…"


def _some(names: Iterable[str]) -> str:
    ordered = sorted(map(_shown, names))
    return ", ".join(ordered[:_NAMED]) + (", …" if len(ordered) > _NAMED else "")


def _no_file(name: str, base: str) -> str:
    """Why a member of this name is no usable file; "" where it may be one."""
    folders = name.split("/")[:-1]
    if "__MACOSX" in folders or base.startswith("._") or base == ".DS_Store":
        return JUNK
    if not base:
        return "folder entry"
    # Nothing is unpacked, so these could do no harm; but no honest archive has them, and names are printed.
    if name.startswith("/") or ".." in folders or "\\" in name or not name.isprintable():
        return "unsafe name"
    return ""
