"""Intervals beyond the archives' eight, and which of the eight each is made of when candles are read."""

from __future__ import annotations

import re

from kraken_core.domain.errors import UsageError
from kraken_core.domain.interval_units import MINUTES, short
from kraken_core.domain.market import INTERVALS

__all__ = ["LONGEST", "bases", "parse_interval", "parse_length", "short"]

_LENGTH = re.compile(r"([1-9][0-9]{0,6})([mhdw]?)")
LONGEST = 366 * 1440  # minutes; longer slots, aligned to the epoch, are no calendar's years


def parse_length(text: int | str) -> int:
    """Minutes of a slot: 60 and ``60``, ``2h``, ``3d``, ``1w``. Raises UsageError for anything else."""
    found = _LENGTH.fullmatch(str(text).strip().lower())
    minutes = int(found[1]) * MINUTES[found[2]] if found else 0
    if not 0 < minutes <= LONGEST:
        raise UsageError(f"{text!r} is not an interval: write minutes, such as 60, or 2h, 3d, 1w, up to a year.")
    return minutes


def parse_interval(text: int | str) -> int:
    """One of the archives' eight intervals, minutes: 60, ``60`` or ``1h``. Raises UsageError for any other."""
    if _LENGTH.fullmatch(str(text).strip().lower()) and (minutes := parse_length(text)) in INTERVALS:
        return minutes
    known = ", ".join(map(short, INTERVALS))
    raise UsageError(
        f"{text!r} is not an interval of the archives: choose from {known}, or minutes such as 60 (others are made "
        "when read)."
    )


def bases(minutes: int) -> list[int]:
    """The archives' intervals that divide such a slot, coarsest first: the fewer candles, the quicker it is made."""
    return [interval for interval in reversed(INTERVALS) if minutes % interval == 0]
