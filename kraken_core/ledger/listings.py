"""What AssetPairs answered, and when: appended to, never changed, but for until when the newest answer was the same."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from kraken_core.domain.exchange import Market
from kraken_core.domain.listing_history import ListingAnswer, ListingChange, ListingHistory, changes
from kraken_core.domain.market import Pair
from kraken_core.ledger.bulk import add_rows
from kraken_core.ledger.models import listing_answer, listing_change
from kraken_core.ledger.transactions import Transactions, transaction

_ANSWER, _CHANGE = listing_answer.c, listing_change.c
_ANSWERS = select(_ANSWER.id, _ANSWER.first_at, _ANSWER.last_at, _ANSWER.whole, _ANSWER.tokenized).order_by(_ANSWER.id)
_CHANGES = (
    select(_ANSWER.first_at, _CHANGE.base, _CHANGE.quote, _CHANGE.altname, _CHANGE.asset_class, _CHANGE.status)
    .join_from(listing_change, listing_answer)
    .order_by(_CHANGE.id)
)


class ListingAnswers(Transactions):
    """The part of the ledger that keeps what the exchange listed."""

    @transaction
    def listing_history(self) -> ListingHistory:
        """Every answer that differs from the one before it, and what it changed."""
        with self._reading() as connection:
            answers = [ListingAnswer(*row) for _, *row in connection.execute(_ANSWERS)]
            return ListingHistory(answers, _changes(connection))

    @transaction
    def record_answer(self, market: Market) -> int:
        """Keep what the exchange lists, as far as it differs from what it listed last; returns how many pairs do.

        Where nothing does, only the time is kept.
        """
        with self._writing() as connection:
            latest = {change.pair: change for change in _changes(connection)}
            new = changes(latest, market)
            before = connection.execute(_ANSWERS.order_by(None).order_by(_ANSWER.id.desc()).limit(1)).one_or_none()
            at = max(market.now, before.last_at) if before else market.now
            how = {"whole": market.whole and not market.skipped, "tokenized": market.tokenized}
            if before and not new and how == {"whole": before.whole, "tokenized": before.tokenized}:
                connection.execute(update(listing_answer).where(_ANSWER.id == before.id).values(last_at=at))
                return 0
            answer = insert(listing_answer).values(first_at=at, last_at=at, **how).returning(_ANSWER.id)
            id_ = connection.execute(answer).scalar_one()
            add_rows(connection, listing_change, ({"listing_answer_id": id_, **_columns(change)} for change in new))
            return len(new)


def _changes(connection: Connection) -> list[ListingChange]:
    return [
        ListingChange(at, Pair(base, quote), altname, asset_class, status)
        for at, base, quote, altname, asset_class, status in connection.execute(_CHANGES)
    ]


def _columns(change: ListingChange) -> dict[str, str]:
    (base, quote, _), altname, asset_class, status = change[1:]
    return {"base": base, "quote": quote, "altname": altname, "asset_class": asset_class, "status": status}
