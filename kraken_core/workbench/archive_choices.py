"""Sources that a page may name: those of the settings, and the archives in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from glob import escape
from pathlib import Path

from kraken_core.domain.errors import SourceError
from kraken_core.settings import Settings
from kraken_core.sources.addresses import is_url
from kraken_core.sources.folders import folders

DOWNLOADS = (
    "https://support.kraken.com/hc/en-us/articles/"
    "360047124832-Downloadable-historical-OHLCVT-Open-High-Low-Close-Volume-Trades-data"
)
_QUARTERLY = re.compile(r"Kraken_OHLCVT_Q[1-4]_20\d\d\.zip")


def offered(settings: Settings) -> list[str]:
    """The places, as requests name them: no other file or folder can be read, or be seen to exist, by choosing of it.

    First those of ``csv_source_dirs`` and the archives in their folders, behind no link; last where Kraken publishes
    archives. What is not there, or cannot be read, is left out.
    """
    places = dict.fromkeys(place for named in settings.csv_source_dirs for place in _within(named))
    return [*places, *([settings.archives_url] if settings.archives_url else [])]


def unreadable_sources(settings: Settings) -> list[str]:
    """What is wrong with the places that ``csv_source_dirs`` names, a line each: those that lack or cannot be read.

    Addresses are not looked at: that would take a request.
    """
    return [problem for named in settings.csv_source_dirs if not is_url(named) and (problem := _problem(named))]


def download_address(settings: Settings, archive: str) -> str:
    """Where to get an archive that a gap names: its file, or the page on which Kraken lists its archives.

    A quarter's release has an address of its own under ``archives_url``. A full one may be in parts, of which nobody
    knows without a request; and a name that no release has is never part of an address.
    """
    if settings.archives_url and _QUARTERLY.fullmatch(archive):
        return f"{settings.archives_url.rstrip('/')}/{archive}"
    return DOWNLOADS


def _problem(named: str) -> str:
    path = Path(named).expanduser().absolute()
    try:
        if not path.exists() and not any(path.parent.glob(f"{escape(path.name)}.part*")):
            return (
                f"csv_source_dirs names {named}, which does not exist: no candle is read from it. Correct the setting."
            )
        if path.is_dir():
            folders(path)
    except (OSError, SourceError) as error:
        return f"csv_source_dirs names {named}, which cannot be read: {error}"
    return ""


def _within(named: str) -> Iterator[str]:
    if is_url(named):
        yield named
        return
    root = Path(named).expanduser().absolute()
    try:
        found = folders(root) if root.is_dir() else []
    except (OSError, SourceError):
        return
    if root.exists():
        yield str(root)
    for folder in found:
        yield from sorted({str(folder.path), *(part for path in folder.zips for part in _zip(path))} - {str(root)})


def _zip(path: Path) -> list[str]:
    """The zip itself, or the first of its parts."""
    return [str(path)] if path.exists() else sorted(map(str, path.parent.glob(f"{escape(path.name)}.part*")))[:1]
