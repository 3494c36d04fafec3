"""Facts about names, and days of candles under each, in as few letters as there can be."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import NamedTuple

import polars as pl

from kraken_core.domain.candles import SCHEMA
from kraken_core.domain.identities import Alias, Distinct, Fact, Identities, Renaming, Reuse
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges
from kraken_core.ports import PairRecord
from kraken_core.workbench.queries.candles import Reading
from kraken_core.workbench.queries.renames import RenamedReading
from tests.support.candle_frames import Row, frame

DAY = 86_400
DAYS = 10  # of the market of every case
KNOWN = Fact("a source", "2026-11-28", certain=True)
EVER = TimeRange(0, END_OF_TIME)


class Piece(NamedTuple):
    """Days of a joined series, both ends included, that are of one ticker."""

    ticker: str
    first: int
    last: int
    factor: Fraction = Fraction(1)


def a_rename(old: str, new: str, on: int, new_per_old: int | Fraction = 1) -> Renaming:
    return Renaming(old, new, on * DAY, Fraction(new_per_old), KNOWN)


def facts(text: str) -> Identities:
    """``A>B@5``: renamed on day 5; ``A>B@5*24``: 24 for one; ``A!5``: A given to another asset; ``A=B``: an alias."""
    renamings, reuses, aliases, distinct = [], [], [], []
    for word in text.split():
        if ">" in word:
            names, _, when = word.partition("@")
            old, new = names.split(">")
            on, _, ratio = when.partition("*")
            renamings.append(a_rename(old, new, int(on), Fraction(ratio or 1)))
        elif "!" in word:
            ticker, on = word.split("!")
            reuses.append(Reuse(ticker, int(on) * DAY, KNOWN))
        elif "=" in word:
            name, of = word.split("=")
            aliases.append(Alias(name, of, KNOWN))
        else:
            distinct.append(Distinct(tuple(word.split("|")), KNOWN))
    return Identities(tuple(renamings), tuple(reuses), tuple(aliases), tuple(distinct))


class Stored:
    """A candle table, and what a ledger knows of it: no more than joining needs."""

    version = 1

    def __init__(self, market: Mapping[str, Collection[int]], minutes: int = 1440, quote: str = "USD") -> None:
        self.held = {Series(Pair(ticker, quote), minutes): sorted(days) for ticker, days in market.items()}
        self.frame = frame(
            Row(series, day, price(series.pair.base, day)) for series, days in self.held.items() for day in days
        )

    def candles(self, ranges: Mapping[Series, TimeRanges], columns: Collection[str] = SCHEMA) -> pl.DataFrame:
        found = [
            self.frame.filter(
                pl.col("pair") == str(series.pair),
                pl.col("interval_minutes") == series.interval,
                pl.col("time").dt.epoch("s").is_between(*span, closed="left"),
            )
            for series, spans in ranges.items()
            for span in spans
        ]
        return pl.concat([self.frame.clear(), *found])

    def count(self, ranges: Mapping[Series, TimeRanges]) -> dict[Series, list[int]]:
        return {
            s: [self.candles({s: TimeRanges.single(*span)}).height for span in spans] for s, spans in ranges.items()
        }

    def pairs(self) -> list[PairRecord]:
        return [PairRecord(series.pair, None, ()) for series in self.held]


def price(ticker: str, day: int) -> float:
    """Another one for every ticker and day."""
    return 1000.0 * (ord(ticker[0]) - ord("A") + 1) + day + 1


def reading(identities: Identities, stored: Stored) -> RenamedReading:
    return RenamedReading(Reading(stored, stored), stored, identities)  # type: ignore[arg-type] # as much as is read


def joined(
    identities: Identities, stored: Stored, asked: str, window: TimeRange = EVER
) -> list[tuple[int, str, float]]:
    """Day, origin and close of every row."""
    read = reading(identities, stored).candles(
        Pair(asked, "USD"), 1440, window, fill=False, partial=False, version=None
    )
    assert read["time"].is_sorted()
    assert read["time"].is_unique().all()
    assert set(read["pair"]) <= {f"{asked}/USD"}
    return [
        (at // DAY, origin.removesuffix("/USD"), close)
        for at, origin, close in read.select(pl.col("time").dt.epoch("s"), "origin", "close").iter_rows()
    ]


def rows(pieces: Collection[Piece], market: Mapping[str, Collection[int]]) -> list[tuple[int, str, float]]:
    return [
        (day, piece.ticker, price(piece.ticker, day) * float(piece.factor))
        for piece in pieces
        for day in range(piece.first, piece.last + 1)
        if day in market.get(piece.ticker, ())
    ]
