"""How an interval is written for people: 1m, 5m, 1h, 1d. JSON, SQL and file names have minutes."""

from __future__ import annotations

MINUTES = {"": 1, "m": 1, "h": 60, "d": 1440, "w": 10_080}  # in each unit; a bare number is minutes


def short(minutes: int) -> str:
    """As people and other tools write it: 5m, 1h, 1d, 1w."""
    unit = next(unit for unit in ("w", "d", "h", "m") if minutes % MINUTES[unit] == 0)
    return f"{minutes // MINUTES[unit]}{unit}"
