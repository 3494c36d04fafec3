"""Answers of the exchange: what they claim, and how far sweeps of trades are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter

from sqlalchemy import delete, select, true

from kraken_core.domain.coverage import Assertion
from kraken_core.domain.jobs import JobMetrics
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.sweep_points import SweepPoint
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.trade_spans import TradeSpan, joined
from kraken_core.ledger.bulk import add_many, add_rows, chunks
from kraken_core.ledger.claims import Claims
from kraken_core.ledger.jobs import Jobs
from kraken_core.ledger.models import trade_span, trade_sweep
from kraken_core.ledger.transactions import transaction
from kraken_core.ledger.undone import not_undone

_SPAN = ("pair_id", "start", "end", "first_id", "last_id", "whole", "phantoms")


class Sweeps(Jobs, Claims):
    """The part of the ledger with what answers brought, and where sweeps resume."""

    @transaction
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
        """What committed answers brought, all or nothing: claims, metrics, where sweeps resume, which ids they saw."""
        with self._writing({*points, *(claim.series.pair for claim in assertions)}) as connection:
            self._append(connection, [*self._withdrawals(connection, stale), *assertions], job_id)
            self._end_changes(connection)
            self._store_metrics(connection, job_id, metrics)
            connection.execute(delete(trade_sweep).where(self._of_pairs(trade_sweep, points)))
            add_rows(
                connection,
                trade_sweep,
                ({"pair_id": self._pair_ids[at.pair], **_columns(at)} for at in points.values() if at),
            )
            seen = ((self._pair_ids[span.pair], *span[1:], job_id) for span in joined(spans))
            add_many(connection, trade_span, [*_SPAN, "job_id"], seen)

    @transaction
    def sweep_points(self) -> Mapping[Pair, SweepPoint]:
        """Where unfinished sweeps resume."""
        with self._reading() as connection:
            found = connection.execute(select(trade_sweep)).all()
        return {self._pairs[pair_id]: SweepPoint(self._pairs[pair_id], *rest) for pair_id, *rest in found}

    @transaction
    def trade_spans(self, pair: Pair, *, ending: Collection[int] | None = None) -> Sequence[TradeSpan]:
        """What sweeps saw of a pair's trade ids, or what of it ends so, by time; of the same time the latest first."""
        columns = trade_span.c
        query = select(*(columns[name] for name in _SPAN[1:])).order_by(columns.start, columns.id.desc())
        some = [true()] if ending is None else [columns.end.in_(part) for part in chunks(sorted(ending))]
        with self._reading() as connection:
            of_pair = query.where(columns.pair_id.in_(self._ids_of({pair})), not_undone(trade_span))
            rows = [row for which in some for row in connection.execute(of_pair.where(which))]
        return [TradeSpan(pair, *row) for row in sorted(rows, key=itemgetter(0))]


def _columns(point: SweepPoint) -> dict[str, object]:
    columns = point._asdict()
    del columns["pair"]
    return columns
