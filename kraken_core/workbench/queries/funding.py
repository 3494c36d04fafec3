"""Funding rates that are stored, and which hours are missing, as frames and rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from kraken_core.domain.candles import TIME
from kraken_core.domain.funding import HOUR_S, FundingCoverage, FundingRate, FundingUpdate
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import iso
from kraken_core.ports import FundingLedger


def funding_frame(found: Iterable[FundingRate]) -> pl.DataFrame:
    """Funding rates as a frame: time (UTC), absolute, relative."""
    frame = pl.DataFrame(list(found), {"time": pl.Int64, "absolute": pl.Float64, "relative": pl.Float64}, orient="row")
    return frame.with_columns((pl.col("time") * 1_000_000).cast(TIME))


def funding_coverage(ledger: FundingLedger, pairs: Iterable[Pair]) -> list[FundingCoverage]:
    """What is stored of each of the perpetuals; those without a rate are left out."""
    times = {pair: [rate.time for rate in ledger.funding_rates(pair)] for pair in pairs}
    return [FundingCoverage.of(pair, found) for pair, found in times.items() if found]


def funding_rows(found: Iterable[FundingCoverage], updates: Iterable[FundingUpdate] = ()) -> list[dict[str, Any]]:
    """A row a perpetual, as in ``funding-rates --json``; of those that were updated with what came of it."""
    stored, updated = {each.pair: each for each in found}, {each.pair: each for each in updates}
    rows = []
    for pair in sorted({*stored, *updated}):
        row: dict[str, Any] = {"pair": str(pair), "start": None, "end": None, "rates": 0, "missing": 0, "gaps": []}
        if of := stored.get(pair):
            gaps = [{"start": iso(start), "end": iso(end)} for start, end in of.missing]
            missing = of.missing.seconds // HOUR_S
            row |= {"start": iso(of.hours.start), "end": iso(of.hours.end), "rates": of.rates}
            row |= {"missing": missing, "gaps": gaps}
        if update := updated.get(pair):
            row |= {**update.recorded._asdict(), "skipped": [*update.skipped], "problem": update.problem or None}
        rows.append(row)
    return rows
