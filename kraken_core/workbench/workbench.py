"""See :class:`Workbench`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from kraken_core.domain.errors import StoreError, UsageError
from kraken_core.domain.formatting import instant
from kraken_core.domain.html_tables import facts
from kraken_core.domain.interval_text import parse_interval, parse_length
from kraken_core.domain.jobs import BY_HAND
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRange
from kraken_core.ports import never_stop, no_progress
from kraken_core.workbench import requests
from kraken_core.workbench.as_known import AsKnown
from kraken_core.workbench.deprecated import DeprecatedNames
from kraken_core.workbench.requests import When

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from kraken_core.domain.jobs import IngestionJob, JobOrigin
    from kraken_core.domain.plan import IngestionPlan
    from kraken_core.domain.request import Request, Selection
    from kraken_core.domain.universe import Universe
    from kraken_core.domain.verification.checks import Verification
    from kraken_core.pipeline.adopt import Adopted
    from kraken_core.pipeline.audit import AuditOutcome
    from kraken_core.pipeline.copy import Copied
    from kraken_core.ports import PairRecord, Progress
    from kraken_core.workbench.certificates.certificates import Certificates
    from kraken_core.workbench.charts.charts import ChartData
    from kraken_core.workbench.expectations import Expectations
    from kraken_core.workbench.figures.plot import Plot
    from kraken_core.workbench.jobs.control import JobControl
    from kraken_core.workbench.queries.audits import Audits
    from kraken_core.workbench.queries.complete_candles import RangeCall
    from kraken_core.workbench.queries.export import Exported
    from kraken_core.workbench.queries.known_at import KnownState
    from kraken_core.workbench.queries.renames import RenamedReading
    from kraken_core.workbench.queries.run_history import RunRecords
    from kraken_core.workbench.queries.silences import SilentSpan
    from kraken_core.workbench.transfer import Transfer
    from kraken_core.workbench.watch.schedule import Schedule


@dataclass(repr=False)
class Workbench(AsKnown, DeprecatedNames):
    """A home's history: what is held of it, how complete it is, and the jobs that complete it.

    Reading creates nothing: a home comes into being with its first job. Close it, or use it as a context manager.
    """

    @property
    def audits(self) -> Audits:
        """What audits found."""
        from kraken_core.workbench.queries.audits import Audits

        return Audits(self.ledger, self.tiers)

    @property
    def charts(self) -> ChartData:
        """What is held of a selection, added up to what a screen can show."""
        from kraken_core.workbench.charts.charts import ChartData

        return ChartData(self.ledger, self.store, self.tiers)

    @property
    def certificates(self) -> Certificates:
        """Certificates of what is stored: making them, and checking candles against them."""
        from kraken_core.workbench.certificates.certificates import Certificates

        return Certificates(self)

    @property
    def schedule(self) -> Schedule:
        """The watch that keeps the home up to date."""
        from kraken_core.workbench.watch.schedule import Schedule

        return Schedule(self)

    def __repr__(self) -> str:
        return f"<Workbench of {self.settings.home.name}>"  # settings may hold passwords, and a path the user's name

    def _repr_html_(self) -> str:
        """The workbench in a notebook: its home, by name, and how complete that is by interval."""
        from kraken_core.domain.report import completeness_grid

        found = self.charts.totals()
        values = {"as of": f"{instant(found.as_of)} UTC" if found.as_of else "", "open gaps": f"{found.gaps.height:,}"}
        shown = facts(f"Workbench of {self.settings.home.name}", values if found.as_of else {"stored": "nothing yet"})
        return shown + completeness_grid(found.by_interval) if found.as_of else shown

    @property
    def plot(self) -> Plot:
        """Figures of what is stored: ``coverage(…)``, ``gaps``, ``candles``, ``completeness`` and ``silences``.

        Raises UsageError where plotly, which nothing else of the workbench needs, is not installed.
        """
        if find_spec("plotly") is None:
            raise UsageError("plotly is not installed, and figures are its: pip install plotly. All else works as is.")
        from kraken_core.workbench.figures.plot import Plot

        return Plot(self.charts, self.holdings, self.select)

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

    def silences(self, *, at_least: int = 1, **selection: Any) -> pd.DataFrame:  # noqa: ANN401 - see select()
        """The spans in which nothing traded, of ``at_least`` so many slots, by series and time.

        Columns: pair, interval, start, end, slots, kind and expected_trades, by the pair's own rate around it. Kinds:
        ``suspicious``, where 20 trades or more were likely and nothing explains their absence; ``explained``, where
        the whole exchange stood still, or other candles confirm it; ``no trades``, where few were likely. Reads the
        candles of the selection, whose arguments are those of :meth:`select`.
        """
        from kraken_core.workbench import documents
        from kraken_core.workbench.queries import frames

        found = self.silent_spans(self.select(**selection), at_least)
        return frames.table([documents.silence_row(each) for each in found], documents.SILENCES)

    def silent_spans(self, selection: Selection, at_least: int = 1) -> Iterator[SilentSpan]:
        """The same as values, one series after another."""
        from kraken_core.workbench.queries.silences import SilenceQuery

        return SilenceQuery(self.holdings, self.ledger).of(selection, at_least)

    def _silence_frame(self) -> pl.DataFrame:
        from kraken_core.workbench.queries.silences import silence_frame

        return silence_frame(self.silent_spans(self.select()))

    def completeness(self, *, as_known_at: When | None = None, **selection: Any) -> pd.DataFrame:  # noqa: ANN401 - see select()
        """Completeness by series as of the last detection, now or by an instant.

        Other arguments as for :meth:`select`.
        """
        from kraken_core.workbench import documents
        from kraken_core.workbench.queries import frames

        report = self.holdings_at(as_known_at).report(self.select(**selection))
        return frames.table([documents.report_row(line) for line in report.series], documents.COMPLETENESS)

    def verify(
        self,
        *,
        report_only: bool = False,
        progress: Progress = no_progress,
        **selection: Any,  # noqa: ANN401 - see select()
    ) -> Verification:
        """Series held against each other, and the ledger against the candles. Arguments as for :meth:`select`.

        Claims to silence that another interval contradicts are withdrawn, and slots graded by what was found, unless
        ``report_only`` or while a job runs: ``note`` says so. What was found is kept: ``run_records.verifications()``.
        Raises StoreError where the table cannot be read.
        """
        from kraken_core.workbench.jobs.verify import Verifying

        chosen = self.select(**selection)
        found = Verifying(self.runner, self.holdings).run(chosen, progress, report_only=report_only)
        self.run_records.keep_verification(found, chosen, self.clock.now(), self._token_or_none)
        return found

    def _token_or_none(self) -> str:
        """The change token; "" where the table is damaged."""
        try:
            return self.change_token
        except StoreError:
            return ""

    @property
    def run_records(self) -> RunRecords:
        """How complete everything was when jobs ended, and what verifications found."""
        from kraken_core.workbench.queries.run_history import RunRecords

        return RunRecords(self.ledger)

    def audit_request(self, **request: Any) -> Request:  # noqa: ANN401 - see audit_request()
        """What to audit: see :func:`kraken_core.workbench.requests.audit_request`."""
        return requests.audit_request(self, **request)

    def audit(
        self,
        *,
        progress: Progress = no_progress,
        stop: Callable[[], bool] = never_stop,
        **request: Any,  # noqa: ANN401 - see audit_request()
    ) -> AuditOutcome:
        """Counts of trades held against the exchange's trade ids. Arguments as for :meth:`audit_request`.

        An unfinished audit of the same request is taken up instead. Raises what :meth:`JobRunner.run` raises.
        """
        return self.control.audit(self.audit_request(**request), progress=progress, stop=stop)

    def copy(
        self,
        to: str,
        *,
        progress: Progress = no_progress,
        stop: Callable[[], bool] = never_stop,
        **selection: Any,  # noqa: ANN401 - see select()
    ) -> list[Copied]:
        """Copy candles into another table, ``to``: a folder or a server. Arguments as for :meth:`select`.

        What is there already is not written again, so that the same call goes on with one that was interrupted.
        Raises StoreError where a series is not equal in both afterwards.
        """
        return self._transfer.copy(to, self.select(**selection), progress, stop)

    def import_assetprice(self, assets: str | Path | None = None, *, progress: Progress = no_progress) -> Adopted:
        """Take a table ``assetprice`` that is in QuestDB already into the ledger, and change nothing of it.

        ``assets``: a CSV of id and ticker, where the server has no table ``asset``. Raises UsageError, LedgerError.
        """
        self.create_home()
        return self._transfer.take_over(Path(assets) if assets else None, self.clock.now(), progress)

    @property
    def _transfer(self) -> Transfer:
        from kraken_core.workbench.transfer import Transfer

        return Transfer(self.settings, self.ledger, self.store, self.tiers)

    def request(self, **request: Any) -> Request:  # noqa: ANN401 - see ingest_request()
        """What to ingest: see :func:`kraken_core.workbench.requests.ingest_request`."""
        return requests.ingest_request(self, **request)

    def backfill_request(self, **request: Any) -> Request:  # noqa: ANN401 - see backfill_request()
        """What to fill: see :func:`kraken_core.workbench.requests.backfill_request`."""
        return requests.backfill_request(self, **request)

    def plan(self, **request: Any) -> IngestionPlan:  # noqa: ANN401 - see request()
        """What a request will do. Writes nothing. Arguments as for :meth:`request`."""
        return self.runner.build_plan(self.request(**request))

    @property
    def control(self) -> JobControl:
        """Beginning, pausing, resuming and cancelling jobs."""
        from kraken_core.workbench.jobs.control import JobControl

        return JobControl(self.runner)

    def run(
        self, plan: IngestionPlan, *, progress: Progress = no_progress, stop: Callable[[], bool] = never_stop
    ) -> IngestionJob:
        """Do what the plan says, to the end; an unfinished job of the same request is taken up instead.

        Raises what :meth:`JobRunner.run` raises.
        """
        self.runner.check_ready(plan)  # before a home is made
        self.create_home()
        return self.control.run(plan, progress=progress, stop=stop).job

    def run_detached(
        self, plan: IngestionPlan, workers: int | None = None, origin: JobOrigin = BY_HAND
    ) -> IngestionJob:
        """As :meth:`run`, but in a process of its own; returns the job once that has taken it up.

        Raises what :meth:`JobRunner.start_detached` raises, HomeError where the plan cannot go well.
        """
        self.runner.check_ready(plan)
        self.create_home()
        return self.control.start(plan, workers, origin)

    def undo(self, job_id: int) -> IngestionJob:
        """Take back the latest job that changed something: what it claimed, read and stored. Raises as ``undo``."""
        from kraken_core.workbench.jobs.undo import undo

        return undo(self.runner, job_id)

    def export(
        self,
        folder: str | Path,
        selection: Selection,
        *,
        kind: str = "parquet",
        fill: str | None = None,
        require_complete: bool = False,
        evidence: str | None = None,
        as_known_at: When | None = None,
        overwrite: bool = False,
    ) -> list[Exported]:
        """Write the selection's candles to ``folder``, one file a series.

        ``kind``: ``parquet``, ``csv`` as Kraken's own, or ``feather`` as freqtrade's. Missing slots are left out, or
        nothing is written where ``require_complete`` and there are any, or doubtful ones, or some not on ``evidence``
        as good as asked (naming a grade requires it). Silent ones are left out too, unless
        ``fill="previous"``. With ``as_known_at`` all of it is as it was known then. Returns a line a file.

        Raises UsageError before anything is written where a file exists and may not be replaced, IncompleteError where
        something is missing that may not be.
        """
        from kraken_core.workbench.queries.candles import Reading
        from kraken_core.workbench.queries.export import KINDS, Export
        from kraken_core.workbench.queries.gates import check_complete, check_stored
        from kraken_core.workbench.queries.required import Required, parse_grade

        if kind not in KINDS or fill not in {None, "previous"}:
            raise UsageError(f"kind is one of {', '.join(KINDS)}, and fill 'previous' or left out.")
        known, holdings = self.known(as_known_at), self.holdings_at(as_known_at)
        report = holdings.report(selection)
        grade = parse_grade(evidence)
        if require_complete or evidence:
            check_stored(report, selection.pairs)
            check_complete(report, grade=grade, coverage=holdings.coverage(selection))
            if selection.start_date is not None:  # which may be before whatever was ever expected
                required, window = Required(known.ledger, known.now), selection.window(report.as_of)
                for line in report.series:
                    required.check(*line.series, window, grade)
        export = Export(Reading(known.store, known.ledger), Path(folder), kind, fill=fill is not None)
        missing = {line.series: line.counts.missing for line in report.series}
        return export.write(holdings.series(selection), selection.window(END_OF_TIME), missing, overwrite=overwrite)

    @property
    def expectations(self) -> Expectations:
        """What is expected of every series, and how to change that."""
        from kraken_core.workbench.expectations import Expectations

        return Expectations(self)

    def jobs(self) -> list[IngestionJob]:
        """Every job, newest first."""
        return self.ledger.jobs()


def _check_how(fill: str | None, to: str) -> None:
    if fill not in {None, "previous"}:
        raise UsageError(f"fill is {fill!r}; it can be 'previous', or be left out.")
    if to not in {"pandas", "polars", "arrow"}:
        raise UsageError(f"to is {to!r}; it can be 'pandas', 'polars' or 'arrow'.")
