"""Gaps: what is missing of each series, and what became of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, or_, select, update

from kraken_core.domain.errors import IllegalMoveError
from kraken_core.domain.gaps import GAP_MOVES, OPEN, GapRecord, GapStatus, Route
from kraken_core.domain.market import Series
from kraken_core.domain.scope import Detection, within_limits
from kraken_core.domain.timerange import TimeRange
from kraken_core.ledger.bulk import add_many, chunks, read_many
from kraken_core.ledger.kept_records import GAP_COLUMNS, keeping, records_at
from kraken_core.ledger.models import gap_record, series_detection, series_limit
from kraken_core.ledger.transactions import Transactions, by_series_and_time, transaction

_GAP = gap_record.c
# The fields of a GapRecord that are columns of the same name, in its order
_KEPT = tuple(name for name in GapRecord._fields if name in _GAP and name != "id")
_AT = {name: at for at, name in enumerate(GAP_COLUMNS)}
_STATE = [_GAP[name] for name in _KEPT]
_IS_OPEN = _GAP.status.in_(OPEN)
_STATUSES = {status.value: status for status in GapStatus}
_ROUTES = {route.value: route for route in Route}
# A record may take a status from these: GAP_MOVES read backwards
_ORIGINS = {to: frozenset(status for status, moves in GAP_MOVES.items() if to in moves) for to in GapStatus}


class Gaps(Transactions):
    """The part of the ledger that keeps gaps, and when each series was last looked at."""

    @transaction
    def record_gaps(
        self, detections: Mapping[Series, Detection], gaps: Sequence[GapRecord], filled: Sequence[GapRecord]
    ) -> list[GapRecord]:
        """Store a detection: all open gaps of the detected series become ``gaps``; ``filled`` ones are closed.

        Raises IllegalMoveError where a record may not move to the gap's status (GAP_MOVES), or is gone.
        """
        new = [gap for gap in gaps if gap.id is None]
        kept = {gap.id: gap for gap in gaps if gap.id is not None}
        ended = [gap.mark_filled() for gap in filled]
        closed = {gap.id: gap for gap in ended if gap.id is not None}
        pairs = {series.pair for series in (*detections, *(gap.series for gap in (*new, *ended)))}
        with self._writing(pairs) as connection:
            stored = {gap.id: gap for gap in self._gaps(connection, self._of(gap_record, detections) & _IS_OPEN)}
            removed = stored.keys() - kept.keys() - closed.keys()
            other = [gap for id_, gap in kept.items() if gap != stored.get(id_)]
            changed = {gap.series for gap in (*new, *ended, *other, *(stored[id_] for id_ in removed))}
            with keeping(connection, gap_record, self._of(gap_record, changed), self._clock.now()):
                self._remove(connection, removed)
                self._update(connection, other, may_stay=True)
                self._update(connection, closed.values(), may_stay=False)
                self._insert(connection, [gap for gap in ended if gap.id is None])
                ids = iter(self._insert(connection, new))
            with keeping(connection, series_detection, self._of(series_detection, detections), self._clock.now()):
                self._store_detections(connection, detections)
        return [gap if gap.id is not None else gap._replace(id=next(ids)) for gap in gaps]

    @transaction
    def gaps(self, series: Collection[Series] | None = None, *, open_only: bool = True) -> list[GapRecord]:
        """Gaps by series and time; of all series where none are given."""
        with self._reading() as connection:
            wanted = self._of(gap_record, series)
            return by_series_and_time(self._gaps(connection, wanted & _IS_OPEN if open_only else wanted))

    @property
    def _by(self) -> int | None:
        """The job whose worker writes."""
        return self._holder.job.id if self._holder else None

    @transaction
    def detections(
        self, series: Collection[Series] | None = None, *, limited: bool = True
    ) -> Mapping[Series, Detection]:
        """The last detection of every series, as far as something is expected of it; or as jobs were asked for it.

        Of some series alone where they are given.
        """
        with self._reading() as connection:
            found = {
                self._series[pair_id, interval]: Detection(TimeRange(start, end), as_of)
                for pair_id, interval, start, end, as_of in read_many(
                    connection, select(series_detection).where(self._of(series_detection, series))
                )
            }
            return within_limits(found, self._limits(connection)) if limited else found

    @transaction
    def limits(self) -> Mapping[Series, TimeRange]:
        """What of series is expected at most, whatever jobs ask for; an empty range is nothing."""
        with self._reading() as connection:
            return self._limits(connection)

    @transaction
    def set_limits(self, limits: Mapping[Series, TimeRange | None]) -> None:
        """Expect no more of these series than their limits; None lifts one. Gaps are to be detected anew."""
        now = self._now()
        with self._writing({series.pair for series in limits}) as connection:
            of_series = self._of(series_limit, limits)
            rows = ((self._pair_ids[series.pair], series.interval, *limit) for series, limit in limits.items() if limit)
            with keeping(connection, series_limit, of_series, self._clock.now()):
                connection.execute(delete(series_limit).where(of_series))
                add_many(connection, series_limit, ("pair_id", "interval", "start", "end"), rows, set_at=now)

    def _limits(self, connection: Connection) -> dict[Series, TimeRange]:
        columns = (series_limit.c[name] for name in ("pair_id", "interval", "start", "end"))
        rows = read_many(connection, select(*columns))
        return {self._series[pair_id, interval]: TimeRange(start, end) for pair_id, interval, start, end in rows}

    @transaction
    def gaps_at(self, instant: int) -> list[GapRecord]:
        """The gaps of all series that were open at an instant, as they were."""
        with self._reading() as connection:
            found = [
                GapRecord(self._series[pair_id, interval], start, *row)._replace(
                    status=_STATUSES[row[_AT["status"]]], route=_ROUTES[row[_AT["route"]]]
                )
                for (pair_id, interval, start), row in records_at(connection, gap_record, instant).items()
            ]
        return by_series_and_time(found)

    @transaction
    def detections_at(self, instant: int) -> Mapping[Series, Detection]:
        """The last detection of every series by an instant, as far as something was expected of it then."""
        with self._reading() as connection:
            found = {
                self._series[pair_id, interval]: Detection(TimeRange(start, end), as_of)
                for (pair_id, interval, start), (end, as_of) in records_at(
                    connection, series_detection, instant
                ).items()
            }
            limits = {
                self._series[pair_id, interval]: TimeRange(start, end)
                for (pair_id, interval, start), (end,) in records_at(connection, series_limit, instant).items()
            }
        return within_limits(found, limits)

    def _gaps(
        self,
        connection: Connection,
        where: ColumnElement[bool],
        order: Sequence[ColumnElement[Any]] = (),
        most: int | None = None,
    ) -> list[GapRecord]:
        query = select(_GAP.pair_id, _GAP.interval, *_STATE, _GAP.id).where(where).order_by(*order).limit(most)
        rows = read_many(connection, query)
        series, statuses, routes = self._series, _STATUSES, _ROUTES
        # Every value has a name of its own: to gather those that only pass would take twice as long.
        return [
            GapRecord(
                series[pair, i],
                start,
                end,
                n,
                near,
                far,
                statuses[status],
                routes[route],
                why,
                cost,
                file,
                zip_,
                tries,
                again,
                id_,
            )
            for pair, i, start, end, n, near, far, status, route, why, cost, file, zip_, tries, again, id_ in rows
        ]

    def _remove(self, connection: Connection, ids: Iterable[int | None]) -> None:
        for some in chunks(list(ids)):
            connection.execute(delete(gap_record).where(_GAP.id.in_(some)))

    def _update(self, connection: Connection, gaps: Iterable[GapRecord], *, may_stay: bool) -> None:
        now = self._now()
        by_status = defaultdict(list)
        for gap in gaps:
            by_status[gap.status].append(gap)
        for status, group in by_status.items():
            allowed = _ORIGINS[status] | ({status} if may_stay else set())
            row = _GAP.id == bindparam("gap_id"), or_(*(_GAP.status == origin for origin in sorted(allowed)))
            changes = [
                {"gap_id": gap.id, **dict(zip(_KEPT, _state(gap), strict=True)), "updated_at": now, "job_id": self._by}
                for gap in group
            ]
            if connection.execute(update(gap_record).where(*row), changes).rowcount != len(group):
                raise _illegal_move(connection, group, allowed)

    def _insert(self, connection: Connection, gaps: Sequence[GapRecord]) -> Sequence[int]:
        """The ids of the new records, in the order of the gaps."""
        if not gaps:
            return []
        now = self._now()
        newest = connection.scalar(select(func.coalesce(func.max(_GAP.id), 0)))
        rows = ((self._pair_ids[gap.series.pair], gap.series.interval, *_state(gap)) for gap in gaps)
        add_many(connection, gap_record, ("pair_id", "interval", *_KEPT), rows, detected_at=now, updated_at=now,
                 job_id=self._by)  # fmt: skip
        return connection.scalars(select(_GAP.id).where(_GAP.id > newest).order_by(_GAP.id)).all()

    def _store_detections(self, connection: Connection, detections: Mapping[Series, Detection]) -> None:
        connection.execute(delete(series_detection).where(self._of(series_detection, detections)))
        rows = (
            (self._pair_ids[pair], interval, *wanted, as_of) for (pair, interval), (wanted, as_of) in detections.items()
        )
        add_many(connection, series_detection, ("pair_id", "interval", "start", "end", "as_of"), rows)


def release_backfilling(connection: Connection, now: datetime) -> None:
    """Gaps that a job was filling when it stopped are DETECTED again: no job fills them now."""
    left = _GAP.status == GapStatus.BACKFILLING
    of_pairs = _GAP.pair_id.in_(connection.scalars(select(_GAP.pair_id).where(left).distinct()).all())
    with keeping(connection, gap_record, of_pairs, int(now.timestamp())):
        connection.execute(update(gap_record).where(left).values(status=GapStatus.DETECTED, updated_at=now))


def _state(gap: GapRecord) -> tuple[object, ...]:
    """What is stored of a gap, in the order of _KEPT."""
    return (
        gap.start,
        gap.end,
        gap.candles,
        gap.fillable,
        gap.overflow,
        str(gap.status),
        str(gap.route),
        gap.reason,
        gap.requests,
        gap.csv_file,
        gap.archive,
        gap.attempts,
        gap.retry_at,
    )


def _illegal_move(connection: Connection, gaps: Sequence[GapRecord], allowed: Collection[str]) -> IllegalMoveError:
    stored = dict(connection.execute(select(_GAP.id, _GAP.status)).all())
    gap = next(gap for gap in gaps if stored.get(gap.id) not in allowed)
    return IllegalMoveError(
        f"gap {gap.id} of {gap.series} is {stored.get(gap.id, 'gone')} and cannot become {gap.status}: another job "
        "moved it meanwhile. No gap was changed; detect again with: kraken-history gaps"
    )
