"""What was read, requested, and claimed by it: files, answers, claims and counter-claims."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from kraken_core.domain.archives import Archive
    from kraken_core.domain.coverage import Assertion
    from kraken_core.domain.jobs import FileIngestionRecord, JobMetrics
    from kraken_core.domain.market import Pair, Series
    from kraken_core.domain.plan import KnownFile
    from kraken_core.domain.sweep_points import SweepPoint
    from kraken_core.domain.timerange import TimeRange, TimeRanges
    from kraken_core.domain.trade_spans import TradeSpan


class ClaimLedger(Protocol):
    """What was read, requested, and claimed by it: files, answers, claims and counter-claims.

    Every method is one transaction.
    """

    def pending_files(self, job_id: int) -> list[FileIngestionRecord]:
        """The job's files not yet read (PENDING), in the order of the plan; FAILED ones too when resumed."""
        ...

    def files(self, job_id: int | None = None) -> list[FileIngestionRecord]:
        """The files of a job, or of all jobs, oldest first."""
        ...

    def known_stamps(self) -> Mapping[tuple[str, str, str, Series], KnownFile]:
        """Files read before (COMPLETED or SKIPPED) by (path, member, stamp, series)."""
        ...

    def unread_files(self) -> list[FileIngestionRecord]:
        """Files that could not be read, in whatever job, and were not read since: each as it failed last, by age."""
        ...

    def files_with_rejected_rows(self) -> list[FileIngestionRecord]:
        """Files of which rows were rejected when they were last read, in whatever job, by age."""
        ...

    def unreadable(self) -> Mapping[Series, str]:
        """Why a file of a series could not be read, by series, the newest; files that were read since are left out."""
        ...

    def rows_read(self, paths: Collection[str]) -> Mapping[str, tuple[int, int]]:
        """How many files of archives were read, and the rows that were in them, as each was last read."""
        ...

    def known_contents(self) -> Mapping[tuple[str, Series], int]:
        """The best rank at which the same bytes were ingested for a series, by (content hash, series)."""
        ...

    def record_files(
        self,
        job_id: int,
        files: Sequence[FileIngestionRecord],
        assertions: Sequence[Assertion],
        stale: Mapping[Series, TimeRanges],
        metrics: JobMetrics,
    ) -> None:
        """What a committed batch brought, all or nothing: file states, claims and metrics.

        A claim that exists already, or was withdrawn, is not made again. Derived claims of the ``stale`` ranges are
        withdrawn, so that they are derived again. ``files`` carry the ids of their PENDING records.
        """
        ...

    def record_answers(
        self,
        job_id: int,
        assertions: Sequence[Assertion],
        stale: Mapping[Series, TimeRanges],
        points: Mapping[Pair, SweepPoint | None],
        metrics: JobMetrics,
        *,
        spans: Sequence[TradeSpan] = (),
    ) -> None:
        """What committed answers of the exchange brought, all or nothing: claims, metrics, how far sweeps are.

        Derived claims of the ``stale`` ranges are withdrawn, so that they are derived again. The sweep of a pair
        resumes at its point, or is at its end where that is None. ``spans`` say which trade ids it saw.
        """
        ...

    def trade_spans(self, pair: Pair, *, ending: Collection[int] | None = None) -> Sequence[TradeSpan]:
        """What sweeps saw of a pair's trade ids, by time; of the same time the latest first.

        All of it, or only what ends at one of some instants (epoch seconds).
        """
        ...

    def sweep_points(self) -> Mapping[Pair, SweepPoint]:
        """Where unfinished sweeps of trades resume."""
        ...

    def claim(self, assertions: Sequence[Assertion]) -> None:
        """Append claims and counter-claims as they are, in order."""
        ...

    def begin_change(self, derived: Mapping[Series, TimeRanges]) -> None:
        """Record, before the table changes, where what is derived is about to: of these series and of coarser ones.

        It ends with what is recorded of the commit: :meth:`record_files`, :meth:`record_answers`, :meth:`end_change`.
        """
        ...

    def changing(self) -> Mapping[Series, TimeRanges]:
        """The slots whose change was begun and did not end, as a job ended in between: they count as not covered."""
        ...

    def end_change(self, withdrawn: Sequence[Assertion]) -> None:
        """Append the counter-claims to what was removed, all or nothing: the change that was begun has ended."""
        ...

    def assertions(self, pairs: Collection[Pair] | None = None) -> list[Assertion]:
        """Claims and counter-claims in the order they were made; of all pairs where none are given."""
        ...

    def join_claims(self) -> int:
        """Have one row stand for claims that adjoin and are alike; returns how many rows fewer there are.

        What was claimed when, and by which job, stays known, and can be undone.
        """
        ...

    def files_with_content(self, content: str, pairs: Collection[Pair]) -> Sequence[FileIngestionRecord]:
        """The files of these pairs that were read, in whatever job, and had this content (its hash); oldest first."""
        ...

    def doubted_contents(self, pairs: Collection[Pair] | None = None) -> Mapping[Series, frozenset[str]]:
        """The contents read for series that a file of another pair had too, by hash: whose they are is unknown.

        That file was refused, and was not read since: FAILED with its content known.
        """
        ...

    def refuted_by_content(self) -> Mapping[tuple[str, Series], TimeRanges]:
        """Where contents were contradicted, by (content hash, series): what they have of these slots counts no more."""
        ...

    def first_candles(self, pairs: Collection[Pair] | None = None) -> Mapping[Series, int]:
        """The first candle ever seen of each series (open, epoch seconds)."""
        ...

    def unread_spans(self) -> Mapping[Series, TimeRange]:
        """From the first to the last slot that archives state of series whose files could not be read, epoch seconds.

        As long as nothing else of the pair was read of that archive.
        """
        ...

    def stored_spans(self) -> Mapping[Series, TimeRange]:
        """From the first to the last candle that files brought of each series, epoch seconds; covered or not."""
        ...

    def record_archives(self, archives: Sequence[Archive]) -> None:
        """Record what complete archives state and which pairs they contain: absent ones had no trades.

        And which names of files in them name no pair: a pair that is known by that name later is not absent.
        """
        ...

    def complete_archives(self) -> list[tuple[Archive, frozenset[Pair]]]:
        """The complete archives ever ingested (without their files), with the pairs they contain."""
        ...
