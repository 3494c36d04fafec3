"""What lies in an archive: which of it are candle files, and why the rest is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from kraken_core.domain.archives import ArchiveFile, ZipEntry, series_of
from kraken_core.domain.errors import UnknownPairError, UsageError
from kraken_core.domain.market import Series
from kraken_core.sources.manifest import MANIFEST

MAX_TEXT_BYTES = 2 << 30  # eight times the largest file known (XBTUSD_1: 4.6 M rows); a file is read whole
OTHER_INTERVAL = "another interval"
UNKNOWN_PAIR = "unknown pair"
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
    """An archive's members, told apart. ``ignored`` counts by reason; ``unknown`` are names that name no pair."""

    files: dict[str, ArchiveFile] = field(default_factory=dict)
    manifests: dict[str, Member] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)
    unknown: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, path: str, members: Iterable[Member]) -> Contents:
        """Tell the members of the archive at ``path`` apart. Of a repeated name the last counts, as in any unzip."""
        contents = cls()
        for member in members:
            if reason := contents._take(path, member):
                contents.ignored[reason] += 1
        return contents

    @property
    def counted(self) -> int:
        """How many OHLCVT files there are, those of pairs and intervals we do not know included."""
        return len(self.files) + self.ignored[OTHER_INTERVAL] + self.ignored[UNKNOWN_PAIR]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of the names."""
        if not self.unknown:
            return ()
        named = ", ".join(sorted(self.unknown)[:_NAMED]) + (", …" if len(self.unknown) > _NAMED else "")
        return (f"{len(self.unknown)} files name no pair we know and are left out: {named}.",)

    def _take(self, path: str, member: Member) -> str:
        """Put a member where it belongs; the reason where it is left out."""
        name, base = member.name, member.name.rpartition("/")[2]
        if reason := _no_file(name, base):
            return reason
        if base == MANIFEST and not member.defect:
            self.manifests[name] = member
            return ""
        series = self._series(base)
        if isinstance(series, str):
            return series
        if member.defect:
            return member.defect
        repeated = name in self.files
        self.files[name] = ArchiveFile(path, name, series, member.size, member.stamp, member.entry)
        return "repeated member" if repeated else ""

    def _series(self, base: str) -> Series | str:
        """The series that a base name states; the reason where it states none."""
        try:
            return series_of(base) or "no OHLCVT file"
        except UnknownPairError:
            self.unknown.append(base)
            return UNKNOWN_PAIR
        except UsageError:
            return OTHER_INTERVAL


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
