"""Text of one-minute OHLCVT files, and how it is read."""

from __future__ import annotations

from kraken_core.domain.ohlcvt import Parsed, parse_any, parse_clean
from kraken_core.domain.timerange import TimeRanges
from tests.support.ranges import from_slots

START = 1_704_067_200  # 2024-01-01
NOW = START + 365 * 86_400
MINUTE = 60
GOOD = "42284.9,42301.5,42250.0,42299.9,1.25,7"  # all but the time
CANDLE = (42284.9, 42301.5, 42250.0, 42299.9, 1.25, 7)


def row(slot: int, values: str = GOOD) -> str:
    """A row of a one-minute file, so many minutes after START."""
    return f"{START + slot * MINUTE},{values}"


def text_of(*rows: str) -> bytes:
    return "".join(f"{line}\n" for line in rows).encode()


def read(*rows: str) -> Parsed:
    return parse_any(text_of(*rows), 1, NOW)


def hour_row(slot: int, values: str = GOOD) -> str:
    """A row of a one-hour file, so many hours after START."""
    return f"{START + slot * 3600},{values}"


def slots(parsed: Parsed) -> list[int]:
    """The slots of the candles taken, in minutes after START."""
    return [(time - START) // MINUTE for time in parsed.candles["time"]]


def at(*minutes: int) -> TimeRanges:
    return from_slots((START + minute * MINUTE for minute in minutes), MINUTE)


def takes_the_fast_way(text: bytes, interval: int = 1) -> bool:
    return parse_clean([text], interval, NOW) is not None
