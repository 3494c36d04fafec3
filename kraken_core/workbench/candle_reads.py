"""Candles of a home's history, and what is known of each slot."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack, overload

from kraken_core.domain.errors import UsageError
from kraken_core.domain.interval_text import parse_interval, parse_length
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.workbench import requests
from kraken_core.workbench.read_checks import OneOrMore, ReadChecks, ReadOptions
from kraken_core.workbench.requests import When

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from kraken_core.workbench.queries.complete_candles import RangeCall
    from kraken_core.workbench.queries.known_at import KnownState
    from kraken_core.workbench.queries.renames import RenamedReading


class CandleReads(ReadChecks):
    """Reads candles, refusing what is not as complete as required."""

    @overload
    def candles(
        self, pair: OneOrMore | None = None, interval: int | str | None = None, start: When | None = None,
        end: When | None = None, *, to: Literal["pandas"] = "pandas", **how: Unpack[ReadOptions],
    ) -> pd.DataFrame: ...  # fmt: skip
    @overload
    def candles(
        self, pair: OneOrMore | None = None, interval: int | str | None = None, start: When | None = None,
        end: When | None = None, *, to: Literal["polars"], **how: Unpack[ReadOptions],
    ) -> pl.DataFrame: ...  # fmt: skip
    @overload
    def candles(
        self, pair: OneOrMore | None = None, interval: int | str | None = None, start: When | None = None,
        end: When | None = None, *, to: Literal["arrow"], **how: Unpack[ReadOptions],
    ) -> pa.Table: ...  # fmt: skip
    def candles(
        self,
        pair: OneOrMore | None = None,
        interval: int | str | None = None,
        start: When | None = None,
        end: When | None = None,
        *,
        pairs: Iterable[str | Pair] | None = None,
        pivot: str | None = None,
        fill: str | None = None,
        partial: bool = False,
        version: int | None = None,
        require_complete: bool = False,
        evidence: str | None = None,
        follow_renames: bool = False,
        certificate: str | Path | None = None,
        as_known_at: When | None = None,
        flags: bool = False,
        vwap: bool = False,
        to: Literal["pandas", "polars", "arrow"] = "pandas",
    ) -> pd.DataFrame | pl.DataFrame | pa.Table:
        """Candles of a series that open in ``[start, end)``: a pandas DataFrame indexed by their open time (UTC).

        Columns: open, high, low, close, volume (float64), trades (Int32), source. ``to="polars"`` or ``to="arrow"``
        gives a polars DataFrame or an Arrow table instead, with ``time`` as their first column.

        Several pairs are read at once, as a list in place of the pair or as ``pairs``: then ``pair`` is the first
        column (in polars and Arrow before ``time``), and rows are sorted by pair and time. ``pivot="close"``, or
        another column of values, gives time × pair instead: a column for each pair, in the order given, null where a
        slot has no candle of it. See :meth:`scan` for what is too large to be read.

        ``interval`` is minutes, or a length such as ``"2h"``, ``"3d"``, ``"1w"``. Candles of one that archives do not
        have are made of the coarsest candles that cover the slot; slots are aligned to the epoch, so weeks begin on
        Thursdays, as Kraken's do. Only slots that are covered as a whole are there; ``partial=True`` adds the others,
        as far as there are candles of them, and a column ``partial`` says which.

        With ``fill="previous"`` slots that are known to have no trades get the close before them, volume 0 and trades
        0, and a column ``filled`` says which; missing slots stay absent.

        ``version`` reads the table as it was (see :attr:`version`): for a week after it was replaced, or longer.
        ``as_known_at`` reads what was known at an instant, of slots without a candle too, for ever.

        With ``require_complete`` nothing is read where any candle expected is missing or doubtful, or not on
        ``evidence`` as good as ``"proved"`` or ``"confirmed"`` (naming a grade requires it): IncompleteError says what
        is lacking. With ``certificate``, a file, nothing is read unless it is what that certifies: else
        CertificateMismatchError says where it differs. A certificate is checked for one pair at a time.

        With ``flags`` a column ``flags`` has the kinds of what is odd about each candle (see :meth:`price_findings`),
        ``"outlier, quote"``, null where nothing is. It reads all candles of the pair, and takes an interval of the
        archives, as it is now.

        With ``vwap`` a column ``vwap`` (float64) has the average price weighted by volume, as the candle's own source
        has it: null where that has none, as Kraken's archives, and where a fill or one of the finer candles has none.

        With ``follow_renames`` the series goes on under every name that its base had, in units of ``pair``: prices are
        multiplied by the column ``factor``, volumes divided by it, and the column ``origin`` says whose candle each is.
        Which day belongs to which name is in :meth:`names_of`, for pandas in ``attrs["names"]`` too (by pair, of
        several). Without it nothing is ever joined. Raises UsageError for whatever it cannot be.
        """
        from kraken_core.domain.averages import VWAP
        from kraken_core.workbench.queries import frames, many_pairs
        from kraken_core.workbench.queries.candles import Reading
        from kraken_core.workbench.queries.renames import RenamedReading

        _check_how(fill, to)
        of, several = self._named(pair, pairs)
        length, window = _length(interval), requests.window(start, end)
        if flags and (
            length not in INTERVALS or follow_renames or pivot or as_known_at is not None or version is not None
        ):
            raise UsageError(
                "flags are of stored candles as they are now: name an interval of the archives, by itself."
            )
        if as_known_at is not None and (version is not None or certificate is not None):
            raise UsageError("as_known_at is an instant of its own: leave the version, or the certificate, out.")
        known = self._known_or_remembered(as_known_at)
        plain = Reading(known.store, known.ledger, vwap=vwap or pivot == VWAP)
        by_all_names = RenamedReading(plain, known.ledger, self.identities)
        with self.undisturbed() if as_known_at is None else nullcontext():
            if require_complete or evidence:
                joined = by_all_names if follow_renames else None
                self._check_complete(of, length, window, known, version=version, evidence=evidence, by_all_names=joined)
            if certificate is not None:
                window = self._certified(certificate, of, length, window, version, follow_renames=follow_renames)
            reading = by_all_names if follow_renames else plain
            how = many_pairs.HowToRead(fill=fill is not None, partial=partial, version=version)
            read = many_pairs.read(reading, of, length, window, how)
            if flags:
                read = self._flagged(read, of, length)
        if pivot is not None:
            return frames.converted(many_pairs.pivoted(read, of, pivot), to, frames.wide)
        found = frames.converted(frames.candles(read, several=several), to, frames.indexed)
        if follow_renames and to == "pandas":
            names = {str(each): [joined.row for joined in by_all_names.joined(each, length)] for each in of}
            found.attrs["names"] = names if several else names[str(of[0])]
        return found

    def _flagged(self, read: pl.DataFrame, of: list[Pair], interval: int) -> pl.DataFrame:
        """With what is odd about each candle. Finer candles of the pair show what a high or low should be."""
        from kraken_core.workbench.queries.prices import flagged

        found = self.odd_values(self.select(pairs=of))
        return flagged(read, [each for each in found if each.series.interval == interval])

    def scan(
        self,
        pairs: OneOrMore | None = None,
        interval: int | str | None = None,
        start: When | None = None,
        end: When | None = None,
        *,
        version: int | None = None,
        require_complete: bool = False,
        evidence: str | None = None,
        as_known_at: When | None = None,
        vwap: bool = False,
    ) -> pl.LazyFrame:
        """The stored candles that open in ``[start, end)``, to be read by polars when they are collected.

        Columns: pair, interval_minutes (int32), time, open, high, low, close, volume, trades, source, and with ``vwap``
        that; in no order.
        Without ``pairs`` it is all pairs, without ``interval`` all of the archives' eight: others are made by
        :meth:`candles` only, and so are fills and series over a rename. Filters, columns and aggregations that follow
        are pushed down to the files, of those only that can have such rows; QuestDB's table, and one as it was known at
        an instant, are read as a whole instead.

        It is the table of this moment, whatever is committed meanwhile; files that leave it are kept for a week. Other
        arguments as for :meth:`candles`; completeness is checked at once, and needs pairs and an interval. Raises
        UsageError for whatever it cannot be.
        """
        from kraken_core.workbench.queries.candles import Reading, at_version
        from kraken_core.workbench.queries.many_pairs import scanned

        of = None if pairs is None else self._named(pairs, None)[0]
        window, known = requests.window(start, end), self._known_or_remembered(as_known_at)
        intervals = INTERVALS if interval is None else (parse_interval(interval),)
        if as_known_at is not None and version is not None:
            raise UsageError("as_known_at is an instant of its own: leave the version out.")
        if require_complete or evidence:
            if of is None or interval is None:
                raise UsageError("whether candles are complete is checked for pairs and an interval: name them.")
            with self.undisturbed():
                self._check_complete(of, intervals[0], window, known, version=version, evidence=evidence)
        listed = of or [record.pair for record in known.ledger.pairs()]
        reading = Reading(at_version(known.store, version), known.ledger, vwap)
        return scanned(reading, listed, intervals, window)

    def names_of(self, pair: str | Pair) -> pd.DataFrame:
        """The names that the base of a pair had, in turn: what a series with ``follow_renames`` is made of.

        Columns: pair; start and end (of its time, UTC; NaT where it is open); factor (of its prices, float64); certain
        (whether the source says the day); left_out (stored daily candles of the pair that are of another name's
        time, or another asset's); source; note. Edit them in the home's ``identities.toml``. Raises SettingError where
        that is wrong.
        """
        from kraken_core.workbench.queries import frames
        from kraken_core.workbench.queries.renames import NAMES

        of = pair if isinstance(pair, Pair) else self.ledger.names().pair(pair)
        return frames.table([joined.row for joined in self._by_all_names.joined(of)], NAMES)

    @property
    def _by_all_names(self) -> RenamedReading:
        from kraken_core.workbench.queries.candles import Reading
        from kraken_core.workbench.queries.renames import RenamedReading

        return RenamedReading(Reading(self.store, self.ledger), self.ledger, self.identities)

    @property
    def version(self) -> int:
        """The version of the candle table; it rises with every change, and can be read again later."""
        return self.store.version

    @overload
    def sql(self, query: str, *, as_known_at: When | None = None, to: Literal["pandas"] = "pandas") -> pd.DataFrame: ...
    @overload
    def sql(self, query: str, *, as_known_at: When | None = None, to: Literal["polars"]) -> pl.DataFrame: ...
    @overload
    def sql(self, query: str, *, as_known_at: When | None = None, to: Literal["arrow"]) -> pa.Table: ...
    def sql(
        self, query: str, *, as_known_at: When | None = None, to: str = "pandas"
    ) -> pd.DataFrame | pl.DataFrame | pa.Table:
        """What a DuckDB query answers over the views candles, coverage, gaps, differences, pairs, assets and listings.

        And files, jobs, stages, verifications, funding_rates, and trades, where any are kept. The views silences,
        price_findings, incidents, conditions and trade_coverage are worked out for a query that names them.

        ``complete_candles(pair, interval, start, end)`` in it are the candles of a range, as of the view, if that is
        complete, on evidence of a grade with ``evidence := 'confirmed'``: else IncompleteError says what is lacking.

        With ``as_known_at`` candles, coverage, gaps (the open ones), differences and silences are as they were known at
        that instant; the other views are not kept, and refused.

        Raises UsageError with DuckDB's reason for a wrong query.
        """
        from kraken_core.workbench.queries import frames
        from kraken_core.workbench.queries.sql import KEPT_VIEWS, VIEWS, answer

        to = requests.table_kind(to)
        known, views = self.known(as_known_at), VIEWS if as_known_at is None else KEPT_VIEWS
        silences = {"silences": partial(self._silence_frame, as_known_at)}
        worked_out = silences | (self._worked_out if as_known_at is None else {})
        with self.undisturbed() if as_known_at is None else nullcontext():
            found = answer(
                query,
                known.store,
                known.ledger,
                partial(self._required, known),
                views,
                worked_out=worked_out,
                trades=lambda: self.trade_table,
            )
        return found if to == "polars" else found.to_arrow() if to == "arrow" else frames.pandas(found)

    def _required(self, known: KnownState, call: RangeCall) -> Pair:
        """The pair of a range that a query wants complete. Raises IncompleteError, UsageError."""
        from kraken_core.workbench.queries.required import Required, parse_grade

        pair = self.ledger.names().pair(call.pair)
        window = requests.window(call.start, call.end)
        grade = parse_grade(call.evidence)
        Required(known.ledger, known.now).check(pair, parse_interval(call.interval), window, grade)
        return pair

    def coverage_of(
        self,
        pair: str | Pair,
        interval: int | str,
        start: When | None = None,
        end: When | None = None,
        *,
        as_known_at: When | None = None,
    ) -> pd.DataFrame:
        """What is known, or was at an instant, of each slot of a series that opens in ``[start, end)``.

        Indexed like :meth:`candles`.

        Columns: ``state`` (``"present"``, ``"no trades"``, ``"missing"``, or ``"outside"`` the pair's life) and
        ``grade`` (of a covered slot: proved, confirmed, claimed or doubtful; else null). Without a start from the
        pair's listing, without an end up to the last detection; only slots that have closed. Raises UsageError for an
        interval that archives do not have.
        """
        from kraken_core.workbench.queries import frames
        from kraken_core.workbench.queries.slots import Slots

        of = pair if isinstance(pair, Pair) else self.ledger.names().pair(pair)
        series = Series(of, parse_interval(interval))
        window = requests.window(start, end)
        return frames.pandas(Slots(*self.known(as_known_at)).states(series, window)).set_index("time")


def _length(interval: int | str | None) -> int:
    if interval is None:
        raise UsageError('name an interval: minutes, such as 60, or a length, such as "1h".')
    return parse_length(interval)


def _check_how(fill: str | None, to: str) -> None:
    if fill not in {None, "previous"}:
        raise UsageError(f"fill is {fill!r}; it can be 'previous', or be left out.")
    if to not in {"pandas", "polars", "arrow"}:
        raise UsageError(f"to is {to!r}; it can be 'pandas', 'polars' or 'arrow'.")
