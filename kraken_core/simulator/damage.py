"""What happens to files on their way: damage done to the text of an archive's file, on demand (domain rule 4, Doubt).

Every damage is one that a reader can notice in the file itself. Two kinds that no reader can are left out: a file that
ends early behind a whole row, and a lost block whose torn ends join to a row that reads well. Those are found by
comparing a series with another interval of its pair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto
from random import Random

ROW_FIELDS = 7
BLOCK_BYTES = 4096  # what file systems and disks lose at once
_LEAST_ROWS = 6  # of a file that there is something to damage in


class DamageKind(Enum):
    """What befalls a file."""

    TORN = auto()  # it ends within a row
    ZEROED = auto()  # a block of it is zeros
    LOST = auto()  # a block of it is gone, and what is left on both sides is one row now
    GLUED = auto()  # its own rows follow once more behind it, without a line end between
    SWAPPED = auto()  # two stretches of rows changed places
    REPEATED = auto()  # a stretch of rows is there twice
    CONTRADICTED = auto()  # one row is there twice, the first time unfinished
    HEADED = auto()  # a header in the middle


def damaged(text: bytes, damage: DamageKind, seed: int) -> bytes:
    """The text of an OHLCVT file after a damage; the same seed does the same. Files of a few rows stay as they are."""
    rows = text.splitlines(keepends=True)
    if len(rows) < _LEAST_ROWS:
        return text
    return b"".join(_DONE[damage](rows, Random(f"{seed} {damage.name}")))


def _torn(rows: Sequence[bytes], chance: Random) -> Sequence[bytes]:
    last = chance.randrange(1, len(rows))
    return [*rows[:last], rows[last][: chance.randrange(1, len(rows[last]) - 1)]]


def _zeroed(rows: Sequence[bytes], chance: Random) -> Sequence[bytes]:
    text = b"".join(rows)
    size = chance.randrange(1, min(BLOCK_BYTES, len(text) // 2))
    start = chance.randrange(len(text) - size)
    return [text[:start], bytes(size), text[start + size :]]


def _lost(rows: Sequence[bytes], chance: Random) -> Sequence[bytes]:
    first = chance.randrange(1, len(rows) - 2)
    last = chance.randrange(first + 1, len(rows))
    head, tail = rows[first].split(b","), rows[last].split(b",")
    kept = chance.randrange(1, ROW_FIELDS)
    behind = chance.choice(
        [count for count in range(1, ROW_FIELDS) if kept + count not in {ROW_FIELDS, ROW_FIELDS + 1}]
    )
    return [*rows[:first], b",".join([*head[:kept], *tail[-behind:]]), *rows[last + 1 :]]


def _glued(rows: Sequence[bytes], chance: Random) -> Sequence[bytes]:
    again = chance.randrange(1, len(rows))
    return [*rows[:-1], rows[-1].rstrip(), *rows[again:]]


def _swapped(rows: Sequence[bytes], chance: Random) -> Sequence[bytes]:
    cut = chance.randrange(1, len(rows))
    return [*rows[cut:], *rows[:cut]]


def _repeated(rows: Sequence[bytes], chance: Random) -> Sequence[bytes]:
    cut = chance.randrange(1, len(rows))
    return [*rows[:cut], *rows[chance.randrange(cut) :]]


def _contradicted(rows: Sequence[bytes], chance: Random) -> Sequence[bytes]:
    place = chance.randrange(len(rows))
    time, first, *_, volume, trades = rows[place].split(b",")
    unfinished = b",".join([time, first, first, first, first, volume, b"%d\n" % (int(trades) + 1)])
    return [*rows[:place], unfinished, *rows[place:]]


def _headed(rows: Sequence[bytes], chance: Random) -> Sequence[bytes]:
    place = chance.randrange(1, len(rows))
    return [*rows[:place], b"timestamp,open,high,low,close,volume,trades\n", *rows[place:]]


_DONE: dict[DamageKind, Callable[[Sequence[bytes], Random], Sequence[bytes]]] = {
    DamageKind.TORN: _torn,
    DamageKind.ZEROED: _zeroed,
    DamageKind.LOST: _lost,
    DamageKind.GLUED: _glued,
    DamageKind.SWAPPED: _swapped,
    DamageKind.REPEATED: _repeated,
    DamageKind.CONTRADICTED: _contradicted,
    DamageKind.HEADED: _headed,
}
