"""Candles in pages of so many slots, all of one version of the candle table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from kraken_core.domain.errors import StoreError, UsageError
from kraken_core.domain.interval_text import parse_length
from kraken_core.domain.market import INTERVALS
from kraken_core.domain.timerange import ceil, floor, iso
from kraken_core.serving.http.answers import EndpointAnswer
from kraken_core.serving.http.paging import ChangedError
from kraken_core.workbench.slot_document import incomplete_rows

if TYPE_CHECKING:
    import polars as pl

    from kraken_core.domain.market import Pair
    from kraken_core.workbench import Workbench


class _Span(NamedTuple):
    """The slots of a page ``[start, end)``, epoch seconds, and where the last one ends."""

    start: int
    end: int
    whole_end: int

    @property
    def is_last(self) -> bool:
        """Whether no page follows."""
        return self.end >= self.whole_end


def candles(workbench: Workbench, given: Mapping[str, Any]) -> EndpointAnswer:
    """A page of candles, and whether they are complete.

    Raises IncompleteError where they have to be and are not, ChangedError where another page cannot be read as the
    first one was, UsageError.
    """
    pair, length = workbench.pair(given["pair"]), parse_length(given["interval"])
    before, newest = given.get("cursor"), workbench.version
    start, version = map(int, before.split("-")) if before else (None, newest)
    is_newest = version == newest
    if version > newest or not (is_newest or length in INTERVALS):
        raise ChangedError("the candles have changed since the first page: begin again without a cursor.")
    if not before and (given["require_complete"] or "evidence" in given):
        limits = {name: given.get(name) for name in ("start", "end", "evidence")}
        if refused := workbench.incomplete(pair, length, **limits):
            raise refused
    span = _span(workbench, pair, given, length * 60, start)
    read = _read(workbench, pair, length, span, version)
    found = workbench.incomplete(pair, length, span.start, span.end) if is_newest else None
    whole = {
        "pair": str(pair),
        "interval": length,
        "start": iso(span.start),
        "end": iso(span.end),
        "version": version,
        "complete": found is None if is_newest else None,
        "missing": incomplete_rows(found),
    }
    return EndpointAnswer(whole, None if span.is_last else f"{span.end}-{version}", table=read)


def _span(workbench: Workbench, pair: Pair, given: Mapping[str, Any], width: int, start: int | None) -> _Span:
    """The page's slots, those that open in the range given, or from the pair's beginning to the last detection."""
    whole = workbench.span(pair, given.get("start"), given.get("end"))
    begin = (ceil if "start" in given else floor)(whole.start, width) if start is None else start
    if begin >= whole.end > 0:
        raise UsageError(f"no slot opens from {iso(begin)} to {iso(whole.end)}: give an earlier start, or an end.")
    return _Span(begin, max(begin, min(begin + given["limit"] * width, whole.end)), whole.end)


def _read(workbench: Workbench, pair: Pair, interval: int, span: _Span, version: int) -> pl.DataFrame:
    """The candles of a version. Raises ChangedError where an earlier one is not kept any more."""
    try:
        return workbench.candles(pair, interval, span.start, span.end, version=version, to="polars")
    except StoreError:
        if version == workbench.version:
            raise
        raise ChangedError(f"version {version} of the candles is not kept any more: begin again.") from None
