"""Candles of a home's history, and what is known of each slot."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from kraken_core.domain.errors import UsageError
from kraken_core.domain.interval_text import parse_interval, parse_length
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRange
from kraken_core.workbench import requests
from kraken_core.workbench.history_reads import HistoryReads
from kraken_core.workbench.requests import When

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from kraken_core.workbench.certificates.certificates import Certificates
    from kraken_core.workbench.queries.complete_candles import RangeCall
    from kraken_core.workbench.queries.known_at import KnownState
    from kraken_core.workbench.queries.renames import RenamedReading


class CandleReads(HistoryReads):
    """Reads candles, refusing what is not as complete as required."""

    @property
    def certificates(self) -> Certificates:
        """Certificates of what is stored: making them, and checking candles against them."""
        from kraken_core.workbench.certificates.certificates import Certificates

        return Certificates(self)

    @overload
    def candles(
        self, pair: str | Pair, interval: int | str, start: When | None = None, end: When | None = None,
        *, fill: str | None = None, partial: bool = False, version: int | None = None, require_complete: bool = False,
        evidence: str | None = None, follow_renames: bool = False, certificate: str | Path | None = None,
        as_known_at: When | None = None, to: Literal["pandas"] = "pandas",
    ) -> pd.DataFrame: ...  # fmt: skip
    @overload
    def candles(
        self, pair: str | Pair, interval: int | str, start: When | None = None, end: When | None = None,
        *, fill: str | None = None, partial: bool = False, version: int | None = None, require_complete: bool = False,
        evidence: str | None = None, follow_renames: bool = False, certificate: str | Path | None = None,
        as_known_at: When | None = None, to: Literal["polars"],
    ) -> pl.DataFrame: ...  # fmt: skip
    @overload
    def candles(
        self, pair: str | Pair, interval: int | str, start: When | None = None, end: When | None = None,
        *, fill: str | None = None, partial: bool = False, version: int | None = None, require_complete: bool = False,
        evidence: str | None = None, follow_renames: bool = False, certificate: str | Path | None = None,
        as_known_at: When | None = None, to: Literal["arrow"],
    ) -> pa.Table: ...  # fmt: skip
    def candles(
        self,
        pair: str | Pair,
        interval: int | str,
        start: When | None = None,
        end: When | None = None,
        *,
        fill: str | None = None,
        partial: bool = False,
        version: int | None = None,
        require_complete: bool = False,
        evidence: str | None = None,
        follow_renames: bool = False,
        certificate: str | Path | None = None,
        as_known_at: When | None = None,
        to: Literal["pandas", "polars", "arrow"] = "pandas",
    ) -> pd.DataFrame | pl.DataFrame | pa.Table:
        """Candles of a series that open in ``[start, end)``: a pandas DataFrame indexed by their open time (UTC).

        Columns: open, high, low, close, volume (float64), trades (Int32), source. ``to="polars"`` or ``to="arrow"``
        gives a polars DataFrame or an Arrow table instead, with ``time`` as their first column.

        ``interval`` is minutes, or a length such as ``"2h"``, ``"3d"``, ``"1w"``. Candles of one that archives do not
        have are made of the coarsest candles that cover the slot; slots are aligned to the epoch, so weeks begin on
        Thursdays, as Kraken's do. Only slots that are covered as a whole are there; ``partial=True`` adds the others,
        as far as there are candles of them, and a column ``partial`` says which.

        With ``fill="previous"`` slots that are known to be silent get the close before them, volume 0 and trades 0,
        and a column ``filled`` says which; missing slots stay absent.

        ``version`` reads the table as it was (see :attr:`version`): for a week after it was replaced, or longer.
        ``as_known_at`` reads what was known at an instant, of slots without a candle too, for ever.

        With ``require_complete`` nothing is read where any candle expected is missing or doubtful, or not on
        ``evidence`` as good as ``"proved"`` or ``"confirmed"`` (naming a grade requires it): IncompleteError says what
        is lacking. With ``certificate``, a file, nothing is read unless it is what that certifies: else
        CertificateMismatchError says where it differs.

        With ``follow_renames`` the series goes on under every name that its base had, in units of ``pair``: prices are
        multiplied by the column ``factor``, volumes divided by it, and the column ``origin`` says whose candle each is.
        Which day belongs to which name is in :meth:`names_of`, for pandas in ``attrs["names"]`` too. Without it nothing
        is ever joined. Raises UsageError for whatever it cannot be.
        """
        from kraken_core.workbench.queries import frames
        from kraken_core.workbench.queries.candles import Reading
        from kraken_core.workbench.queries.renames import RenamedReading
        from kraken_core.workbench.queries.required import Required, parse_grade

        _check_how(fill, to)
        of, length = pair if isinstance(pair, Pair) else self.ledger.names().pair(pair), parse_length(interval)
        window = TimeRange(requests.instant(start or 0), END_OF_TIME if end is None else requests.instant(end))
        if as_known_at is not None and (version is not None or certificate is not None):
            raise UsageError("as_known_at is an instant of its own: leave the version, or the certificate, out.")
        known = self.known(as_known_at)
        by_all_names = RenamedReading(Reading(known.store, known.ledger), known.ledger, self.identities)
        if require_complete or evidence:
            if version not in {None, self.version}:
                raise UsageError("whether an earlier version was complete is not kept: leave the version out.")
            required, grade = Required(known.ledger, known.now), parse_grade(evidence)
            if follow_renames:
                by_all_names.check(of, length, window, required, grade)
            else:
                required.check(of, length, window, grade)
        if certificate is not None:
            window = self._certified(certificate, of, length, window, version, follow_renames=follow_renames)
        reading = by_all_names if follow_renames else Reading(known.store, known.ledger)
        read = reading.candles(of, length, window, fill=fill is not None, partial=partial, version=version)
        found = frames.candles(read)
        if to == "polars":
            return found
        if to == "arrow":
            return found.to_arrow()
        indexed = frames.indexed(found)
        if follow_renames:
            indexed.attrs["names"] = [joined.row for joined in by_all_names.joined(of, length)]
        return indexed

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
        """What a DuckDB query answers over the views candles, assets, pairs, jobs, files, coverage, gaps, differences.

        The view silences is worked out from all candles for a query that names it.

        ``complete_candles(pair, interval, start, end)`` in it are the candles of a range, as of the view, if that is
        complete, on evidence of a grade with ``evidence := 'confirmed'``: else IncompleteError says what is lacking.

        With ``as_known_at`` there is the view candles only, as it was known at that instant.

        Raises UsageError with DuckDB's reason for a wrong query.
        """
        from kraken_core.workbench.queries import frames
        from kraken_core.workbench.queries.sql import CANDLES, VIEWS, answer

        if to not in {"pandas", "polars", "arrow"}:
            raise UsageError(f"{to!r} is no kind of table: write pandas, polars or arrow.")
        known, views = self.known(as_known_at), VIEWS if as_known_at is None else frozenset({CANDLES})
        silences = None if as_known_at is not None else self._silence_frame
        found = answer(query, known.store, self.ledger, partial(self._required, known), views, silences=silences)
        return found if to == "polars" else found.to_arrow() if to == "arrow" else frames.pandas(found)

    def _certified(
        self,
        certificate: str | Path,
        pair: Pair,
        interval: int,
        window: TimeRange,
        version: int | None,
        *,
        follow_renames: bool,
    ) -> TimeRange:
        """The window, as far as it is certified: see :meth:`Certificates.require`."""
        if follow_renames:
            raise UsageError("a certificate is of a pair by one name: leave certificate or follow_renames out.")
        return self.certificates.require(certificate, pair, interval, window, version)

    def _required(self, known: KnownState, call: RangeCall) -> Pair:
        """The pair of a range that a query wants complete. Raises IncompleteError, UsageError."""
        from kraken_core.workbench.queries.required import Required, parse_grade

        pair = self.ledger.names().pair(call.pair)
        window = TimeRange(requests.instant(call.start), requests.instant(call.end))
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
        window = TimeRange(requests.instant(start or 0), END_OF_TIME if end is None else requests.instant(end))
        return frames.pandas(Slots(*self.known(as_known_at)).states(series, window)).set_index("time")


def _check_how(fill: str | None, to: str) -> None:
    if fill not in {None, "previous"}:
        raise UsageError(f"fill is {fill!r}; it can be 'previous', or be left out.")
    if to not in {"pandas", "polars", "arrow"}:
        raise UsageError(f"to is {to!r}; it can be 'pandas', 'polars' or 'arrow'.")
