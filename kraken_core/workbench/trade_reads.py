"""Kept trades of a home's history, and bars of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRanges
from kraken_core.workbench import requests
from kraken_core.workbench.home import OpenHome
from kraken_core.workbench.requests import When

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from kraken_core.workbench.queries.trades import KeptReading


class TradeReads(OpenHome):
    """Reads kept trades, refusing what is not as complete as required."""

    @overload
    def trades(
        self, pair: str | Pair, start: When | None = None, end: When | None = None, *, require_complete: bool = False,
        evidence: str | None = None, to: Literal["pandas"] = "pandas",
    ) -> pd.DataFrame: ...  # fmt: skip
    @overload
    def trades(
        self, pair: str | Pair, start: When | None = None, end: When | None = None, *, require_complete: bool = False,
        evidence: str | None = None, to: Literal["polars"],
    ) -> pl.DataFrame: ...  # fmt: skip
    @overload
    def trades(
        self, pair: str | Pair, start: When | None = None, end: When | None = None, *, require_complete: bool = False,
        evidence: str | None = None, to: Literal["arrow"],
    ) -> pa.Table: ...  # fmt: skip
    def trades(
        self,
        pair: str | Pair,
        start: When | None = None,
        end: When | None = None,
        *,
        require_complete: bool = False,
        evidence: str | None = None,
        to: Literal["pandas", "polars", "arrow"] = "pandas",
    ) -> pd.DataFrame | pl.DataFrame | pa.Table:
        """The kept trades of a pair in ``[start, end)``: a pandas DataFrame indexed by their time (UTC, nanoseconds).

        Columns: id (Int64, null where the source has none), price and volume (float64), side (of the taker: buy, sell)
        and order_type (market, limit), both null where the source has none, and source (archive, rest, live).
        ``to="polars"`` or ``to="arrow"`` gives a polars DataFrame or an Arrow table, with ``time`` as first column, and
        prices and volumes as exact decimals.

        With ``require_complete`` nothing is read where a source does not prove that no trade is missing, or, with
        ``evidence="proved"``, where consecutive ids do not: IncompleteError names the ranges. Raises UsageError for
        what it cannot be, TableLostError where the table of trades is lost.
        """
        from kraken_core.workbench.queries import frames

        reading = self._kept_trades
        of, window = self._kept_pair(pair), requests.window(start, end)
        if require_complete or evidence:
            reading.check(of, window, evidence)
        found = reading.trades(of, window)
        return frames.converted(found, requests.table_kind(to), frames.trades)

    @overload
    def bars(
        self, pair: str | Pair, start: When | None = None, end: When | None = None, *, kind: str, size: str | float,
        require_complete: bool = False, evidence: str | None = None, to: Literal["pandas"] = "pandas",
    ) -> pd.DataFrame: ...  # fmt: skip
    @overload
    def bars(
        self, pair: str | Pair, start: When | None = None, end: When | None = None, *, kind: str, size: str | float,
        require_complete: bool = False, evidence: str | None = None, to: Literal["polars"],
    ) -> pl.DataFrame: ...  # fmt: skip
    @overload
    def bars(
        self, pair: str | Pair, start: When | None = None, end: When | None = None, *, kind: str, size: str | float,
        require_complete: bool = False, evidence: str | None = None, to: Literal["arrow"],
    ) -> pa.Table: ...  # fmt: skip
    def bars(
        self,
        pair: str | Pair,
        start: When | None = None,
        end: When | None = None,
        *,
        kind: str,
        size: str | float,
        require_complete: bool = False,
        evidence: str | None = None,
        to: Literal["pandas", "polars", "arrow"] = "pandas",
    ) -> pd.DataFrame | pl.DataFrame | pa.Table:
        """Bars of the kept trades of a pair in ``[start, end)``: a pandas DataFrame indexed by when they begin (UTC).

        ``kind`` and ``size``: ``time`` and a length such as ``"30s"``, ``"7m"``, ``"1h"``; ``tick`` and a number of
        trades; ``volume`` and an amount of the base asset; ``dollar`` and an amount of the quote asset. A bar of the
        last three ends with the trade that reaches its size, and the first one begins with the first trade in the
        window. All trades are in one bar, so that bars have all of their volume.

        Columns: end; open, high, low, close, volume, quote_volume, vwap (float64); trades; complete (whether no trade
        is missing in it, and it has reached its size). Slots of time without trades have no bar. The first and the
        last bar of time have only those trades that are in the window: begin and end that at slots.

        Other arguments as for :meth:`trades`. Raises UsageError for whatever it cannot be.
        """
        from kraken_core.domain.bars import bars
        from kraken_core.workbench.queries import frames
        from kraken_core.workbench.queries.trades import bar_size

        reading, (of_kind, length) = self._kept_trades, bar_size(kind, size)
        of, window = self._kept_pair(pair), requests.window(start, end)
        if require_complete or evidence:
            reading.check(of, window, evidence)
        within = TimeRanges.single(*window)
        found = bars(reading.rows(of, window), of_kind, length, reading.covered(of) & within)
        return frames.converted(found, requests.table_kind(to), lambda made: frames.pandas(made).set_index("time"))

    def trade_coverage(self, pair: str | Pair | None = None) -> pd.DataFrame:
        """Where no trade is missing from the kept ones, of a pair, or of all.

        Columns: pair; start and end (UTC); proved (whether consecutive ids prove it); sources.
        """
        from kraken_core.workbench.queries import frames
        from kraken_core.workbench.queries.trades import COVERAGE

        return frames.table(self.trade_coverage_rows(pair), COVERAGE)

    def trade_coverage_rows(self, pair: str | Pair | None = None) -> list[dict[str, Any]]:
        """The same as rows of JSON."""
        from kraken_core.workbench.queries.trades import coverage

        return coverage(self.ledger, None if pair is None else [self._kept_pair(pair)])

    def _kept_pair(self, pair: str | Pair) -> Pair:
        return pair if isinstance(pair, Pair) else self.records.names().pair(pair)

    @property
    def _kept_trades(self) -> KeptReading:
        from kraken_core.workbench.queries.trades import KeptReading

        return KeptReading(self.trade_table, self.ledger, self.clock.now())
