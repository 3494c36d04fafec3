"""Whole files that are not what they seem: rows of another interval than named, values of another vintage.

Both befall the text of an archive's file, on demand (domain 1.1, Vintages; domain rule 4, Doubt).
"""

from __future__ import annotations

from random import Random

MOST_VOLUME_OFF = 0.0025  # as the release of 2023Q2 is
_CHANGED = 0.5  # of the rows
_SHOWING_ROWS = 32  # that all open at the start of coarser slots are no chance, at whichever of the eight intervals …
_SHOWING_TRADES = 2.0  # … where so many trades a row are in them
_INSIDE = 2  # rows inside of its slots show that a file is of a finer interval


def shows_its_interval(text: bytes, interval: int, named: int) -> bool:
    """Whether a file of an interval (minutes) shows by its rows alone that it is none of ``named``."""
    rows = [line.split(b",") for line in text.splitlines()]
    if interval < named:
        return sum(int(row[0]) % (named * 60) > 0 for row in rows) >= _INSIDE
    trades = sum(int(row[-1]) for row in rows)
    return interval > named and len(rows) >= _SHOWING_ROWS and trades >= _SHOWING_TRADES * len(rows)


def revintaged(text: bytes, seed: int) -> bytes:
    """The text of an OHLCVT file as of another vintage.

    Prices and times are the same; of half the rows the volume is off by up to 0.25 %, and a trade more or less counted.
    """
    chance = Random(seed)
    return b"".join(_other(line, chance) for line in text.splitlines(keepends=True))


def _other(line: bytes, chance: Random) -> bytes:
    if chance.random() >= _CHANGED:
        return line
    *prices, volume, trades = line.split(b",")
    other = float(volume) * (1 + chance.uniform(-MOST_VOLUME_OFF, MOST_VOLUME_OFF))
    count = max(1, int(trades) + chance.choice((-1, 0, 1)))
    return b",".join([*prices, repr(other).encode(), b"%d\n" % count])
