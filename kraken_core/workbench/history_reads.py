"""What is known of a home's history: what is expected, covered, missing and silent, and what jobs did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange
from kraken_core.workbench import requests
from kraken_core.workbench.as_known import AsKnown
from kraken_core.workbench.requests import When

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from kraken_core.domain.jobs import FileIngestionRecord, IngestionJob
    from kraken_core.domain.record_list import RecordList
    from kraken_core.domain.request import Selection
    from kraken_core.domain.universe import Universe
    from kraken_core.ports import PairRecord
    from kraken_core.workbench.queries.run_history import RunRecords
    from kraken_core.workbench.queries.silences import SilentSpan


class HistoryReads(AsKnown):
    """Tables of what is known, one call each."""

    def select(self, **selection: Any) -> Selection:  # noqa: ANN401 - passed on to be checked there
        """A selection from ``tier`` or ``tiers`` or ``pairs``, ``quotes``, ``intervals``, ``start_date``, ``end_date``.

        Raises UsageError for anything it cannot be.
        """
        return requests.selection(self.tiers, self.ledger.names(), **selection)

    def coverage(self, *, as_known_at: When | None = None, **selection: Any) -> pd.DataFrame:  # noqa: ANN401 - see select()
        """Covered ranges: pair, interval, start, end, source, candles, grade; or those known at an instant.

        Other arguments as for :meth:`select`.
        """
        from kraken_core.workbench import documents
        from kraken_core.workbench.queries import frames

        found = self.holdings_at(as_known_at).coverage(self.select(**selection))
        return frames.table([documents.coverage_row(covered) for covered in found], documents.COVERAGE)

    def pairs(self) -> list[PairRecord]:
        """Every pair known, sorted, with its tier and when it was traded."""
        return self.ledger.pairs()

    def stored_pairs(self, **selection: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - see select()
        """Every pair known that is selected, with tier, lifetime and stored candles: what ``pairs --json`` prints."""
        from kraken_core.workbench.queries.stored_pairs import pair_rows

        return pair_rows(self.pairs(), self.holdings, self.select(**selection))

    def exchanges(self) -> list[dict[str, Any]]:
        """The installed exchanges, and how far back each answers: what ``exchanges --json`` prints."""
        from kraken_core.workbench.queries.exchanges import exchange_rows

        return exchange_rows(self.settings, self.pairs())

    def universe(self, at: When, *, tier: str | None = None, quote: str | Iterable[str] = ()) -> pd.DataFrame:
        """The pairs that traded at an instant (a date means its beginning, UTC), those that are delisted now included.

        Columns, text where nothing else is said, times as UTC timestamps (NaT where there is none):

        - pair, base, quote; tier, none of fiat and of tokenized stocks; tokenized (bool)
        - evidence that it traded then: candles, on both sides; AssetPairs, that listed it then or later; life, between
          its listing and its delisting; assumed, where nothing says that it had not ended
        - last_candle, when the last stored one opens that opens before
        - listed, listed_by, delisted, delisted_by: first trade; first candle, which is assumed; last candle; AssetPairs
        - seen, gone: the first answers of AssetPairs that had the pair, and that lacked it since
        - status, as of then, and statuses, all that were seen: ``online 2024-…; cancel_only …``
        - became: its latest status, or renamed, reused, delisted, unknown; now: what it is called now

        Pairs of which nobody knows whether they traded are not among them: ``attrs["unknown"]`` names them.

        Raises UsageError for what is no date, tier or quote, SettingError where ``identities.toml`` is wrong.
        """
        from kraken_core.workbench.queries import frames
        from kraken_core.workbench.queries.universe import UNIVERSE, universe_row

        quotes = (quote,) if isinstance(quote, str) else tuple(quote)
        found = self._universe(at, tier=tier, quotes=quotes)
        frame = frames.table([universe_row(each) for each in found.pairs], UNIVERSE)
        frame.attrs["unknown"] = [str(pair) for pair in found.unknown]
        return frame

    def universe_document(self, at: When, **selection: Any) -> dict[str, Any]:  # noqa: ANN401 - see select()
        """The same as a document: what ``universe --json`` prints. Arguments as for :meth:`select`."""
        from kraken_core.workbench.queries.universe import universe_document

        return universe_document(self._universe(at, **selection))

    def _universe(self, at: When, **selection: Any) -> Universe:  # noqa: ANN401 - see select()
        from kraken_core.workbench.queries.universe import UniverseQuery

        query = UniverseQuery(self.ledger, self.store, self.tiers, self.identities)
        return query.at(requests.instant(at), self.select(**selection))

    def files_of(self, series: Series, most: int) -> RecordList[FileIngestionRecord]:
        """The first of the files of a series that jobs read, or are to read, newest first."""
        return self.ledger.files_of_series(series, most)

    def evidence(self, series: Series, span: TimeRange) -> pl.DataFrame:
        """Who claimed what of a range of a series, and when."""
        return self.ledger.evidence(series, span)

    def gaps(self, *, as_known_at: When | None = None, **selection: Any) -> pd.DataFrame:  # noqa: ANN401 - see select()
        """Open gaps as of the last detection, now or by an instant, and how they can be filled.

        Other arguments as for :meth:`select`.
        """
        from kraken_core.workbench import documents
        from kraken_core.workbench.queries import frames

        found = self.holdings_at(as_known_at).gaps(self.select(**selection))
        return frames.table([documents.gap_row(gap) for gap in found], documents.GAPS)

    def silences(self, *, at_least: int = 1, as_known_at: When | None = None, **selection: Any) -> pd.DataFrame:  # noqa: ANN401 - see select()
        """The spans in which nothing traded, of ``at_least`` so many slots, by series and time; or those of an instant.

        Columns: pair, interval, start, end, slots, kind and expected_trades, by the pair's own rate around it. Kinds:
        ``suspicious``, where 20 trades or more were likely and nothing explains their absence; ``explained``, where
        the whole exchange stood still, or other candles confirm it; ``no trades``, where few were likely. Reads the
        candles of the selection, whose arguments are those of :meth:`select`.
        """
        from kraken_core.workbench import documents
        from kraken_core.workbench.queries import frames

        found = self.silent_spans(self.select(**selection), at_least, as_known_at)
        return frames.table([documents.silence_row(each) for each in found], documents.SILENCES)

    def silent_spans(
        self, selection: Selection, at_least: int = 1, as_known_at: When | None = None
    ) -> Iterator[SilentSpan]:
        """The same as values, one series after another."""
        from kraken_core.workbench.queries.silences import SilenceQuery

        return SilenceQuery(self.holdings_at(as_known_at)).of(selection, at_least)

    def _silence_frame(self, as_known_at: When | None) -> pl.DataFrame:
        from kraken_core.workbench.queries.silences import silence_frame

        return silence_frame(self.silent_spans(self.select(), as_known_at=as_known_at))

    def completeness(self, *, as_known_at: When | None = None, **selection: Any) -> pd.DataFrame:  # noqa: ANN401 - see select()
        """Completeness by series as of the last detection, now or by an instant.

        Other arguments as for :meth:`select`.
        """
        from kraken_core.workbench import documents
        from kraken_core.workbench.queries import frames

        report = self.holdings_at(as_known_at).full_report(self.select(**selection))
        return frames.table([documents.report_row(line) for line in report.series], documents.COMPLETENESS)

    @property
    def run_records(self) -> RunRecords:
        """How complete everything was when jobs ended, and what verifications found."""
        from kraken_core.workbench.queries.run_history import RunRecords

        return RunRecords(self.ledger)

    def jobs(self) -> list[IngestionJob]:
        """Every job, newest first."""
        return self.ledger.jobs()
