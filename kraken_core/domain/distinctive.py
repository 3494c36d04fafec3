"""Which candles are so many and so different that no two pairs have the same ones by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_TRADES = 24  # each of its own size, to eight decimals: two pairs never traded alike so often
_HEAD = 64  # candles that show it: with so many volumes, there are as many trades at least


def distinctive(candles: pl.DataFrame) -> bool:
    """Whether another pair can't have these very candles by chance.

    Few trades can be equal, as can many of one size. So trades count, of candles that differ in volume: one of a source
    that does not count them is at least one.
    """
    head = candles.head(_HEAD)
    by_volume = dict(zip(head["volume"].to_list(), head["trades"].to_list(), strict=True))
    return sum(trades or 1 for trades in by_volume.values()) >= _TRADES
