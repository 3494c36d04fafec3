"""Archives written row by row, where what matters is which rows there are."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path

from kraken_core.domain.timerange import day_start

HOUR, DAY = 3600, 86_400


def day(text: str) -> int:
    """Midnight UTC, epoch seconds."""
    return day_start(date.fromisoformat(text))


def candles(slots: Iterable[int], volume: float = 2.0) -> bytes:
    """A row for each slot (epoch seconds)."""
    return "".join(f"{slot},100,110,90,105,{volume},7\n" for slot in slots).encode()


def slots(first: str, end: str, width: int = HOUR) -> range:
    """Every slot from one day up to another."""
    return range(day(first), day(end), width)


def folder(path: Path, files: Mapping[str, bytes], dated: str = "") -> Path:
    """A folder of files, last changed on a day where one is given."""
    for name, text in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text)
        if dated:
            os.utime(file, (day(dated), day(dated)))
    return path


def zipped(path: Path, files: Mapping[str, bytes], dated: str = "2026-08-01") -> Path:
    """A zip of files that were last changed on a day."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, datetime.fromisoformat(dated).timetuple()[:6])
            out.writestr(entry, text, zipfile.ZIP_DEFLATED)
    return path
