"""Repeated trades: those of a page that were read before, and where the others belong among them (domain rule 4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import polars as pl

from kraken_core.domain.exchange import NS
from kraken_core.domain.trades import PAGE

Row = tuple[Any, ...]
_ID = list(PAGE).index("id")


def without_repeats(page: pl.DataFrame, read: pl.DataFrame) -> pl.DataFrame:
    """A page of trades without those that were read before (both PAGE).

    Distinguished by all fields of a trade, so that an id that is unknown or used twice is no matter; nor is one that is
    unknown in one answer, and known in another. Equal trades are as many as they are: each that was read counts for one
    of the page.
    """
    if read.is_empty() or page.is_empty():
        return page
    rows, left = page.rows(), Counter(read.rows())
    fresh = [True] * len(rows)
    for place, row in enumerate(rows):
        if row[_ID] and left[row]:
            left[row] -= 1
            fresh[place] = False
    known: Counter[Row] = Counter()
    unknown: Counter[Row] = Counter()
    for row, count in left.items():
        (known if row[_ID] else unknown)[_but_id(row)] += count
    # Those with an id first: they can be no other's than one without.
    for place in sorted((place for place in range(len(rows)) if fresh[place]), key=lambda place: not rows[place][_ID]):
        same = _but_id(rows[place])
        others = unknown if unknown[same] or rows[place][_ID] else known
        if others[same]:
            others[same] -= 1
            fresh[place] = False
    return page.filter(pl.Series(fresh, dtype=pl.Boolean))


def _but_id(row: Row) -> Row:
    return row[:_ID] + row[_ID + 1 :]


def restated(trades: pl.DataFrame, read: pl.DataFrame) -> pl.DataFrame:
    """The trades that have the id of one that was read at the last instant, and none of which is that (both PAGE).

    Within a second: farther apart, the numbering has begun again.
    """
    if read.is_empty():
        return trades.clear()
    near = trades.filter((pl.col("time") - read["time"][-1]).abs() < NS, pl.col("id") > 0)
    same = near.join(read, on=list(PAGE), how="semi")
    ids = set(read["id"].to_list()) - set(same["id"].to_list())
    return near.filter(pl.col("id").is_in(list(ids)))


def place_of(row: Row, rows: Sequence[Row], order: Sequence[Row]) -> int:
    """Where a trade belongs among others: of one instant, they are in the order of a page that has them all."""
    at = order.index(row)
    for before in reversed(order[:at]):
        if before[0] == row[0] and before in rows:
            return rows.index(before) + 1
    return next((place for place, other in enumerate(rows) if other[0] >= row[0]), len(rows))
