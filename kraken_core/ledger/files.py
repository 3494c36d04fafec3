"""Files: what was read of which archive, and what a batch of them brought."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, case, exists, func, select, true

from kraken_core.domain.coverage import Assertion
from kraken_core.domain.errors import IllegalMoveError
from kraken_core.domain.jobs import FileIngestionRecord, FileStatus, JobMetrics
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.plan import KnownFile
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ledger.bulk import change_many, chunks, read_many
from kraken_core.ledger.claims import Claims
from kraken_core.ledger.jobs import Jobs
from kraken_core.ledger.models import assertion, file_ingestion_record
from kraken_core.ledger.rows import FILE, OUTCOME, file_of, outcome_of
from kraken_core.ledger.transactions import transaction
from kraken_core.ledger.undone import not_undone

_FILE = file_ingestion_record.c
_CLAIM = assertion.c
_COUNTS = not_undone(file_ingestion_record)
_READ = (FileStatus.COMPLETED, FileStatus.SKIPPED)


class Files(Jobs, Claims):
    """The part of the ledger that keeps files, and stores a batch of them with its claims and metrics."""

    @transaction
    def pending_files(self, job_id: int) -> list[FileIngestionRecord]:
        """The job's PENDING files in the order of the plan; the failed ones are among them once it was resumed."""
        return self._files((_FILE.job_id == job_id) & (_FILE.status == FileStatus.PENDING))

    @transaction
    def files(self, job_id: int | None = None) -> list[FileIngestionRecord]:
        """The files of a job, or of all jobs, oldest first."""
        return self._files(true() if job_id is None else _FILE.job_id == job_id)

    @transaction
    def known_stamps(self) -> Mapping[tuple[str, str, str, Series], KnownFile]:
        """Files read before (COMPLETED or SKIPPED) by (path, member, stamp, series)."""
        columns = (_FILE.path, _FILE.member, _FILE.stamp, _FILE.pair_id, _FILE.interval, _FILE.content_hash)
        known = {}
        with self._reading() as connection:
            ranks = self._best_ranks(connection)
            rows = read_many(connection, select(*columns).where(_FILE.status.in_(_READ), _COUNTS).order_by(_FILE.id))
            for path, member, stamp, pair_id, interval, content_hash in rows:
                if (rank := ranks.get((content_hash, pair_id, interval))) is not None:
                    known[path, member, stamp, self._series[pair_id, interval]] = KnownFile(content_hash, rank)
        return known

    @transaction
    def unread_files(self) -> list[FileIngestionRecord]:
        """Files that failed, in whatever job, and were not read since: each as it failed last, by age."""
        return self._unread()

    @transaction
    def files_with_rejected_rows(self) -> list[FileIngestionRecord]:
        """Files of which rows were rejected when they were last read, in whatever job, by age."""
        return self._last(_FILE.status.in_(_READ) & (_FILE.records_rejected > 0))

    @transaction
    def unreadable(self) -> Mapping[Series, str]:
        """Why a file of a series could not be read, where it was not read since."""
        return {file.series: file.failure for file in self._unread()}

    def _unread(self) -> list[FileIngestionRecord]:
        return self._last(_FILE.status == FileStatus.FAILED)

    def _last(self, outcome: ColumnElement[bool]) -> list[FileIngestionRecord]:
        """Files with such an outcome that were not read since, nor failed."""
        later = file_ingestion_record.alias()
        same = [later.c[name] == _FILE[name] for name in ("path", "member", "pair_id", "interval")]
        came = later.c.status.in_((*_READ, FileStatus.FAILED))
        since = exists().where(*same, later.c.id > _FILE.id, came, not_undone(later))
        return self._files(outcome & _COUNTS & ~since)

    @transaction
    def rows_read(self, paths: Collection[str]) -> Mapping[str, tuple[int, int]]:
        """How many files of archives were read, and the rows that were in them, as each was last read."""
        of_these = _FILE.path.in_(paths) & _FILE.status.in_(_READ) & _COUNTS
        last = select(func.max(_FILE.id)).where(of_these).group_by(_FILE.path, _FILE.member)
        counts = select(_FILE.path, func.count(), func.sum(_FILE.records)).where(_FILE.id.in_(last))
        with self._reading() as connection:
            return {
                path: (files, int(rows))  # PostgreSQL adds whole numbers up to decimals
                for path, files, rows in read_many(connection, counts.group_by(_FILE.path))
            }

    @transaction
    def known_contents(self) -> Mapping[tuple[str, Series], int]:
        """The best rank at which the same bytes were ingested for a series, by (content hash, series)."""
        with self._reading() as connection:
            ranks = self._best_ranks(connection)
        return {
            (content, self._series[pair_id, interval]): best for (content, pair_id, interval), best in ranks.items()
        }

    @transaction
    def contents(self, pairs: Collection[Pair]) -> Mapping[Series, Mapping[str, str]]:
        """The contents read for the series of these pairs: content hash to the path of the archive read last."""
        columns = (_FILE.pair_id, _FILE.interval, _FILE.content_hash, _FILE.path)
        found: dict[Series, dict[str, str]] = defaultdict(dict)
        with self._reading() as connection:
            read = select(*columns).where(
                _FILE.status.in_(_READ), _COUNTS, self._of_pairs(file_ingestion_record, pairs)
            )
            for pair_id, interval, content_hash, path in read_many(connection, read.order_by(_FILE.id)):
                found[self._series[pair_id, interval]][content_hash] = path
        return found

    @transaction
    def files_with_content(self, content: str, pairs: Collection[Pair]) -> list[FileIngestionRecord]:
        """The files of these pairs that were read and had this content, oldest first."""
        found = self._files(_FILE.status.in_(_READ) & _COUNTS & (_FILE.content_hash == content))
        return [file for file in found if file.series.pair in pairs]

    @transaction
    def doubted_contents(self, pairs: Collection[Pair] | None = None) -> Mapping[Series, frozenset[str]]:
        """The contents read for series that a refused file of another pair had too: see ports.ClaimLedger."""
        later = file_ingestion_record.alias()
        same = [later.c[name] == _FILE[name] for name in ("path", "member", "pair_id", "interval")]
        since = exists().where(*same, later.c.id > _FILE.id, later.c.status.in_(_READ), not_undone(later))
        refused = (_FILE.status == FileStatus.FAILED) & (_FILE.content_hash != "") & _COUNTS & ~since
        found: dict[Series, set[str]] = defaultdict(set)
        with self._reading() as connection:
            read = select(_FILE.pair_id, _FILE.interval, _FILE.content_hash).where(
                _FILE.status.in_(_READ), _COUNTS, self._of_pairs(file_ingestion_record, pairs)
            )
            contents = [content for (content,) in read_many(connection, select(_FILE.content_hash).where(refused))]
            for some in chunks(sorted(set(contents))):
                for pair_id, interval, content in read_many(connection, read.where(_FILE.content_hash.in_(some))):
                    found[self._series[pair_id, interval]].add(content)
        return {series: frozenset(contents) for series, contents in found.items()}

    @transaction
    def first_candles(self, pairs: Collection[Pair] | None = None) -> Mapping[Series, int]:
        """The first candle that files, or imported tables, ever had of each series."""
        seen = select(_FILE.pair_id, _FILE.interval, func.min(_FILE.first_time)).where(
            _FILE.first_time.is_not(None), _FILE.status.in_(_READ), _COUNTS
        )
        taken = select(_CLAIM.pair_id, _CLAIM.interval, func.min(_CLAIM.start)).where(
            _CLAIM.adopted, not_undone(assertion)
        )
        found: dict[Series, int] = {}
        with self._reading() as connection:
            for first, table in ((seen, file_ingestion_record), (taken, assertion)):
                of_pairs = first.where(self._of_pairs(table, pairs)).group_by(table.c.pair_id, table.c.interval)
                for pair_id, interval, instant in read_many(connection, of_pairs):
                    series = self._series[pair_id, interval]
                    found[series] = min(instant, found.get(series, instant))
        return found

    @transaction
    def stored_spans(self) -> Mapping[Series, TimeRange]:
        """From the first to the last candle that files brought of each series."""
        spans = select(_FILE.pair_id, _FILE.interval, func.min(_FILE.first_time), func.max(_FILE.last_time)).where(
            _FILE.first_time.is_not(None), _FILE.status.in_(_READ), _COUNTS
        )
        with self._reading() as connection:
            rows = read_many(connection, spans.group_by(_FILE.pair_id, _FILE.interval))
            found = {self._series[pair_id, interval]: span for pair_id, interval, *span in rows}
        return {series: TimeRange(first, last + series.width) for series, (first, last) in found.items()}

    @transaction
    def unread_spans(self) -> Mapping[Series, TimeRange]:
        """From the first to the last slot that archives state of series whose files could not be read.

        As long as nothing else of the pair was read of that archive.
        """
        read = file_ingestion_record.alias()
        same = read.c.path == _FILE.path, read.c.pair_id == _FILE.pair_id
        of_archive = *same, read.c.status.in_(_READ), not_undone(read)
        spans = select(_FILE.pair_id, _FILE.interval, func.min(_FILE.first_time), func.max(_FILE.last_time)).where(
            _FILE.first_time.is_not(None), _FILE.status == FileStatus.FAILED, _COUNTS, ~exists().where(*of_archive)
        )
        with self._reading() as connection:
            rows = read_many(connection, spans.group_by(_FILE.pair_id, _FILE.interval))
            found = {self._series[pair_id, interval]: span for pair_id, interval, *span in rows}
        return {series: TimeRange(first, last + series.width) for series, (first, last) in found.items()}

    @transaction
    def record_files(
        self,
        job_id: int,
        files: Sequence[FileIngestionRecord],
        assertions: Sequence[Assertion],
        stale: Mapping[Series, TimeRanges],
        metrics: JobMetrics,
    ) -> None:
        """What a committed batch brought, all or nothing.

        Raises IllegalMoveError where one of the files is not pending any more.
        """
        with self._writing({claim.series.pair for claim in assertions}) as connection:
            self._settle(connection, job_id, files)
            claims = [*self._withdrawals(connection, stale), *self._unmade(connection, assertions)]
            self._append(connection, claims, job_id)
            self._end_changes(connection)
            self._store_metrics(connection, job_id, metrics)

    def _settle(self, connection: Connection, job_id: int, files: Sequence[FileIngestionRecord]) -> None:
        if not files:
            return
        rows = ((outcome_of(file), (file.id, FileStatus.PENDING.value)) for file in files)
        moved = change_many(
            connection, file_ingestion_record, OUTCOME, rows, where=("id", "status"), updated_at=self._now()
        )
        if moved != len(files):
            raise IllegalMoveError(
                f"{len(files) - moved} of {len(files)} files of job {job_id} are not pending any more: another worker "
                "recorded them meanwhile. Nothing of this batch was recorded; its candles are kept. "
                f"See the job's state: kraken-history jobs {job_id}"
            )

    def _files(
        self, where: ColumnElement[bool], most: int | None = None, order: ColumnElement[int] = _FILE.id
    ) -> list[FileIngestionRecord]:
        query = select(*(_FILE[name] for name in FILE)).where(where).order_by(order).limit(most)
        with self._reading() as connection:
            return [file_of(row, self._series) for row in read_many(connection, query)]

    def _best_ranks(self, connection: Connection) -> dict[tuple[str, int, int], int]:
        """By content, pair id and interval; of what was only skipped, nothing is there."""
        content = (_FILE.content_hash, _FILE.pair_id, _FILE.interval)
        ingested = select(*content, func.max(_FILE.rank)).where(_FILE.status.in_(_READ), _COUNTS).group_by(*content)
        stored = ingested.having(func.max(case((_FILE.status == FileStatus.COMPLETED, 1), else_=0)) == 1)
        return {tuple(ids): rank for *ids, rank in read_many(connection, stored)}
