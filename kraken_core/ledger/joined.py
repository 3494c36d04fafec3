"""Claims that one row stands for: adjoining answers of the exchange, and what was derived slot by slot.

A round an hour leaves a claim of each series behind, for ever. Those that adjoin and are alike but for the moment are
joined: the newest row of ``assertion`` is made as long as all of them, and they lie as they were made in
``joined_claim``, which a round does not read. Nothing is lost: what was known at an instant, who claimed what and what
a job brought is read from there, and before a job is undone, candles are found to be lost, or an answer is
contradicted, they are taken apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Subquery,
    and_,
    bindparam,
    delete,
    false,
    func,
    insert,
    select,
    union_all,
    update,
)

from kraken_core.domain.candles import Source, derived_rank, rank_of
from kraken_core.domain.coverage import Assertion, kind_of_request
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ledger.bulk import chunks
from kraken_core.ledger.models import assertion, joined_claim, pair_examination
from kraken_core.ledger.transactions import Transactions, transaction
from kraken_core.ledger.undone import not_undone

MANY = 24  # claims of a series by one source, from which on they are joined: so a row is changed once in so many rounds
_CLAIM, _JOINED = assertion.c, joined_claim.c
_NAMES = [column.name for column in assertion.c]
_COUNTERS = select(*(_CLAIM[name] for name in _NAMES if name != "id"))
_ALIKE = ("pair_id", "interval", "source", "rank", "proved", "adopted")
_EXAMINED = select(pair_examination.c.claims).where(pair_examination.c.pair_id == _CLAIM.pair_id).scalar_subquery()
_SWEPT = derived_rank(rank_of(Source.TRADES))  # of what the Trades endpoint gave; files of trades have a vintage
_MAY_JOIN = (
    (_CLAIM.source.in_([Source.OHLC, Source.DERIVED]) | ((_CLAIM.source == Source.TRADES) & (_CLAIM.rank == _SWEPT)))
    & ~_CLAIM.withdrawn
    & _CLAIM.lost_at.is_(None)
    & not_undone(assertion)
    # What was not looked at yet is looked at as long as it is.
    & (_CLAIM.id <= _EXAMINED)
)


def each_claim() -> Subquery:
    """All claims as they were made, each by itself: rows as those of ``assertion``."""
    alone = select(assertion).where(_CLAIM.id.not_in(select(_JOINED.into_id)))
    return union_all(alone, select(*(_JOINED[name] for name in _NAMES))).subquery("each_claim")


class _Run(NamedTuple):
    """Claims that adjoin, and what they cover together."""

    ids: list[int]
    start: int
    end: int


class JoinedClaims(Transactions):
    """The part of the ledger that has one row stand for many claims."""

    @transaction
    def join_claims(self) -> int:
        """Join adjoining claims of the series that have many; returns how many rows fewer there are.

        Alike are claims by one kind of request, at one rank, where nothing was withdrawn.
        """
        many = select(*(_CLAIM[name] for name in _ALIKE)).where(_MAY_JOIN).group_by(*(_CLAIM[name] for name in _ALIKE))
        many = many.having(func.count() >= MANY)
        with self._reading() as connection:
            if connection.execute(many.limit(1)).first() is None:
                return 0
        with self._writing() as connection:
            found = {tuple(row) for row in connection.execute(many)}
            series = {(pair_id, interval) for pair_id, interval, *_ in found}
            runs = [run for of in series for run in _runs(self._alike(connection, of, found)) if len(run.ids) > 1]
            self._join(connection, runs)
            return sum(len(run.ids) - 1 for run in runs)

    def _alike(
        self, connection: Connection, series: tuple[int, int], many: set[tuple[Any, ...]]
    ) -> Iterator[Sequence[Row[Any]]]:
        """The claims of a series that are alike, group by group, by start."""
        pair_id, interval = series
        of_series = _CLAIM.pair_id == pair_id, _CLAIM.interval == interval
        against = select(_CLAIM.evidence, _CLAIM.id, _CLAIM.start, _CLAIM.end, _CLAIM.source).order_by(_CLAIM.id)
        counters = connection.execute(against.where(*of_series, _CLAIM.withdrawn, not_undone(assertion))).all()
        last = {row.evidence: row.id for row in counters}
        contradicted = TimeRanges.of((row.start, row.end) for row in counters if row.source != Source.DERIVED)
        columns = (*(_CLAIM[name] for name in _ALIKE), _CLAIM.evidence, _CLAIM.id, _CLAIM.start, _CLAIM.end)
        groups: dict[tuple[Any, ...], list[Row[Any]]] = defaultdict(list)
        for row in connection.execute(select(*columns).where(*of_series, _MAY_JOIN).order_by(_CLAIM.start)):
            alike, derived = tuple(row[: len(_ALIKE)]), row.source == Source.DERIVED
            # What was derived may be derived again after it was withdrawn; what was answered counts no more.
            counts = row.id > last.get(row.evidence, 0) if derived else not contradicted.meets(row.start, row.end)
            if alike in many and counts:
                groups[*alike, row.evidence if derived else kind_of_request(row.evidence)].append(row)
        yield from groups.values()

    def _join(self, connection: Connection, runs: Sequence[_Run]) -> None:
        newest = {id_: max(run.ids) for run in runs for id_ in run.ids}
        longer = {joined for some in chunks(list(newest)) for joined in connection.scalars(_standing(some))}
        keep = select(*(_CLAIM[name] for name in _NAMES), bindparam("into")).where(_CLAIM.id == bindparam("claim"))
        move = update(joined_claim).where(_JOINED.into_id == bindparam("claim")).values(into_id=bindparam("into"))
        span: dict[str, Any] = {"start": bindparam("since"), "end": bindparam("till")}
        grow = update(assertion).where(_CLAIM.id == bindparam("claim")).values(span)
        single = [{"claim": id_, "into": into} for id_, into in newest.items() if id_ not in longer]
        moved = [{"claim": id_, "into": newest[id_]} for id_ in longer if newest[id_] != id_]
        grown = [{"claim": max(run.ids), "since": run.start, "till": run.end} for run in runs]
        gone = [id_ for id_, into in newest.items() if id_ != into]
        for statement, rows in (
            (insert(joined_claim).from_select([*_NAMES, "into_id"], keep), single), (move, moved), (grow, grown)
        ):  # fmt: skip
            if rows:
                connection.execute(statement, rows)
        for some in chunks(gone):
            connection.execute(delete(assertion).where(_CLAIM.id.in_(some)))

    def _take_apart_contradicted(self, connection: Connection, claims: Iterable[Assertion]) -> None:
        """Have claims stand for themselves again that were contradicted, so that each is by its own evidence.

        Else a later answer to one of their requests would count, though it was contradicted.
        """
        against = {(c.series, c.evidence) for c in claims if c.withdrawn and c.source is not Source.DERIVED}
        pairs = self._ids_of({series.pair for series, _ in against})
        found = select(_CLAIM.id, _CLAIM.pair_id, _CLAIM.interval, _CLAIM.evidence)
        ids: list[int] = []
        for some in chunks(sorted({evidence for _, evidence in against})):
            joined = _CLAIM.id.in_(select(_JOINED.into_id)), _CLAIM.pair_id.in_(pairs), _CLAIM.evidence.in_(some)
            for id_, pair_id, interval, evidence in connection.execute(found.where(*joined)):
                if (self._series[pair_id, interval], evidence) in against:
                    ids.append(id_)
        if ids:
            self._take_apart(connection, false(), _CLAIM.id.in_(ids))

    def _take_apart(self, connection: Connection, made: ColumnElement[bool], standing: ColumnElement[bool]) -> None:
        """Have claims stand for themselves again, wherever one ``made`` so is among them, or ``standing`` for them.

        ``made`` is said of ``joined_claim``, ``standing`` of ``assertion``.
        """
        of_made = select(_JOINED.into_id).where(made)
        of_standing = select(_CLAIM.id).where(standing, _CLAIM.id.in_(select(_JOINED.into_id)))
        ids = sorted({*connection.scalars(of_made), *connection.scalars(of_standing)})
        by_evidence: dict[tuple[int, int, str], list[Mapping[Any, Any]]] = defaultdict(list)
        for some in chunks(ids):
            rows = connection.execute(select(assertion).where(_CLAIM.id.in_(some))).mappings().all()
            made_as = select(*(_JOINED[name] for name in (*_NAMES, "into_id"))).where(_JOINED.into_id.in_(some))
            before = connection.execute(made_as.order_by(_JOINED.id)).mappings().all()
            connection.execute(delete(assertion).where(_CLAIM.id.in_(some)))
            connection.execute(insert(assertion), [{name: row[name] for name in _NAMES} for row in before])
            connection.execute(delete(joined_claim).where(_JOINED.into_id.in_(some)))
            stood = {row["id"]: (row["pair_id"], row["interval"], row["evidence"]) for row in rows}
            for claim in before:
                if claim["source"] != Source.DERIVED:  # those have one evidence
                    by_evidence[stood[claim["into_id"]]].append(claim)
        for of, claims in by_evidence.items():
            self._withdraw_each(connection, of, claims)

    def _withdraw_each(
        self, connection: Connection, of: tuple[int, int, str], claims: Sequence[Mapping[Any, Any]]
    ) -> None:
        """What was withdrawn of the row that stood for claims is withdrawn of each of them, by its own evidence.

        ``of``: the pair's id, the interval and the evidence of that row.
        """
        spans = TimeRanges.of((claim["start"], claim["end"]) for claim in claims)
        first, end = spans.hull
        of_row = zip((_CLAIM.pair_id, _CLAIM.interval, _CLAIM.evidence), of, strict=True)
        reaching = _CLAIM.withdrawn, _CLAIM.start < end, _CLAIM.end > first
        where = and_(*(column == value for column, value in of_row), *reaching)
        made = []
        for counter in connection.execute(_COUNTERS.where(where)).mappings():
            whole = TimeRanges.single(counter["start"], counter["end"])
            parts = [(part, of[2]) for part in whole - spans]
            parts += [
                (part, claim["evidence"]) for claim in claims for part in whole.clip(claim["start"], claim["end"])
            ]
            made += [{**counter, "start": a, "end": b, "evidence": evidence} for (a, b), evidence in parts]
        if made:
            connection.execute(delete(assertion).where(where))
            connection.execute(insert(assertion), made)


def _standing(ids: Sequence[int]) -> Select[Any]:
    """Those of the rows that stand for others."""
    return select(_JOINED.into_id).where(_JOINED.into_id.in_(ids)).distinct()


def _runs(groups: Iterable[Sequence[Row[Any]]]) -> Iterator[_Run]:
    """The claims of each group, those that adjoin or overlap together."""
    for group in groups:
        run: _Run | None = None
        for row in group:
            if run and row.start <= run.end:
                run = _Run([*run.ids, row.id], run.start, max(run.end, row.end))
                continue
            if run:
                yield run
            run = _Run([row.id], row.start, row.end)
        if run:
            yield run
