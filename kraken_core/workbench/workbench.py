"""See :class:`Workbench`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from kraken_core.domain.errors import UsageError
from kraken_core.domain.interval_text import parse_length
from kraken_core.domain.jobs import IngestionJob
from kraken_core.domain.market import Pair
from kraken_core.domain.plan import IngestionPlan
from kraken_core.domain.request import Request, Selection
from kraken_core.domain.table_mark import TableMark
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.timerange import END_OF_TIME, TimeRange
from kraken_core.domain.verification.checks import Verification
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.pipeline.adopt import Adopted
from kraken_core.pipeline.copy import Copied
from kraken_core.ports import AssetRecord, CandleTable, Exchange, Progress, never, unheard
from kraken_core.settings import Settings
from kraken_core.sources.remote_archives import Remote
from kraken_core.sources.rest import PATIENT, KrakenExchange, Patience, Waiting
from kraken_core.workbench import documents, requests
from kraken_core.workbench.charts.charts import Pictures
from kraken_core.workbench.jobs.clock import SystemClock
from kraken_core.workbench.jobs.runner import Work
from kraken_core.workbench.jobs.verify import Verifying
from kraken_core.workbench.open_store import open_store
from kraken_core.workbench.queries import frames
from kraken_core.workbench.queries.candles import Reading
from kraken_core.workbench.queries.export import KINDS, Export, Exported
from kraken_core.workbench.queries.gates import check_complete, check_held
from kraken_core.workbench.queries.holdings import Held
from kraken_core.workbench.queries.required import Required, grade_asked
from kraken_core.workbench.queries.sql import answer
from kraken_core.workbench.requests import When
from kraken_core.workbench.transfer import Transfer

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

_IN_MEMORY = "sqlite://"
_LEDGER = "_ledger"


@dataclass
class Workbench:
    """A home's history: what is held of it, how complete it is, and the jobs that complete it.

    Reading creates nothing: a home comes into being with its first job. Close it, or use it as a context manager.
    """

    settings: Settings
    clock: SystemClock = field(default_factory=SystemClock)

    @classmethod
    def open(cls, home: str | Path | None = None) -> Self:
        """The workbench of a home: ``home``, else KRAKEN_HOME, else ./kraken-data. Raises SettingError, HomeError."""
        return cls(Settings.load(home))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, in whatever process, opens ledger, store and servers anew."""
        return type(self), tuple(getattr(self, each.name) for each in fields(self))

    def close(self) -> None:
        """Let go of the ledger, and of web servers."""
        if "remote" in self.__dict__:
            self.remote.close()
        if opened := self.__dict__.pop(_LEDGER, None):
            opened.close()

    @property
    def ledger(self) -> SqlLedger:
        """The home's ledger; an empty one in memory while there is none, as whoever only looks writes nothing."""
        opened: SqlLedger | None = self.__dict__.get(_LEDGER)
        if opened is None or opened.is_temporary:  # somebody else may have made one meanwhile
            where = (self.settings.ledger_url, self.settings.table, self.clock)
            opened = SqlLedger.existing(*where) or opened or SqlLedger.open(_IN_MEMORY, *where[1:])
            self.__dict__[_LEDGER] = opened
        return opened

    @cached_property
    def store(self) -> CandleTable:
        """The home's candle table."""
        return open_store(self.settings, self._assets, self._known_table)

    def _assets(self, tickers: Collection[str]) -> list[AssetRecord]:
        return self.ledger.assets(tickers)  # whichever it is by then: the first job makes one

    def _known_table(self) -> TableMark | None:
        return self.ledger.known_table()

    @cached_property
    def tiers(self) -> Tiers:
        """The tiers in force."""
        return self.settings.tiers().knowing(self.ledger.names().tokenized)

    @cached_property
    def remote(self) -> Remote:
        """Archives on web servers; what they hold is remembered."""
        return Remote(self.settings.home / "downloads")

    @property
    def state(self) -> str:
        """Another text once candles, coverage or gaps have changed, or a job has moved."""
        return f"{self.store.version} {self.ledger.state()}"

    @property
    def held(self) -> Held:
        """What is held of a selection."""
        return Held(self.ledger, self.store, self.tiers)

    @property
    def pictures(self) -> Pictures:
        """What is held of a selection, added up to what a screen can show."""
        return Pictures(self.ledger, self.store, self.tiers)

    @property
    def work(self) -> Work:
        """Planning and running jobs."""
        return Work(self.settings, self.ledger, self.store, self.tiers, self.clock, self.remote, self.exchange)

    def exchange(self, stop: Callable[[], bool], patience: Patience = PATIENT) -> Exchange:
        """The exchange's API, at the settings' address and pace; a wait for it ends when ``stop`` says so."""
        pace = self.settings.requests_per_second
        return KrakenExchange(
            self.settings.api_url,
            requests_per_second=pace,
            patience=patience,
            waiting=Waiting(stop),
            names=self.ledger.names(),
        )

    @overload
    def candles(
        self, pair: str | Pair, interval: int | str, start: When | None = None, end: When | None = None,
        *, fill: str | None = None, partial: bool = False, version: int | None = None, require_complete: bool = False,
        evidence: str | None = None, to: Literal["pandas"] = "pandas",
    ) -> pd.DataFrame: ...  # fmt: skip
    @overload
    def candles(
        self, pair: str | Pair, interval: int | str, start: When | None = None, end: When | None = None,
        *, fill: str | None = None, partial: bool = False, version: int | None = None, require_complete: bool = False,
        evidence: str | None = None, to: Literal["polars"],
    ) -> pl.DataFrame: ...  # fmt: skip
    @overload
    def candles(
        self, pair: str | Pair, interval: int | str, start: When | None = None, end: When | None = None,
        *, fill: str | None = None, partial: bool = False, version: int | None = None, require_complete: bool = False,
        evidence: str | None = None, to: Literal["arrow"],
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

        With ``require_complete`` nothing is read where any candle expected is missing or doubtful, or not on
        ``evidence`` as good as ``"proved"`` or ``"confirmed"`` (naming a grade requires it): IncompleteError says what
        is lacking. Raises UsageError for whatever it cannot be.
        """
        if fill not in {None, "previous"}:
            raise UsageError(f"fill is {fill!r}; it can be 'previous', or be left out.")
        if to not in {"pandas", "polars", "arrow"}:
            raise UsageError(f"to is {to!r}; it can be 'pandas', 'polars' or 'arrow'.")
        of, length = pair if isinstance(pair, Pair) else self.ledger.names().pair(pair), parse_length(interval)
        window = TimeRange(requests.instant(start or 0), END_OF_TIME if end is None else requests.instant(end))
        if require_complete or evidence:
            if version not in {None, self.version}:
                raise UsageError("whether an earlier version was complete is not kept: leave the version out.")
            Required(self.ledger, self.clock.now()).check(of, length, window, grade_asked(evidence))
        read = Reading(self.store, self.ledger).candles(
            of,
            length,
            window,
            fill=fill is not None,
            partial=partial,
            version=version,
        )
        found = frames.candles(read)
        if to == "polars":
            return found
        return found.to_arrow() if to == "arrow" else frames.indexed(found)

    @property
    def version(self) -> int:
        """The version of the candle table; it rises with every change, and can be read again later."""
        return self.store.version

    def sql(self, query: str) -> pd.DataFrame:
        """What a DuckDB query answers over the views candles, assets, pairs, jobs, files, coverage and gaps.

        Raises UsageError with DuckDB's reason for a wrong query.
        """
        return frames.pandas(self.query(query))

    def query(self, query: str) -> pl.DataFrame:
        """As :meth:`sql`, in polars."""
        return answer(query, self.store, self.ledger)

    def select(self, **selection: Any) -> Selection:  # noqa: ANN401 - passed on to be checked there
        """A selection from ``tier`` or ``tiers`` or ``pairs``, ``quotes``, ``intervals``, ``start_date``, ``end_date``.

        Raises UsageError for anything it cannot be.
        """
        return requests.selection(self.tiers, self.ledger.names(), **selection)

    def coverage(self, **selection: Any) -> pd.DataFrame:  # noqa: ANN401 - see select()
        """Covered ranges: pair, interval, start, end, source, candles. Arguments as for :meth:`select`."""
        found = self.held.coverage(self.select(**selection))
        return frames.table([documents.coverage_row(covered) for covered in found], documents.COVERAGE)

    def gaps(self, **selection: Any) -> pd.DataFrame:  # noqa: ANN401 - see select()
        """Open gaps as of the last detection, and how they can be filled. Arguments as for :meth:`select`."""
        return frames.table(
            [documents.gap_row(gap) for gap in self.held.gaps(self.select(**selection))], documents.GAPS
        )

    def completeness(self, **selection: Any) -> pd.DataFrame:  # noqa: ANN401 - see select()
        """Completeness by series as of the last detection. Arguments as for :meth:`select`."""
        report = self.held.report(self.select(**selection))
        return frames.table([documents.report_row(line) for line in report.series], documents.COMPLETENESS)

    def verify(
        self,
        *,
        report_only: bool = False,
        progress: Progress = unheard,
        **selection: Any,  # noqa: ANN401 - see select()
    ) -> Verification:
        """Series held against each other, and the ledger against the candles. Arguments as for :meth:`select`.

        Claims to silence that another interval contradicts are withdrawn, unless ``report_only`` or while a job runs.
        Raises StoreError where the table cannot be read.
        """
        return Verifying(self.work, self.held).run(self.select(**selection), progress, report_only=report_only)

    def copy(
        self,
        to: str,
        *,
        progress: Progress = unheard,
        stop: Callable[[], bool] = never,
        **selection: Any,  # noqa: ANN401 - see select()
    ) -> list[Copied]:
        """Copy candles into another table, ``to``: a folder or a server. Arguments as for :meth:`select`.

        What is there already is not written again, so that the same call goes on with one that was interrupted.
        Raises StoreError where a series is not equal in both afterwards.
        """
        return self._transfer.copy(to, self.select(**selection), progress, stop)

    def import_assetprice(self, assets: str | Path | None = None, *, progress: Progress = unheard) -> Adopted:
        """Take a table ``assetprice`` that is in QuestDB already into the ledger, and change nothing of it.

        ``assets``: a CSV of id and ticker, where the server has no table ``asset``. Raises UsageError, LedgerError.
        """
        self.create()
        return self._transfer.take_over(Path(assets) if assets else None, self.clock.now(), progress)

    @property
    def _transfer(self) -> Transfer:
        return Transfer(self.settings, self.ledger, self.store, self.tiers)

    def request(
        self,
        *,
        sources: Iterable[str | Path] | None = None,
        archive_through: When | None = None,
        as_of: When | None = None,
        auto_gap_fill: bool = True,
        stop_on_error: bool = False,
        api_backfill: bool = True,
        trades: bool = True,
        download: bool | None = None,
        max_requests: int | None = None,
        incremental: bool = False,
        complete: bool = False,
        **selection: Any,  # noqa: ANN401 - see select()
    ) -> Request:
        """What to ingest: the selection, and the sources (those of the settings where none are named).

        ``max_requests`` is 1,000, and published archives are not downloaded, unless said otherwise; with ``complete``
        every route is used, as often as it takes. Raises UsageError for anything it cannot be, and where nothing is
        selected.
        """
        chosen = self.select(**selection)
        if not chosen.tiers and not chosen.pairs:
            raise UsageError("name what to ingest: --tier TIER1, --tiers TIER1,TIER2, --pairs BTC/USD, or --tier ALL.")
        named = self.settings.csv_source_dirs if sources is None else sources
        return requests.request(
            chosen,
            sources=tuple(dict.fromkeys(requests.source_path(str(path)) for path in named)),
            archive_through=requests.day(archive_through),
            as_of=None if as_of is None else requests.instant(as_of),
            auto_gap_fill=auto_gap_fill,
            stop_on_error=stop_on_error,
            api_backfill=api_backfill,
            trades=trades,
            download=complete if download is None else download,
            max_requests=requests.most(max_requests, complete=complete),
            within_plan=requests.within_plan(max_requests, complete=complete),
            incremental=incremental,
        )

    def backfill_request(
        self,
        *,
        gap_ids: Iterable[int] = (),
        trades: bool = True,
        max_requests: int | None = None,
        as_of: When | None = None,
        complete: bool = False,
        **selection: Any,  # noqa: ANN401 - see select()
    ) -> Request:
        """What to fill: the open gaps named, or all of the selection (all there are, where nothing is selected).

        Raises UsageError for anything it cannot be, and for ids that no open gap has.
        """
        ids = tuple(dict.fromkeys(gap_ids))
        if unknown := set(ids) - {gap.id for gap in self.ledger.gaps()}:
            named = ", ".join(map(str, sorted(unknown)))
            raise UsageError(f"there is no open gap {named}: list them with kraken gaps --json.")
        return requests.request(
            self.select(**selection),
            as_of=None if as_of is None else requests.instant(as_of),
            trades=trades,
            max_requests=requests.most(max_requests, complete=complete),
            within_plan=requests.within_plan(max_requests, complete=complete),
            backfill=True,
            gap_ids=ids,
        )

    def plan(self, **request: Any) -> IngestionPlan:  # noqa: ANN401 - see request()
        """What a request will do. Writes nothing. Arguments as for :meth:`request`."""
        return self.work.plan(self.request(**request))

    def run(
        self, plan: IngestionPlan, *, progress: Progress = unheard, stop: Callable[[], bool] = never
    ) -> IngestionJob:
        """Do what the plan says, to the end; an unfinished job of the same request is taken up instead.

        Raises what :meth:`Work.run` raises.
        """
        self.work.check_ready(plan)
        self.create()
        job = self.work.unfinished(plan.request)
        if job:
            return self.work.run(job, progress=progress, stop=stop).job
        return self.work.run(self.work.start(plan), plan, progress=progress, stop=stop).job

    def start(self, plan: IngestionPlan, workers: int | None = None) -> IngestionJob:
        """As :meth:`run`, but in a process of its own; returns the job once that has taken it up.

        Raises what :meth:`Work.start_detached` raises, HomeError where the plan cannot go well.
        """
        self.work.check_ready(plan)
        self.create()
        return self.work.start_detached(self.work.unfinished(plan.request) or self.work.start(plan), workers)

    def export(
        self,
        folder: str | Path,
        selection: Selection,
        *,
        kind: str = "parquet",
        fill: str | None = None,
        require_complete: bool = False,
        evidence: str | None = None,
        overwrite: bool = False,
    ) -> list[Exported]:
        """Write the selection's candles to ``folder``, one file a series.

        ``kind``: ``parquet``, ``csv`` as Kraken's own, or ``feather`` as freqtrade's. Missing slots are left out, or
        nothing is written where ``require_complete`` and there are any, or doubtful ones, or some not on ``evidence``
        as good as asked (naming a grade requires it). Silent ones are left out too, unless
        ``fill="previous"``. Returns a line a file. Raises UsageError before anything is written where a file exists and
        may not be replaced, IncompleteError where something is missing that may not be.
        """
        if kind not in KINDS or fill not in {None, "previous"}:
            raise UsageError(f"kind is one of {', '.join(KINDS)}, and fill 'previous' or left out.")
        report = self.held.report(selection)
        grade = grade_asked(evidence)
        if require_complete or evidence:
            check_held(report, selection.pairs)
            check_complete(report, grade=grade)
        export = Export(Reading(self.store, self.ledger), Path(folder), kind, fill=fill is not None)
        missing = {line.series: line.counts.missing for line in report.series}
        return export.write(self.held.series(selection), selection.window(END_OF_TIME), missing, overwrite=overwrite)

    def create(self) -> None:
        """Make the home, where it does not exist yet."""
        self.settings.create_home()
        if self.ledger.is_temporary:
            self.close()
            self.__dict__[_LEDGER] = SqlLedger.open(self.settings.ledger_url, self.settings.table, self.clock)

    def jobs(self) -> list[IngestionJob]:
        """Every job, newest first."""
        return self.ledger.jobs()
