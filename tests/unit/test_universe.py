"""Who traded at an instant: by what evidence, what became of them, and of whom nobody knows (domain rules 2, 17)."""

from __future__ import annotations

import pytest

from kraken_core.domain.identities import Identities
from kraken_core.domain.life import Life
from kraken_core.domain.listing_history import GONE, ListingAnswer, ListingChange, ListingHistory
from kraken_core.domain.market import Pair
from kraken_core.domain.names import TOKENIZED
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.universe import KnownPairs, Mark, StoredSpan, TradingEvidence, UniversePair
from tests.support.identity_facts import DAY, facts

A, B = Pair("A", "USD"), Pair("B", "USD")
TIERS = Tiers.parse('rest = "TIER4"\nfiat = ["USD"]\n[tiers]\nTIER1 = ["A"]\n', "tiers.toml")
BY_TRADE, BY_FIRST, BY_LAST, BY_LIST, BY_CANDLES, BY_LIFE, ASSUMED = (
    *(TradingEvidence.FIRST_TRADE, TradingEvidence.FIRST_CANDLE, TradingEvidence.LAST_CANDLE),
    *(TradingEvidence.ASSET_PAIRS, TradingEvidence.CANDLES, TradingEvidence.LIFE, TradingEvidence.ASSUMED),
)


def history(
    *answers: tuple[int, str], pair: Pair = A, whole: bool = True, asset_class: str = "currency"
) -> ListingHistory:
    """Answers by day: what each says of the pair, "" where it lacks it, until an hour before the next."""
    changes, latest = [], ""
    for day, status in answers:
        if status != latest and (status or latest):
            changes.append(ListingChange(day * DAY, pair, pair.altname, asset_class, status or GONE))
        latest = status
    ends = [day * DAY - 3600 for day, _ in answers[1:]] + [answers[-1][0] * DAY + 3600]
    return ListingHistory(
        [ListingAnswer(day * DAY, end, whole, True) for (day, _), end in zip(answers, ends, strict=True)],
        changes,
    )


def known(
    lives: list[Life] | None = None,
    listings: ListingHistory = ListingHistory(),  # noqa: B008 - frozen
    candles: tuple[int, int] | None = None,
    identities: Identities = Identities(),  # noqa: B008 - frozen
) -> KnownPairs:
    spans = {A: StoredSpan(candles[0] * DAY, candles[1] * DAY, None)} if candles else {}
    return KnownPairs({} if lives is None else {A: tuple(lives)}, spans, listings, identities, TIERS)


def then(pairs: KnownPairs, day: int) -> UniversePair | None:
    return next(iter(pairs.universe(day * DAY).pairs), None)


def life(start: int, end: int | None = None, *, assumed: bool = False) -> Life:
    return Life(start * DAY, None if end is None else end * DAY, assumed)


@pytest.mark.parametrize(
    ("day", "traded"), [(1, False), (2, True), (4, True), (5, False), (7, False), (8, True), (99, True)]
)
def test_a_pair_is_in_the_universe_of_its_lives(day: int, traded: bool) -> None:
    assert (then(known([life(2, 5), life(8)]), day) is not None) == traded


@pytest.mark.parametrize(
    ("pairs", "day", "evidence"),
    [
        (known([life(2)], candles=(2, 9)), 5, BY_CANDLES),
        (known([life(2)], candles=(2, 9)), 12, ASSUMED),  # nothing says that it had not ended
        (known([life(2)], history((20, "online")), candles=(2, 9)), 12, BY_LIST),
        (known([life(2)], history((11, "online"), (20, "online")), candles=(2, 9)), 12, BY_LIST),
        (known([life(2)], history((3, "online")), candles=(2, 9)), 12, ASSUMED),  # seen, and long before
        (known([life(2, 15)]), 12, BY_LIFE),
        (known([life(2, 15), life(30)], history((40, "online"))), 12, BY_LIFE),  # what was seen is its next life
        (known(None, history((3, "online"), (20, "online"))), 12, BY_LIST),
        (known(None, history((3, "online"))), 12, ASSUMED),
        (known([life(10, assumed=True)], history((3, "online"), (20, "online"))), 5, BY_LIST),
        (known([life(2, 4)], history((2, "online"), (4, ""), (9, "online"), (20, "online"))), 12, BY_LIST),  # again
    ],
)
def test_how_it_is_known_that_a_pair_traded(pairs: KnownPairs, day: int, evidence: TradingEvidence) -> None:
    found = then(pairs, day)
    assert found
    assert found.evidence is evidence


