"""Pairs: what is traded, in which tier, and since when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import delete, select

from kraken_core.domain.errors import LedgerError
from kraken_core.domain.life import Life
from kraken_core.domain.market import Pair
from kraken_core.ledger.bulk import add_many, add_rows, change_many
from kraken_core.ledger.kept_records import keeping, records_at
from kraken_core.ledger.models import asset, pair_life, renamed_pair
from kraken_core.ledger.transactions import Transactions, transaction
from kraken_core.ports import AssetRecord, PairRecord


class Pairs(Transactions):
    """The part of the ledger that keeps pairs, their assets' tiers and their lives."""

    @transaction
    def assets(self, tickers: Collection[str] = ()) -> list[AssetRecord]:
        """Every asset known, by id; new ones among ``tickers`` are given their ids first."""
        known = select(asset.c.id, asset.c.ticker, asset.c.tier).order_by(asset.c.id)
        with self._reading() as connection:
            found = [AssetRecord(*row) for row in connection.execute(known)]
        if {record.ticker for record in found} >= set(tickers):
            return found
        with self._writing() as connection:
            there = set(connection.scalars(select(asset.c.ticker)))
            add_rows(connection, asset, ({"ticker": ticker} for ticker in sorted(set(tickers) - there)))
            return [AssetRecord(*row) for row in connection.execute(known)]

    @transaction
    def adopt_assets(self, assets: Sequence[AssetRecord]) -> None:
        """Give assets the numbers they have elsewhere. Raises LedgerError where other assets have those here."""
        with self._writing() as connection:
            numbers = dict(connection.execute(select(asset.c.ticker, asset.c.id)).all())
            names = {number: ticker for ticker, number in numbers.items()}
            for known in assets:
                if numbers.get(known.ticker, known.id) != known.id or names.get(known.id, known.ticker) != known.ticker:
                    raise LedgerError(
                        f"asset {known.id} is {known.ticker} there, but not in this ledger, which has numbers of its "
                        "own. Nothing was changed: use a new home, whose ledger has none yet."
                    )
            new = (known._asdict() for known in assets if known.ticker not in numbers)
            add_rows(connection, asset, new)

    @transaction
    def record_pairs(self, pairs: Sequence[PairRecord]) -> None:
        """Insert or update pairs, their assets' tiers and their lives."""
        if not pairs:
            return
        tiers = {record.pair.base: record.tier for record in pairs}
        with self._writing(record.pair for record in pairs) as connection:
            change_many(connection, asset, ["tier"], (((t,), (base,)) for base, t in tiers.items()), where=["ticker"])
            of_pairs = self._of_pairs(pair_life, [record.pair for record in pairs])
            lives = ((self._pair_ids[record.pair], *life) for record in pairs for life in record.lives)
            with keeping(connection, pair_life, of_pairs, self._clock.now()):
                connection.execute(delete(pair_life).where(of_pairs))
                add_many(connection, pair_life, ["pair_id", *Life._fields], lives)

    @transaction
    def pairs(self) -> list[PairRecord]:
        """Every pair known, sorted; without those that were renamed."""
        lives: dict[Pair, list[Life]] = defaultdict(list)
        with self._reading() as connection:
            tiers = dict(connection.execute(select(asset.c.ticker, asset.c.tier)).all())
            for pair_id, *life in connection.execute(select(pair_life).order_by(pair_life.c.start)):
                lives[self._pairs[pair_id]].append(Life(*life))
            renamed = set(connection.scalars(select(renamed_pair.c.pair_id)))
            known = sorted(pair for pair, id_ in self._pair_ids.items() if id_ not in renamed)
            return [PairRecord(pair, tiers.get(pair.base), tuple(lives[pair])) for pair in known]

    @transaction
    def pairs_at(self, instant: int) -> list[PairRecord]:
        """The pairs that had lived by what was known at an instant, sorted; their tiers are those of now."""
        with self._reading() as connection:
            tiers = dict(connection.execute(select(asset.c.ticker, asset.c.tier)).all())
            lives: dict[Pair, list[Life]] = defaultdict(list)
            for (pair_id, start), (end, assumed) in sorted(records_at(connection, pair_life, instant).items()):
                lives[self._pairs[pair_id]].append(Life(start, end, bool(assumed)))
        return [PairRecord(pair, tiers.get(pair.base), tuple(lives[pair])) for pair in sorted(lives)]
