"""Funding rates that are stored: see ports.FundingLedger."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, select, update

from kraken_core.domain.funding import FundingRate, FundingRecorded
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import END_OF_TIME
from kraken_core.ledger.bulk import add_rows
from kraken_core.ledger.models import funding_rate
from kraken_core.ledger.transactions import Transactions, transaction

_RATE = funding_rate.c
_CHANGE = (
    update(funding_rate)
    .where(_RATE.pair == bindparam("of"), _RATE.time == bindparam("at"))
    .values(absolute=bindparam("by"), relative=bindparam("fraction"))
)


class FundingRates(Transactions):
    """The part of the ledger that keeps what perpetuals pay."""

    @transaction
    def record_funding_rates(self, pair: Pair, rates: Iterable[FundingRate]) -> FundingRecorded:
        """Store rates of a perpetual, at most one an instant; those that are stored and differ are replaced."""
        found = {rate.time: rate for rate in rates}
        if not found:
            return FundingRecorded(0, 0)
        name = str(pair)
        stored = select(_RATE.time, _RATE.absolute, _RATE.relative).where(
            _RATE.pair == name, _RATE.time.between(min(found), max(found))
        )
        with self._writing() as connection:
            before = {row.time: FundingRate(*row) for row in connection.execute(stored)}
            new = [rate for at, rate in found.items() if at not in before]
            changed = [rate for at, rate in found.items() if at in before and rate != before[at]]
            add_rows(connection, funding_rate, ({"pair": name, **rate._asdict()} for rate in new))
            if changed:
                connection.execute(
                    _CHANGE,
                    [{"of": name, "at": r.time, "by": r.absolute, "fraction": r.relative} for r in changed],
                )
        return FundingRecorded(len(new), len(changed))

    @transaction
    def funding_rates(self, pair: Pair, start: int = 0, end: int = END_OF_TIME) -> list[FundingRate]:
        """The stored rates of a perpetual from an instant up to another, by time."""
        rows = select(_RATE.time, _RATE.absolute, _RATE.relative).where(
            _RATE.pair == str(pair), _RATE.time >= start, _RATE.time < end
        )
        with self._reading() as connection:
            return [FundingRate(*row) for row in connection.execute(rows.order_by(_RATE.time))]

    @transaction
    def funded_pairs(self) -> list[Pair]:
        """The perpetuals of which rates are stored, sorted."""
        with self._reading() as connection:
            return sorted(Pair.stored(name) for name in connection.scalars(select(_RATE.pair).distinct()))