@pytest.mark.parametrize(
    ("pairs", "listed", "delisted"),
    [
        (known([life(2)]), (2, BY_TRADE), None),
        (known([life(2, assumed=True)]), (2, BY_FIRST), None),
        (known([life(2, 15)]), (2, BY_TRADE), (15, BY_LAST)),
        (known([life(2, 15)], history((3, "online"), (20, ""))), (2, BY_TRADE), (15, BY_LAST)),
        (known([life(2, 20)], history((3, "online"), (20, ""))), (2, BY_TRADE), (20, BY_LIST)),
        (known(None, history((3, "online"), (20, ""))), (3, BY_LIST), (20, BY_LIST)),
    ],
)
def test_listing_and_delisting_each_have_their_evidence(
    pairs: KnownPairs, listed: tuple[int, TradingEvidence], delisted: tuple[int, TradingEvidence] | None
) -> None:
    found = then(pairs, 5)
    assert found
    assert found.listed == Mark(listed[0] * DAY, listed[1])
    assert found.delisted == (delisted and Mark(delisted[0] * DAY, delisted[1]))


@pytest.mark.parametrize(
    ("pairs", "day"),
    [
        (known([life(10, assumed=True)]), 5),  # whoever stores candles from day 10 on does not know what was before
        (known(None, history((10, "online"))), 5),
        (known([life(10, assumed=True)], history((12, "online"))), 5),
        (known(None, history((2, ""), (10, "online"), whole=False)), 1),
        (known(None, history((2, ""), (10, "online"), whole=False)), 5),  # the list that lacked it was cut short
        (known(None, history((2, ""), (10, "online"))), 1),  # nobody looked before day 2
    ],
)
def test_a_pair_of_which_nobody_knows_whether_it_traded_is_named_apart(pairs: KnownPairs, day: int) -> None:
    universe = pairs.universe(day * DAY)
    assert (universe.pairs, universe.unknown) == ((), (A,))


@pytest.mark.parametrize(
    ("pairs", "day"),
    [
        (known([life(10)]), 5),  # its first trade is known
        (known(None, history((2, ""), (10, "online"))), 5),  # a whole list lacked it
        (known(None, history((2, "online"), (4, ""))), 5),
        (known([life(2, 4)], history((2, "online"), (9, ""))), 5),  # still listed, and nothing was traded any more
        (known([life(2, 4)]), 5),
        (known([]), 5),  # asked for, and found nowhere
    ],
)
def test_a_pair_that_surely_did_not_trade_is_neither_in_it_nor_unknown(pairs: KnownPairs, day: int) -> None:
    universe = pairs.universe(day * DAY)
    assert (universe.pairs, universe.unknown) == ((), ())


RENAMED = facts("A>B@7")


@pytest.mark.parametrize(
    ("pairs", "became", "now"),
    [
        (known([life(2)], history((9, "online"))), "online", A),
        (known([life(2)], history((3, "online"), (9, "cancel_only"))), "cancel_only", A),
        (known([life(2, 15)], history((3, "online"), (20, ""))), "delisted", A),
        (known([life(2, 15)]), "delisted", A),
        (known([life(2, 15), life(30)], history((40, "online"))), "online", A),
        (known([life(2)]), "unknown", A),
        (known([life(2, 7)], identities=RENAMED), "renamed", B),
        (known([life(2, 7)], history((3, "online"), (7, "")), identities=RENAMED), "renamed", B),
        (known([life(2)], history((3, "online")), identities=RENAMED), "renamed", B),
        (known([life(2)], history((9, "online")), identities=RENAMED), "online", A),  # the exchange knows better
        (known([life(2)], history((9, "online")), identities=facts("A!7")), "reused", A),
        (known([life(2)], history((9, "online")), identities=facts("A>B@7 A!8")), "renamed", B),
        (known([life(2)], history((9, "online")), identities=facts("A>B@7 B>A@7")), "renamed", B),
        (known([life(2)], history((9, "online")), identities=facts("A>A@7*10")), "online", A),
    ],
)
def test_what_became_of_a_pair(pairs: KnownPairs, became: str, now: Pair) -> None:
    found = then(pairs, 5)
    assert found
    assert (found.became, found.now) == (became, now)


@pytest.mark.parametrize(
    ("day", "status"), [(2, ""), (3, "online"), (8, "online"), (9, "cancel_only"), (13, "reduce_only")]
)
def test_the_status_is_the_one_of_then(day: int, status: str) -> None:
    seen = history((3, "online"), (9, "cancel_only"), (12, "reduce_only"), (20, ""))
    found = then(known([life(1, 18)], seen), day)
    assert found
    assert found.status == status
    assert [change.status for change in found.statuses] == ["online", "cancel_only", "reduce_only", GONE]
    assert (found.seen, found.gone) == (3 * DAY, 20 * DAY)


def test_tokenized_stocks_are_flagged_by_their_class() -> None:
    found = then(known(None, history((3, "online"), asset_class=TOKENIZED)), 3)
    assert found
    assert found.tokenized
    plain = then(known([life(2)]), 3)
    assert plain
    assert not plain.tokenized
    assert plain.tier == "TIER1"
