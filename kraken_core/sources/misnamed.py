"""Why a file that lies in an archive is none of its files of candles or trades, and what would make it one."""

from __future__ import annotations

import re

from kraken_core.domain.errors import UnknownPairError
from kraken_core.domain.market import Pair
from kraken_core.sources.split import whole_name

NO_CANDLES = "no file of candles or trades"
PACKED = "packed: unpack it first"
UNFINISHED = "unfinished download: get it again"
COPY = "named like a copy: rename it to PAIR_MINUTES.csv to have it read"
MISNAMED = "not named PAIR_MINUTES.csv: rename it to have it read"

_PACKED = re.compile(r".+\.(?:gz|tgz|bz2|xz|zst|lz4|br|z|7z|rar|tar|zip|z\d\d|(?:zip|7z)\.\d{3})", re.IGNORECASE)
_UNFINISHED = re.compile(r".+\.(?:crdownload|part|partial|download|opdownload|aria2|tmp)", re.IGNORECASE)
_COPY = re.compile(
    r"(?:copy(?: \(\d+\))? of )?([A-Z0-9.]{5,})(?:_\d{1,9})?"
    r"(?: ?\(\d+\)|(?: ?-|[ _.])? ?copy(?: ?\(?\d+\)?)?|~\d*)?\.csv",
    re.ASCII | re.IGNORECASE,
)
_ALMOST = re.compile(
    r"([A-Z0-9.]{5,}?)[ _-]*(?<![0-9])\d{1,6} ?(?:m|min|mins|minutes|h|hour|hours|d|day|days|w)?\.(?:csv|txt|tsv|dat)",
    re.ASCII | re.IGNORECASE,
)


def why_not(name: str) -> str:
    """The reason for a base name that is not like those of candles or of trades."""
    if _PACKED.fullmatch(name) or whole_name(name):
        return PACKED
    if _UNFINISHED.fullmatch(name):
        return UNFINISHED
    for like, reason in ((_COPY, COPY), (_ALMOST, MISNAMED)):
        if (match := like.fullmatch(name)) and _is_pair(match[1]):
            return reason
    return NO_CANDLES


def _is_pair(text: str) -> bool:
    try:
        Pair.parse(text)
    except UnknownPairError:
        return False
    return True
