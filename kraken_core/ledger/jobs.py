"""Jobs: their rows, their moves and their history."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from sqlalchemy import Connection, bindparam, case, delete, insert, null, select, update

from kraken_core.domain.errors import IllegalMoveError, JobError, JobRunningError
from kraken_core.domain.jobs import (
    BY_HAND,
    Control,
    FileIngestionRecord,
    FileStatus,
    IngestionJob,
    JobMetrics,
    JobOrigin,
    JobStatus,
    ProgressReport,
)
from kraken_core.domain.request import Request
from kraken_core.domain.run_history import StageRun
from kraken_core.ledger.bulk import add_many, add_rows
from kraken_core.ledger.gaps import release_backfilling
from kraken_core.ledger.holding import not_this_workers
from kraken_core.ledger.models import file_ingestion_record, ingestion_job, job_event
from kraken_core.ledger.rows import ORIGIN, OUTCOME, job_of, metrics_columns, outcome_of, request_columns
from kraken_core.ledger.run_history import add_stages
from kraken_core.ledger.transactions import Transactions, transaction
from kraken_core.ledger.undone import being_undone, is_being_undone
from kraken_core.ports import JobEvent

# Made once: the frequent updates of a running job always have the same columns.
_REACHED = ingestion_job.c.progress_pct
_MOST = case((bindparam("reached") < _REACHED, _REACHED), else_=bindparam("reached"))  # there may turn out to be more
_OF_JOB = update(ingestion_job).where(ingestion_job.c.id == bindparam("job")).values(progress_pct=_MOST)
_OF_RUNNING_JOB = _OF_JOB.where(ingestion_job.c.status == JobStatus.RUNNING)
_ENDED = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)


class Jobs(Transactions):
    """The part of the ledger that keeps jobs; see ``kraken_core.ports.Ledger`` for what each method promises."""

    @transaction
    def create_job(
        self,
        request: Request,
        as_of: int,
        files: Sequence[FileIngestionRecord],
        metrics: JobMetrics,
        origin: JobOrigin = BY_HAND,
    ) -> IngestionJob:
        """A PENDING job with its PENDING files."""
        now = self._now()
        with self._writing(file.series.pair for file in files) as connection:
            new = insert(ingestion_job).values(
                status=JobStatus.PENDING,
                stage="",
                worker="",
                candle_table=self._table,
                created_at=now,
                updated_at=now,
                **request_columns(request, as_of),
                **metrics_columns(metrics),
                progress_pct=metrics.progress_pct,
                trigger=origin.trigger,
                kind=origin.kind or request.kind,
            )
            job = job_of(connection.execute(new.returning(ingestion_job)).one())
            rows = (self._row(file) for file in files)
            same = {"job_id": job.id, "created_at": now, "updated_at": now}
            add_many(connection, file_ingestion_record, (*ORIGIN, *OUTCOME), rows, **same)
            return job

    @transaction
    def job(self, job_id: int) -> IngestionJob:
        """Raises JobError where there is none."""
        with self._reading() as connection:
            return self._job(connection, job_id)

    @transaction
    def jobs(self, statuses: Collection[JobStatus] = (), request_key: str | None = None) -> list[IngestionJob]:
        """Newest first; of the given statuses and request only, where given."""
        rows = select(ingestion_job).order_by(ingestion_job.c.id.desc())
        if statuses:
            rows = rows.where(ingestion_job.c.status.in_(statuses))
        if request_key is not None:
            rows = rows.where(ingestion_job.c.request_key == request_key)
        with self._reading() as connection:
            return [job_of(row) for row in connection.execute(rows)]

    @transaction
    def last_table(self) -> str | None:
        """The candle table that the newest job used, of those that ever ran; None where none did."""
        columns = ingestion_job.c
        ran = select(columns.candle_table).where(columns.started_at.is_not(None)).order_by(columns.id.desc()).limit(1)
        with self._reading() as connection:
            return connection.scalar(ran)

    @transaction
    def discard_job(self, job: IngestionJob) -> None:
        """Delete a PENDING job with its files and events: see ports.Ledger."""
        with self._writing() as connection:
            if self._job(connection, job.id).status is JobStatus.PENDING:
                for table in (file_ingestion_record, job_event):
                    connection.execute(delete(table).where(table.c.job_id == job.id))
                connection.execute(delete(ingestion_job).where(ingestion_job.c.id == job.id))

    @transaction
    def move(self, before: IngestionJob, after: IngestionJob) -> IngestionJob:
        """Store a move, if the job still has the status and the worker of ``before``.

        A job that runs again gets its failed files back as pending ones. The metrics stored stay. Where a job begins
        to run or stops, no gap stays BACKFILLING.
        """
        now = self._now()
        with self._writing() as connection:
            stored = self._job(connection, before.id)
            if after.status is JobStatus.RUNNING:
                running = stored if stored.status is JobStatus.RUNNING else self._running(connection)
                if running:
                    raise JobRunningError(_is_running(running))
                if (undoing := being_undone(connection, self._table)) is not None:
                    raise JobRunningError(is_being_undone(undoing))
            changes: dict[str, object] = {
                "status": after.status,
                "worker": after.worker,
                "error": after.error,
                "worker_lost": after.worker_lost,
                "lease_until": after.lease_until,
                "asked": after.requested,
                "doing": None,
                "updated_at": now,
            }
            if after.status is JobStatus.RUNNING:  # on this table, whichever it was requested for
                same = ingestion_job.c.candle_table == self._table  # else its versions are others
                changes |= {"started_at": stored.started_at or now, "finished_at": None, "candle_table": self._table}
                changes |= {"table_version": case((same, ingestion_job.c.table_version), else_=null())}
            elif after.status in _ENDED:
                last_seen = after.finished_at if after.worker_lost else None
                changes |= {"finished_at": last_seen or now}
            if after.status is JobStatus.COMPLETED:
                changes |= {"stage": "", "progress_pct": after.progress_pct}
            as_before = (
                ingestion_job.c.id == before.id,
                ingestion_job.c.status == before.status,
                ingestion_job.c.worker == before.worker,
            )
            moving = update(ingestion_job).where(*as_before).values(changes).returning(ingestion_job)
            moved = connection.execute(moving).one_or_none()
            if moved is None:
                raise IllegalMoveError(
                    f"job {before.id} is {stored.status.lower()} now: another process moved it, so it did not "
                    f"become {after.status.lower()}. See its state: kraken-history jobs {before.id}"
                )
            if JobStatus.RUNNING in {stored.status, after.status}:  # whose worker may have vanished, or vanishes now
                release_backfilling(connection, now)
            by = f"by {after.worker}" if after.status is JobStatus.RUNNING else ""
            self._add_event(connection, before.id, after.status.lower(), after.error or by)
            if (
                after.status is JobStatus.RUNNING
                and stored.started_at
                and self._reopen_failed_files(connection, stored)
            ):
                return self._job(connection, before.id)
            return job_of(moved)

    @transaction
    def progress(self, job_id: int, stage: str, metrics: JobMetrics, ended: Sequence[StageRun] = ()) -> None:
        """Store how far a running job is, and stages that have ended. Raises IllegalMoveError where it does not run."""
        with self._writing() as connection:
            changes = {"job": job_id, "stage": stage, "updated_at": self._now(), **_reached(metrics)}
            if not connection.execute(_OF_RUNNING_JOB, changes).rowcount:
                status = self._job(connection, job_id).status
                raise IllegalMoveError(
                    f"job {job_id} is {status} and does not run any more, so its progress was not stored. "
                    f"See its state: kraken-history jobs {job_id}"
                )
            add_stages(connection, job_id, ended)

    @transaction
    def add_event(self, job_id: int, kind: str, message: str) -> None:
        """Append to the job's history. Raises JobError where there is no such job."""
        with self._writing() as connection:
            self._add_event(connection, self._job(connection, job_id).id, kind, message)

    @transaction
    def events(self, job_id: int) -> list[JobEvent]:
        """The job's history, oldest first."""
        columns = job_event.c
        events = select(columns.at, columns.kind, columns.message).where(columns.job_id == job_id).order_by(columns.id)
        with self._reading() as connection:
            return [JobEvent(*row) for row in connection.execute(events)]

    @transaction
    def seconds_stopped(self, job_ids: Collection[int] | None = None) -> Mapping[int, int]:
        """How long jobs stopped before they were resumed: of these jobs, or of all, those that were."""
        columns = job_event.c
        stops = (JobStatus.PAUSED.lower(), JobStatus.FAILED.lower())
        moves = columns.kind.in_((*stops, JobStatus.RUNNING.lower()))
        those = select(columns.job_id).where(columns.kind.in_(stops)) if job_ids is None else job_ids
        found: defaultdict[int, int] = defaultdict(int)
        with self._reading() as connection:
            rows = connection.execute(
                select(columns.job_id, columns.kind, columns.at)
                .where(moves, columns.job_id.in_(those))
                .order_by(columns.job_id, columns.id)
            ).all()
        for (job_id, kind, stopped), (resumed_id, resumed, at) in pairwise(rows):
            if job_id == resumed_id and kind in stops and resumed == JobStatus.RUNNING.lower():
                found[job_id] += at - stopped
        return found

    @transaction
    def renew(self, job: IngestionJob, lease_s: int, doing: ProgressReport | None = None) -> Control | None:
        """Renew a worker's lease of its running job, record progress, and return what was requested meanwhile."""
        columns = ingestion_job.c
        mine = columns.id == job.id, columns.status == JobStatus.RUNNING, columns.worker == job.worker
        renewed = update(ingestion_job).where(*mine).returning(columns.asked)
        with self._writing() as connection:
            until = self._instant(connection) + lease_s
            changes = {"lease_until": until, "doing": json.dumps(doing) if doing else None}
            row = connection.execute(renewed.values(changes)).one_or_none()
            if row is None:
                raise not_this_workers(job.id)
        return Control(row.asked) if row.asked else None

    @transaction
    def request_control(self, job_id: int, control: Control) -> None:
        """Request that a running job pauses, or is cancelled. Raises JobError where it does not run."""
        running = ingestion_job.c.id == job_id, ingestion_job.c.status == JobStatus.RUNNING
        with self._writing() as connection:
            if not connection.execute(update(ingestion_job).where(*running).values(asked=control)).rowcount:
                status = self._job(connection, job_id).status
                raise JobError(f"job {job_id} is {status.lower()}: only a running job can {control.lower()}.")
            self._add_event(connection, job_id, "requested", control.lower())

    def _row(self, file: FileIngestionRecord) -> tuple[object, ...]:
        """A file that has not been read yet."""
        pair, interval = file.series
        origin = (file.path, file.member, file.stamp, file.size, self._pair_ids[pair], interval)
        _, *outcome = outcome_of(file)
        return (*origin, FileStatus.PENDING.value, *outcome)

    def _add_event(self, connection: Connection, job_id: int, kind: str, message: str) -> None:
        event = {"job_id": job_id, "kind": kind, "message": message, "at": self._clock.now()}
        add_rows(connection, job_event, [event])

    def _job(self, connection: Connection, job_id: int) -> IngestionJob:
        row = connection.execute(select(ingestion_job).where(ingestion_job.c.id == job_id)).one_or_none()
        if row is None:
            raise JobError(f"there is no job {job_id}. List the jobs with: kraken-history jobs")
        return job_of(row)

    def _running(self, connection: Connection) -> IngestionJob | None:
        """The job that runs on this candle table; while we write, no other one begins to."""
        columns = ingestion_job.c
        running = columns.status == JobStatus.RUNNING, columns.candle_table == self._table
        row = connection.execute(select(ingestion_job).where(*running)).one_or_none()
        return job_of(row) if row else None

    def _reopen_failed_files(self, connection: Connection, job: IngestionJob) -> bool:
        """Whether there were any."""
        files = file_ingestion_record.c
        failed = files.job_id == job.id, files.status == FileStatus.FAILED
        pending = {"status": FileStatus.PENDING, "error": None, "updated_at": self._now()}
        reopened = connection.execute(update(file_ingestion_record).where(*failed).values(pending)).rowcount > 0
        if reopened:  # so that it is less far again than it was
            metrics = replace(job.metrics, files_failed=0)
            back = {**metrics_columns(metrics), "progress_pct": metrics.progress_pct, "updated_at": self._now()}
            connection.execute(update(ingestion_job).where(ingestion_job.c.id == job.id).values(back))
        return reopened

    def _store_metrics(self, connection: Connection, job_id: int, metrics: JobMetrics) -> None:
        connection.execute(_OF_JOB, {"job": job_id, "updated_at": self._now(), **_reached(metrics)})


def _reached(metrics: JobMetrics) -> dict[str, float]:
    return {**metrics_columns(metrics), "reached": metrics.progress_pct}


def _is_running(job: IngestionJob) -> str:
    stage = job.stage or "start"
    return f"job {job.id} is running (stage {stage}): wait for it, or pause it with: kraken-history pause {job.id}"
