"""What the ledger has of lost candles: it stays on record, is void, and may be read again.

Counter-claims would not do: they mean that a source was wrong, so that it is no longer used (domain rule 12).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, false, or_, select, true, update

from kraken_core.domain.candles import Source
from kraken_core.domain.market import Series
from kraken_core.domain.table_mark import TableMark
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ledger.bulk import chunks
from kraken_core.ledger.holding import store_mark
from kraken_core.ledger.joined import JoinedClaims
from kraken_core.ledger.kept_records import forget_earlier, keeping
from kraken_core.ledger.models import (
    assertion,
    data_coverage_range,
    file_ingestion_record,
    ingestion_job,
    joined_claim,
    trade_sweep,
)
from kraken_core.ledger.transactions import transaction
from kraken_core.ledger.undone import not_undone
from kraken_core.ports import Forgotten

_CLAIM, _FILE, _JOB = assertion.c, file_ingestion_record.c, ingestion_job.c
# Of counter-claims only those to what was derived go: where a source was contradicted, it stays so.
_COUNTS = and_(not_undone(assertion), or_(~_CLAIM.withdrawn, _CLAIM.source == Source.DERIVED))

_SPANS = select(_CLAIM.job_id, _CLAIM.pair_id, _CLAIM.interval, _CLAIM.evidence, _CLAIM.start, _CLAIM.end)
_OF_FILES = _CLAIM.evidence.in_(select(_FILE.content_hash).where(_FILE.content_hash != "")) & ~_CLAIM.withdrawn
_OF_LOST = _CLAIM.lost_at.is_not(None) & _OF_FILES & _CLAIM.job_id.in_(select(_JOB.id).where(_JOB.undone_at.is_(None)))
_LOST = _SPANS.where(_OF_LOST)
_THERE = _SPANS.where(not_undone(assertion), _OF_FILES, _CLAIM.evidence.in_(select(_CLAIM.evidence).where(_OF_LOST)))


class Lost(JoinedClaims):
    """The part of the ledger that lets go of what it can count on no more."""

    @transaction
    def jobs_reached(self) -> dict[int, TableMark]:
        """How far jobs brought the candle table, by their ids, as far as recorded; identities are left out."""
        said = select(_JOB.id, _JOB.table_reached, _JOB.table_stamp).where(
            _JOB.candle_table == self._table, _JOB.table_reached.is_not(None)
        )
        with self._reading() as connection:
            return {id_: TableMark("", version, stamp or "") for id_, version, stamp in connection.execute(said)}

    @transaction
    def forget_lost(
        self, jobs: Collection[int] | None, ranges: Mapping[Series, TimeRanges], mark: TableMark
    ) -> Forgotten:
        """Void claims, and the files they are based on: see ports.Ledger."""
        with self._writing() as connection:
            of_jobs = [_of_jobs(column, jobs) for column in (joined_claim.c.job_id, _CLAIM.job_id)]
            self._take_apart(connection, of_jobs[0], of_jobs[1] | self._in_ranges(ranges))
            files = self._forget_claims(connection, of_jobs[1])
            files |= self._forget_claims(connection, self._in_ranges(ranges))
            pairs = {pair_id for pair_id, _, _ in files}
            readers = self._forget_files(connection, _of_jobs(_FILE.job_id, jobs))
            for pair_id, interval, content in sorted(files):
                same = _FILE.pair_id == pair_id, _FILE.interval == interval, _FILE.content_hash == content
                readers |= self._forget_files(connection, and_(*same))
            with keeping(connection, data_coverage_range, data_coverage_range.c.pair_id.in_(pairs), self._clock.now()):
                for table in (data_coverage_range, trade_sweep):
                    connection.execute(delete(table).where(table.c.pair_id.in_(pairs)))
            store_mark(connection, self._table, mark, self._now())
            forget_earlier(connection, self._clock.now())
            return Forgotten(tuple(sorted(self._pairs[id_] for id_ in pairs)), tuple(sorted(readers)))

    @transaction
    def not_read_again(self) -> dict[int, dict[Series, TimeRanges]]:
        """See ports.Ledger. What jobs brought that were undone since is not missed."""
        with self._reading() as connection:
            if not (lost := self._covered(connection, _LOST)):
                return {}
            again = self._covered(connection, _THERE)
        there: dict[tuple[Series, str], TimeRanges] = defaultdict(TimeRanges)
        for (_, series, evidence), covered in again.items():
            there[series, evidence] |= covered
        found: dict[int, dict[Series, TimeRanges]] = defaultdict(lambda: defaultdict(TimeRanges))
        for (job_id, series, evidence), covered in lost.items():
            if missed := covered - there[series, evidence]:
                found[job_id][series] |= missed
        return found

    def _covered(self, connection: Connection, claims: Select[Any]) -> dict[tuple[int, Series, str], TimeRanges]:
        """What claims cover, by job, series and evidence."""
        spans: dict[tuple[int, Series, str], list[tuple[int, int]]] = defaultdict(list)
        for job_id, pair_id, interval, evidence, start, end in connection.execute(claims):
            spans[job_id, self._series[pair_id, interval], evidence].append((start, end))
        return {key: TimeRanges.of(found) for key, found in spans.items()}

    def _forget_claims(self, connection: Connection, where: ColumnElement[bool]) -> set[tuple[int, int, str]]:
        """Pair id, interval and evidence of the claims that count no more."""
        going = update(assertion).where(_COUNTS, where).values(lost_at=self._now())
        gone = connection.execute(going.returning(_CLAIM.pair_id, _CLAIM.interval, _CLAIM.evidence))
        return {(pair_id, interval, evidence) for pair_id, interval, evidence in gone}

    def _forget_files(self, connection: Connection, where: ColumnElement[bool]) -> set[int]:
        """The jobs that had read the files."""
        going = (
            update(file_ingestion_record).where(not_undone(file_ingestion_record), where).values(lost_at=self._now())
        )
        return set(connection.scalars(going.returning(_FILE.job_id)))

    def _in_ranges(self, ranges: Mapping[Series, TimeRanges]) -> ColumnElement[bool]:
        """The claims of any of the ranges."""
        return or_(
            false(),
            *(
                and_(
                    _CLAIM.pair_id == self._pair_ids[series.pair],
                    _CLAIM.interval == series.interval,
                    or_(*(and_(_CLAIM.start < end, _CLAIM.end > start) for start, end in found)),
                )
                for series, found in ranges.items()
            ),
        )


def _of_jobs(column: ColumnElement[int], jobs: Collection[int] | None) -> ColumnElement[bool]:
    if jobs is None:
        return true()
    return or_(false(), *(column.in_(some) for some in chunks(sorted(jobs))))
