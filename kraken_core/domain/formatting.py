"""Values as people read them: on a terminal, on a page, in a message. One way for each, everywhere."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
_UNITS = (("d", DAY_S, HOUR_S, "h"), ("h", HOUR_S, MINUTE_S, "min"), ("min", MINUTE_S, 1, "s"))


def percent(share: float) -> str:
    """A share of one as a percentage; 100 % only where nothing is missing, 0 % only where nothing is there."""
    value = 100 * share
    if 0 < value < 0.01:  # noqa: PLR2004 - the last digit shown
        return "< 0.01 %"
    if 99.99 < value < 100:  # noqa: PLR2004 - likewise
        return "> 99.99 %"
    return f"{value:.0f} %" if value in {0, 100} else f"{value:.2f} %"


def whole_percent(share: float) -> str:
    """A share of one in whole percent, where there is no room for more; as in :func:`percent`, 100 and 0 are exact."""
    if 0 < share < 0.01:  # noqa: PLR2004 - the last digit shown
        return "< 1 %"
    return "100 %" if share == 1 else f"{min(int(100 * share + 1e-9), 99)} %"


def byte_size(number: float) -> str:
    """Bytes: 512 B, 1.5 MB, 79.1 GB."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= scale:
            return f"{number / scale:,.1f} {unit}"
    return f"{number:,.0f} B"


def duration(seconds: float) -> str:
    """A length of time by its two largest units: 42 s, 3 min 20 s, 5 h 12 min, 1,234 d 3 h."""
    whole = round(seconds)
    for unit, size, below, name in (
        ("d", DAY_S, HOUR_S, "h"),
        ("h", HOUR_S, MINUTE_S, "min"),
        ("min", MINUTE_S, 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size:,} {unit} {rest} {name}" if rest else f"{whole // size:,} {unit}"
    return f"{whole} s"


def instant(at: int | datetime) -> str:
    """An instant in UTC: 2024-01-31 12:00, with seconds only where there are any."""
    when = at.astimezone(UTC) if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    return f"{when:%Y-%m-%d %H:%M:%S}" if when.second else f"{when:%Y-%m-%d %H:%M}"


def decimals(number: float) -> int:
    """How many decimals a price or a volume has: 8 of 0.00001188, none of 100.

    Of the fifteen digits that a float surely keeps: a volume that was added up has noise behind them.
    """
    exponent = Decimal(f"{number:.15g}").normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def plain_number(number: float) -> str:
    """A price or a volume with all its digits, and without an exponent: 69,420.1, 0.00001188."""
    return f"{number:,.{decimals(number)}f}"
