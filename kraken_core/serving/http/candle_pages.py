"""Candles in pages of so many slots, all of one version of the candle table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kraken_core.domain.errors import StoreError
from kraken_core.domain.interval_text import parse_length
from kraken_core.domain.market import INTERVALS
from kraken_core.domain.timerange import iso
from kraken_core.serving.http.answers import EndpointAnswer
from kraken_core.serving.http.candle_cursor import CandleCursor, CandleQuery
from kraken_core.serving.http.paging import ChangedError
from kraken_core.workbench.slot_document import incomplete_rows

if TYPE_CHECKING:
    import polars as pl

    from kraken_core.domain.market import Pair
    from kraken_core.workbench import Workbench
    from kraken_core.workbench.slot_reads import SlotPage


def candles(workbench: Workbench, given: Mapping[str, Any]) -> EndpointAnswer:
    """A page of candles, and whether they are complete.

    Raises IncompleteError where they have to be and are not, ChangedError where another page cannot be read as the
    first one was, UsageError.
    """
    pair, length, newest = workbench.pair(given["pair"]), parse_length(given["interval"]), workbench.version
    query = CandleQuery.of(pair, length, given)
    left = CandleCursor.parse(given["cursor"], query) if "cursor" in given else None
    if left is None:
        workbench.holdings.check_known(workbench.select(pairs=[pair]))
    start, end, version = left or (given.get("start"), given.get("end"), newest)
    is_newest = version == newest
    if version > newest or not (is_newest or length in INTERVALS):
        raise ChangedError("the candles have changed since the first page: begin again without a cursor.")
    if is_newest and (given["require_complete"] or "evidence" in given):
        if refused := workbench.incomplete(pair, length, start, end, evidence=given.get("evidence")):
            raise refused
        if workbench.version != newest:  # the claims may be of candles that are not in this version
            raise ChangedError("a job has changed the candles just now: try again.")
    span = workbench.first_slots(pair, length, start, end, given["limit"])
    read = _read(workbench, pair, length, span, version, vwap=given["vwap"])
    found = workbench.incomplete(pair, length, span.start, span.end) if is_newest else None
    is_known = workbench.version == version  # else claims may be of candles that are not in this version
    whole = {
        "pair": str(pair),
        "interval": length,
        "start": iso(span.start),
        "end": iso(span.end),
        "version": version,
        "complete": found is None if is_known else None,
        "missing": incomplete_rows(found) if is_known else [],
    }
    following = CandleCursor(span.following, span.last, version).text(query) if span.following else None
    return EndpointAnswer(whole, following, table=read)


def _read(workbench: Workbench, pair: Pair, interval: int, span: SlotPage, version: int, *, vwap: bool) -> pl.DataFrame:
    """The candles of a version. Raises ChangedError where an earlier one is not kept any more."""
    try:
        return workbench.candles(pair, interval, span.start, span.end, version=version, vwap=vwap, to="polars")
    except StoreError:
        if version == workbench.version:
            raise
        raise ChangedError(f"version {version} of the candles is not kept any more: begin again.") from None
