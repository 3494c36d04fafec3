"""What lies in an archive: which of it are files of candles or of trades, and why the rest is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from kraken_core.domain.archives import ArchiveFile, ZipEntry, is_history_name, pair_of_history, series_of
from kraken_core.domain.candles import Source
from kraken_core.domain.errors import UnknownPairError, UsageError
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.names import BY_RULES, Names
from kraken_core.domain.trading_history import is_trading_history
from kraken_core.sources.manifest import MANIFEST

MAX_TEXT_BYTES = 2 << 30  # eight times the largest file known (XBTUSD_1: 4.6 M rows); a file is read whole
NO_CANDLES = "no file of candles or trades"
OTHER_INTERVAL = "another interval"
UNKNOWN_PAIR = "unknown pair"
UNKNOWN_TRADED_PAIR = "trades of an unknown pair"
_NAMED = 3  # unknown pairs that a note names


class Member(NamedTuple):
    """Anything found in an archive. ``defect`` says why it cannot be read, whatever it is called; "" where it can."""

    name: str
    size: int  # bytes of text
    stamp: str
    entry: ZipEntry | None = None
    defect: str = ""


@dataclass(slots=True)
class Contents:
    """An archive's members, told apart. ``ignored`` counts by reason; ``unknown`` are names that name no pair.

    ``files`` hold candles, ``histories`` trades: of each of those, one for every interval.
    """

    files: dict[str, ArchiveFile] = field(default_factory=dict)
    histories: dict[str, tuple[ArchiveFile, ...]] = field(default_factory=dict)
    manifests: dict[str, Member] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)
    unknown: list[str] = field(default_factory=list)
    names: Names = BY_RULES
    ambiguous: dict[str, list[Pair]] = field(default_factory=dict)  # what names can mean, the pair taken first

    @classmethod
    def of(
        cls, path: str, members: Iterable[Member], head: Callable[[Member], bytes | None], names: Names = BY_RULES
    ) -> Contents:
        """Tell the members of the archive at ``path`` apart. Of a repeated name the last counts, as in any unzip.

        ``head`` tells how a member begins, None where nobody knows: many files are called like those of trades.
        ``names`` is what the exchange calls its pairs.
        """
        contents = cls(names=names)
        for member in members:
            if reason := contents._take(path, member, head):
                contents.ignored[reason] += 1
        return contents

    @property
    def counted(self) -> int:
        """How many OHLCVT files there are, those of pairs and intervals we do not know included."""
        return len(self.files) + self.ignored[OTHER_INTERVAL] + self.ignored[UNKNOWN_PAIR]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of the names."""
        notes = []
        if self.unknown:
            named = ", ".join(sorted(self.unknown)[:_NAMED]) + (", …" if len(self.unknown) > _NAMED else "")
            notes.append(f"{len(self.unknown)} files name no pair we know and are left out: {named}.")
        if self.ambiguous:
            examples = [
                f"{name} is taken for {first}, and may be {' or '.join(map(str, others))}"
                for name, (first, *others) in sorted(self.ambiguous.items())[:_NAMED]
            ]
            more = ", …" if len(self.ambiguous) > _NAMED else ""
            notes.append(
                f"{len(self.ambiguous)} names can be read in two ways ({'; '.join(examples)}{more}): a run that asks "
                "the exchange learns which is right, and renames what was stored under another name."
            )
        return tuple(notes)

    def _take(self, path: str, member: Member, head: Callable[[Member], bytes | None]) -> str:
        """Put a member where it belongs; the reason where it is left out."""
        name, base = member.name, member.name.rpartition("/")[2]
        if reason := _no_file(name, base):
            return reason
        if base == MANIFEST and not member.defect:
            self.manifests[name] = member
            return ""
        series = self._series(base)
        if series is None:
            return self._take_history(path, member, head)
        if isinstance(series, str):
            return series
        if member.defect:
            return member.defect
        repeated = name in self.files
        self.files[name] = ArchiveFile(path, name, series, member.size, member.stamp, member.entry)
        return "repeated member" if repeated else ""

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
        """Put a file of trades where it belongs; the reason where it is none. Its name alone says little."""
        name, base = member.name, member.name.rpartition("/")[2]
        if not is_history_name(base):
            return NO_CANDLES
        begins = b"" if member.defect else head(member)
        if begins is not None and not member.defect and not is_trading_history(begins):
            return NO_CANDLES
        try:
            pair = pair_of_history(base, self.names)
        except UnknownPairError:
            if not begins:
                return NO_CANDLES
            self.unknown.append(base)
            return UNKNOWN_TRADED_PAIR
        if member.defect:
            return member.defect
        self._look_at(base.rpartition(".")[0])
        repeated = name in self.histories
        self.histories[name] = tuple(
            ArchiveFile(path, name, Series(pair, i), member.size, member.stamp, member.entry, Source.TRADES)
            for i in INTERVALS
        )
        return "repeated member" if repeated else ""


def _no_file(name: str, base: str) -> str:
    """Why a member of this name is no file anybody wants; "" where it may be one."""
    folders = name.split("/")[:-1]
    if "__MACOSX" in folders or base.startswith("._") or base == ".DS_Store":
        return "macOS junk"
    if not base:
        return "folder entry"
    # Nothing is unpacked, so these could do no harm; but no honest archive has them, and names are printed.
    if name.startswith("/") or ".." in folders or "\\" in name or not name.isprintable():
        return "unsafe name"
    return ""
