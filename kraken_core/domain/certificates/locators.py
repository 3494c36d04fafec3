"""Locators: sixteen bytes a part of a month, which name the one candle that differs without a hash for each.

A part is 1,440 slots, counted from the month's first; a month of no more than 1,440 candles is one part. Every candle
has a checksum of 64 bits over its values. A locator is the sum of the checksums of a part's candles, and the sum of
each times the number of its slot in the part, both modulo 2**64. Where a single candle is another, is missing or is too
many, the two sums differ by c and by c times its slot, so that the second over the first is the slot. Where several
differ, the quotient is nonsense (but by a chance of 1 in 2**48), and only the part is known. That anything differs at
all is never left to these: a month has a SHA-256.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Sums = NDArray[np.uint64]

PART_SLOTS = 1_440
_MOST_SLOTS = 31 * 1_440  # of a month, of minutes
LOCATOR_BYTES = 16  # two sums of 64 bits, little-endian
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)
_ROWS_AT_ONCE = 1 << 15  # what stays in a processor's cache
_MODULUS = 1 << 64


class Stretches(NamedTuple):
    """Months of a frame: rows ``begins`` up to ``ends``; when each month begins, and how many parts it has."""

    begins: Ints
    ends: Ints
    first_slots: Ints
    parts: Ints


def parts_of(days: Ints, interval: int, candles: Ints) -> Ints:
    """How many parts months of so many days and candles have, at an interval in minutes."""
    slots = -(-days * 1_440 // interval)
    parts: Ints = np.where(candles > PART_SLOTS, -(-slots // PART_SLOTS), 1)
    return parts


def locators(columns: Sequence[NDArray[Any]], months: Stretches, width: int) -> Sums:
    """The locators of all months of a frame, one row a part; those of parts without a candle are zero.

    The first column is when candles open, and ``width`` the length of a slot in the same unit.
    """
    begins, ends, first_slots, parts = months
    found = np.zeros((int(parts.sum()), 2), dtype="<u8")
    if not len(begins):
        return found
    lengths = ends - begins
    slots = (columns[0] - np.repeat(first_slots, lengths)) // width
    whole = np.repeat(parts == 1, lengths)
    parted = np.where(whole, 0, slots // PART_SLOTS)
    places = np.repeat(np.cumsum(parts) - parts, lengths) + parted
    starts = np.append(0, np.flatnonzero(places[1:] != places[:-1]) + 1)
    sums = _checksums(columns)
    found[places[starts], 0] = np.add.reduceat(sums, starts)
    sums *= (slots - parted * PART_SLOTS).astype(np.uint64)
    found[places[starts], 1] = np.add.reduceat(sums, starts)
    return found


def first_difference(ours: bytes, theirs: bytes) -> tuple[int, int | None] | None:
    """The first slot of the first part that differs, and the slot where one candle alone does, both of the month.

    None where no part differs. Of months in another number of parts, as one has more candles, both are taken whole.
    """
    mine, other = (_parts(each) for each in (ours, theirs))
    if len(mine) != len(other):
        mine, other = [_joined(mine)], [_joined(other)]
    most = PART_SLOTS if len(mine) > 1 else _MOST_SLOTS
    for part, (one, two) in enumerate(zip(mine, other, strict=True)):
        if one != two:
            by_sum, by_slot = ((b - a) % _MODULUS for a, b in zip(one, two, strict=True))
            slot = _slot(by_sum, by_slot, most)
            return part * PART_SLOTS, None if slot is None else part * PART_SLOTS + slot
    return None


def _parts(locators: bytes) -> list[tuple[int, int]]:
    sums = np.frombuffer(locators, dtype="<u8").tolist()
    return list(zip(sums[::2], sums[1::2], strict=True))


def _joined(parts: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The locator of a month as one part; of no candles, that of nothing."""
    by_slot = sum(times + number * PART_SLOTS * plain for number, (plain, times) in enumerate(parts))
    return sum(plain for plain, _ in parts) % _MODULUS, by_slot % _MODULUS


def _slot(by_sum: int, by_slot: int, most: int) -> int | None:
    """The slot that times ``by_sum`` is ``by_slot``, if that is one of so many."""
    twos = (by_sum & -by_sum).bit_length() - 1
    if not by_sum or by_slot % (1 << twos):
        return None
    modulus = _MODULUS >> twos
    slot = (by_slot >> twos) * pow(by_sum >> twos, -1, modulus) % modulus
    return slot if slot < min(most, modulus) else None


def _checksums(columns: Sequence[NDArray[Any]]) -> Sums:
    """A checksum of each row: for every value, in order, (sum xor value) times a factor, xor itself shifted by 32."""
    rows = len(columns[0])
    sums: Sums = np.zeros(rows, dtype=np.uint64)
    for begin in range(0, rows, _ROWS_AT_ONCE):
        some = sums[begin : begin + _ROWS_AT_ONCE]
        shifted = np.empty_like(some)
        for column in columns:
            part = column[begin : begin + _ROWS_AT_ONCE]
            some ^= part.view(np.uint64) if part.itemsize == some.itemsize else part.astype(np.int64).view(np.uint64)
            some *= _FACTOR
            np.right_shift(some, _SHIFT, out=shifted)
            some ^= shifted
    return sums
