"""Names: what the exchange calls its pairs, and pairs that were stored under another name before."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Table, and_, delete, exists, func, select, true, update

from kraken_core.domain.coverage import ABSENT
from kraken_core.domain.market import Pair
from kraken_core.domain.names import Names, PairName
from kraken_core.ledger.bulk import add_rows
from kraken_core.ledger.claims import OF_EVIDENCE, Claims
from kraken_core.ledger.kept_records import keeping_all
from kraken_core.ledger.models import (
    archive,
    archive_pair,
    assertion,
    data_coverage_range,
    file_ingestion_record,
    metadata,
    pair_life,
    pair_name,
    renamed_pair,
    trade_sweep,
)
from kraken_core.ledger.transactions import transaction
from kraken_core.ports import RenamedRows

_NAME = pair_name.c
# What follows from claims and is computed again, and where a sweep is, which was of the wrong pair's trades
_FOLLOWS = (data_coverage_range, pair_life, trade_sweep)


class PairNames(Claims):
    """The part of the ledger that keeps what pairs are called."""

    @transaction
    def names(self) -> Names:
        """What the exchange calls its pairs, as of its last answer; those it lists no more included."""
        with self._reading() as connection:
            rows = connection.execute(select(pair_name).order_by(_NAME.altname)).all()
        return Names(PairName(Pair(row.base, row.quote), row.altname, row.key, row.asset_class) for row in rows)

    @transaction
    def remember_names(self, names: Names) -> None:
        """Keep what the exchange calls its pairs; a pair that it lists is not hidden as renamed any more."""
        wanted = {entry.altname: entry for entry in names.entries}
        known = {entry.altname: entry for entry in self.names().entries}
        changed = [entry for altname, entry in wanted.items() if known.get(altname) != entry]
        back = [self._pair_ids[pair] for pair in self.renamed().keys() & {entry.pair for entry in names.entries}]
        if not changed and not back:
            return
        with self._writing() as connection:
            connection.execute(delete(renamed_pair).where(renamed_pair.c.pair_id.in_(back)))
            connection.execute(delete(pair_name).where(_NAME.altname.in_([entry.altname for entry in changed])))
            add_rows(connection, pair_name, map(_columns, changed))

    @transaction
    def renamed(self) -> Mapping[Pair, Pair]:
        """The pairs that were renamed, and what they are called now."""
        with self._reading() as connection:
            rows = connection.execute(select(renamed_pair.c.pair_id, renamed_pair.c.now_id)).all()
            return {self._pairs[before]: self._pairs[now] for before, now in rows}

    @transaction
    def rename_pairs(self, renames: Mapping[Pair, Pair]) -> Mapping[Pair, RenamedRows]:
        """Have all that is recorded of a pair be of another one; returns how many files and claims that was.

        Coverage and lives of both are to be computed again. The old pair is gone.
        """
        counts = {}
        with self._writing({*renames, *renames.values()}) as connection:
            for old, new in renames.items():
                before, now = self._pair_ids[old], self._pair_ids[new]
                counts[old] = RenamedRows(*(_count(connection, t, before) for t in (file_ingestion_record, assertion)))
                with keeping_all(connection, [before, now], self._clock.now()):
                    for table in metadata.sorted_tables:
                        if "pair_id" in table.c and table is not renamed_pair:
                            _move(connection, table, before, now)
                self._withdraw_absences(connection, now)
                connection.execute(delete(renamed_pair).where(renamed_pair.c.pair_id.in_([before, now])))
                moved = {"pair_id": before, "now_id": now, "renamed_at": self._now()}
                add_rows(connection, renamed_pair, [moved])
        return counts

    def _withdraw_absences(self, connection: Connection, pair_id: int) -> None:
        """Archives with files of the pair, by whatever name, assert no lack of trades for it."""
        holding = select(archive.c.identity).join(archive_pair).where(archive_pair.c.pair_id == pair_id)
        evidence = [ABSENT + identity for identity in connection.scalars(holding)]
        made = self._assertions(connection, OF_EVIDENCE, pairs=[pair_id], evidence=evidence) if evidence else []
        wrong = [claim._replace(withdrawn=True) for claim in made if not claim.withdrawn]
        self._append(connection, wrong, self._running_job(connection))


def _columns(entry: PairName) -> dict[str, str]:
    (base, quote, _), altname, key, asset_class = entry
    return {"altname": altname, "key": key, "base": base, "quote": quote, "asset_class": asset_class}


def _count(connection: Connection, table: Table, pair_id: int) -> int:
    return connection.scalar(select(func.count()).where(table.c.pair_id == pair_id)) or 0


def _move(connection: Connection, table: Table, before: int, now: int) -> None:
    """Rows of a pair to another one; where that has such a row already, its own stays."""
    if table not in _FOLLOWS:
        of_now = table.alias()
        others = [column.name for column in table.primary_key if column.name not in {"pair_id", "id"}]
        same = and_(of_now.c.pair_id == now, *(of_now.c[name] == table.c[name] for name in others))
        free = ~exists().where(same) if "pair_id" in table.primary_key.columns else true()
        connection.execute(update(table).where(table.c.pair_id == before, free).values(pair_id=now))
    connection.execute(delete(table).where(table.c.pair_id == before))
