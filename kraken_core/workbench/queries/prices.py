"""Stored values that are odd, found by reading the candles of a selection; nothing of it is kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import polars as pl

from kraken_core.domain.candles import TIME
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.prices.findings import PriceFinding
from kraken_core.domain.request import Selection
from kraken_core.domain.timerange import END_OF_TIME
from kraken_core.domain.verification.known_pair import known_pairs
from kraken_core.pipeline.pieces import pieces
from kraken_core.pipeline.prices import PriceChecks, PriceRules
from kraken_core.ports import no_progress
from kraken_core.workbench.queries.holdings import Holdings
from kraken_core.workbench.queries.incidents import frame_of

PRICE_FINDINGS: dict[str, Any] = {
    "pair": pl.String,
    "interval": pl.Int32,
    "start": TIME,
    "end": TIME,
    "kind": pl.String,
    "expected": pl.Float64,
    "stored": pl.Float64,
    "evidence": pl.String,
}
FLAGS = "flags"


class PriceQuery(NamedTuple):
    """Runs the checks on values that ``verify`` has; of a large pair some days at a time are in memory."""

    holdings: Holdings
    rules: PriceRules

    def of(self, selection: Selection) -> list[PriceFinding]:
        """What is odd about stored values of the selection, by series and time.

        What is usual of a series is judged by its candles in the selection.
        """
        ledger, store = self.holdings.ledger, self.holdings.store
        series, window = self.holdings.known(selection), selection.window(END_OF_TIME)
        lives = {record.pair: record.lives for record in ledger.pairs()}
        pairs = known_pairs(Knowledge(lives, ledger.assertions({each.pair for each in series})), series, window)
        checks = PriceChecks(self.rules)
        for piece in pieces(store, pairs, window, no_progress):
            checks.add(piece)
        checks.quotes(store, lives, pairs, window)
        return checks.findings


def price_finding_frame(found: Iterable[PriceFinding]) -> pl.DataFrame:
    """Findings as a frame: columns of PRICE_FINDINGS."""
    return frame_of(((str(f.series.pair), f.series.interval, *f[1:]) for f in found), PRICE_FINDINGS)


def flagged(candles: pl.DataFrame, found: Iterable[PriceFinding]) -> pl.DataFrame:
    """Candles of one interval with a column ``flags``: the kinds of findings on each, by name, null where none."""
    spans = [(str(f.series.pair), f.start, f.end, f.kind.value, f.series.width) for f in found]
    names = [(pair, at, kind) for pair, start, end, kind, width in spans for at in range(start, end, width)]
    flags = (
        pl.DataFrame(names, schema={"pair": pl.String, "at": pl.Int64, "kind": pl.String}, orient="row")
        .unique()
        .sort("kind")
        .group_by("pair", "at")
        .agg(pl.col("kind").str.join(", ").alias(FLAGS))
        .with_columns(time=pl.from_epoch("at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
        .drop("at")
    )
    return candles.join(flags, on=["pair", "time"], how="left", maintain_order="left")
