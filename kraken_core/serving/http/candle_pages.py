"""Candles in pages of so many slots, all of one version of the candle table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kraken_core.domain.errors import StoreError, UsageError
from kraken_core.domain.interval_text import parse_length
from kraken_core.domain.market import INTERVALS
from kraken_core.domain.timerange import END_OF_TIME, iso
from kraken_core.serving.http.answers import EndpointAnswer
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
    pair, length = workbench.pair(given["pair"]), parse_length(given["interval"])
    before, newest = given.get("cursor"), workbench.version
    start, version = map(int, before.split("-")) if before else (None, newest)
    if start is not None and start >= END_OF_TIME:
        raise UsageError("this cursor is not one of ours: begin again without one.")
    is_newest = version == newest
    if version > newest or not (is_newest or length in INTERVALS):
        raise ChangedError("the candles have changed since the first page: begin again without a cursor.")
    if not before and (given["require_complete"] or "evidence" in given):
        limits = {name: given.get(name) for name in ("start", "end", "evidence")}
        if refused := workbench.incomplete(pair, length, **limits):
            raise refused
        if workbench.version != newest:  # the claims may be of candles that are not in this version
            raise ChangedError("a job has changed the candles just now: try again.")
    begin = given.get("start") if start is None else start
    span = workbench.first_slots(pair, length, begin, given.get("end"), given["limit"])
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
    return EndpointAnswer(whole, f"{span.following}-{version}" if span.following else None, table=read)


def _read(workbench: Workbench, pair: Pair, interval: int, span: SlotPage, version: int, *, vwap: bool) -> pl.DataFrame:
    """The candles of a version. Raises ChangedError where an earlier one is not kept any more."""
    try:
        return workbench.candles(pair, interval, span.start, span.end, version=version, vwap=vwap, to="polars")
    except StoreError:
        if version == workbench.version:
            raise
        raise ChangedError(f"version {version} of the candles is not kept any more: begin again.") from None
