"""Kept trades: what sources prove of them, and the state of their table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, func, select, update

from kraken_core.domain.kept_trades import KeptClaim, TradeSource
from kraken_core.domain.market import Pair
from kraken_core.domain.table_mark import TableMark
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ledger.bulk import add_many
from kraken_core.ledger.holding import store_mark
from kraken_core.ledger.jobs import Jobs
from kraken_core.ledger.models import kept_trades, table_mark
from kraken_core.ledger.transactions import transaction
from kraken_core.ledger.undone import not_undone

_CLAIM = kept_trades.c
_COLUMNS = ("pair_id", "start", "end", "source", "rank", "evidence", "first_id", "last_id", "proved")


class KeptTrades(Jobs):
    """The part of the ledger with what is claimed of kept trades."""

    @transaction
    def kept_claims(self, pairs: Collection[Pair] | None = None) -> list[KeptClaim]:
        """The claims that count, in the order they were made: not those of jobs undone, nor those that lost trades."""
        with self._reading() as connection:
            return self._kept_claims(connection, pairs)

    @transaction
    def record_kept(self, job_id: int, claims: Sequence[KeptClaim], table: str, mark: TableMark) -> None:
        """Claims of trades that are committed, and how far that brought the table of this name.

        One that was made before is not made again; one that goes on where the last one ended makes that longer.
        """
        with self._writing({claim.pair for claim in claims}) as connection:
            alike: dict[tuple[object, ...], list[KeptClaim]] = defaultdict(list)
            for claim in claims:
                alike[claim.pair, claim.source, claim.rank, claim.evidence, claim.proved].append(claim)
            for same in alike.values():
                self._claim_alike(connection, job_id, same)
            store_mark(connection, table, mark, self._now())

    @transaction
    def known_trades(self, table: str) -> TableMark | None:
        """The table of trades as the last job left it, by its name; None where none is known, and nothing claimed.

        One of no identity where jobs left one of another name, and trades are claimed: some table has to be there.
        """
        known = select(table_mark.c.identity, table_mark.c.version, table_mark.c.stamp).where(
            table_mark.c.candle_table == table
        )
        with self._reading() as connection:
            if row := connection.execute(known).one_or_none():
                return TableMark(*row)
            claimed = connection.scalar(select(_CLAIM.id).where(not_undone(kept_trades)).limit(1)) is not None
        return TableMark() if claimed else None

    @transaction
    def forget_kept(self, table: str) -> int:
        """Have no claim of kept trades count any more, as their table is lost; returns how many did."""
        with self._writing() as connection:
            lost = update(kept_trades).where(not_undone(kept_trades)).values(lost_at=self._now())
            count = connection.execute(lost).rowcount
            store_mark(connection, table, TableMark(), self._now())
        return count

    def _kept_claims(self, connection: Connection, pairs: Collection[Pair] | None) -> list[KeptClaim]:
        query = select(*(_CLAIM[name] for name in _COLUMNS)).where(not_undone(kept_trades)).order_by(_CLAIM.id)
        rows = connection.execute(query.where(self._of_pairs(kept_trades, pairs))).all()
        return [KeptClaim(self._pairs[row[0]], row[1], row[2], TradeSource(row[3]), *row[4:]) for row in rows]

    def _claim_alike(self, connection: Connection, job_id: int, claims: Sequence[KeptClaim]) -> None:
        """Make claims that differ in nothing but their ranges and ids."""
        one, pair_id = claims[0], self._pair_ids[claims[0].pair]
        alike = (
            (_CLAIM.pair_id == pair_id)
            & (_CLAIM.source == one.source)
            & (_CLAIM.evidence == one.evidence)
            & (_CLAIM.proved == one.proved)
            & (_CLAIM.rank == one.rank)
            & not_undone(kept_trades)
        )
        columns = (_CLAIM.id, _CLAIM.start, _CLAIM.end, _CLAIM.last_id, _CLAIM.job_id)
        made = connection.execute(select(*columns).where(alike)).all()
        known = TimeRanges.of((row.start, row.end) for row in made)
        others = connection.scalar(select(func.max(_CLAIM.id)).where(_CLAIM.job_id != job_id)) or 0
        # Only what came after the claims of others is made longer: by their ids it is seen whether jobs came in turns
        ending = {row.end: (row.id, row.last_id) for row in made if row.job_id == job_id and row.id > others}
        fresh: dict[int, KeptClaim] = {}  # by their ends
        for claim in sorted(claims, key=lambda claim: claim.start):
            for start, end in TimeRanges.single(claim.start, claim.end) - known:
                whole = (start, end) == (claim.start, claim.end)
                part = claim if whole else claim._replace(start=start, end=end, first_id=None, last_id=None)
                if start in fresh and _follows(fresh[start].last_id, part.first_id):
                    before = fresh.pop(start)
                    first_id = part.first_id if before.first_id is None else before.first_id
                    fresh[end] = part._replace(start=before.start, first_id=first_id)
                elif start in ending and _follows(ending[start][1], part.first_id):
                    row_id, _ = ending.pop(start)
                    longer = {"end": end, "last_id": part.last_id}
                    connection.execute(update(kept_trades).where(_CLAIM.id == row_id).values(longer))
                    ending[end] = row_id, part.last_id
                else:
                    fresh[end] = part
        rows = ((pair_id, claim.start, claim.end, str(claim.source), *claim[4:]) for claim in fresh.values())
        add_many(connection, kept_trades, _COLUMNS, rows, job_id=job_id, asserted_at=self._now())


def _follows(last: int | None, first: int | None) -> bool:
    """Whether a claim goes on with the next id, or neither has any."""
    return first == (None if last is None else last + 1)
