"""What every ledger promises of the lists of pairs that the exchange answered, on each database."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from kraken_core.domain.exchange import Listed, ListedPair, Market
from kraken_core.domain.listing_history import GONE, ListingAnswer
from kraken_core.domain.market import Pair
from kraken_core.domain.names import TOKENIZED, Names, PairName
from kraken_core.ledger.ledger import SqlLedger
from tests.contract.ledger_records import BTC, ETH, NOON

pytest_plugins = ["tests.support.servers", "tests.contract.ledgers"]

AAPL = Pair("AAPLx", "USD")
ONLINE = {BTC: "online", ETH: "online", AAPL: "online"}


def listed(pair: Pair, status: str) -> ListedPair:
    return ListedPair(PairName(pair, pair.altname, pair.altname, TOKENIZED if pair == AAPL else "currency"), status)


def answer(
    statuses: Mapping[Pair, str] = ONLINE,
    at: int = NOON,
    *,
    whole: bool = True,
    tokenized: bool = True,
    skipped: Mapping[str, str] | None = None,
) -> Market:
    """An answer with these pairs, as it is understood by whoever knew all of them before."""
    pairs = tuple(listed(pair, status) for pair, status in statuses.items())
    before = Names(listed(pair, "").name for pair in ONLINE)
    return Market.of(at, Listed(pairs, skipped or {}, tokenized, whole), before)


def said(ledger: SqlLedger) -> list[tuple[int, str, str]]:
    return [(change.at - NOON, str(change.pair), change.status) for change in ledger.listing_history().changes]


def test_the_first_answer_is_kept_whole_and_of_later_ones_what_differs(ledger: SqlLedger) -> None:
    assert ledger.record_answer(answer()) == 3
    assert ledger.record_answer(answer({**ONLINE, ETH: "cancel_only"}, NOON + 60)) == 1
    assert said(ledger) == [
        (0, "BTC/USD", "online"),
        (0, "ETH/USD", "online"),
        (0, "AAPLx/USD", "online"),
        (60, "ETH/USD", "cancel_only"),
    ]


def test_of_an_answer_that_is_the_same_only_the_time_is_kept(ledger: SqlLedger) -> None:
    ledger.record_answer(answer())
    assert [ledger.record_answer(answer(at=NOON + hour * 3600)) for hour in range(1, 4)] == [0, 0, 0]
    assert ledger.listing_history().answers == [ListingAnswer(NOON, NOON + 3 * 3600, whole=True, tokenized=True)]
    assert len(said(ledger)) == 3


def test_a_pair_that_an_answer_lacks_is_gone_and_may_be_back(ledger: SqlLedger) -> None:
    ledger.record_answer(answer())
    ledger.record_answer(answer({BTC: "online", AAPL: "online"}, NOON + 60))
    ledger.record_answer(answer(at=NOON + 120))
    assert said(ledger)[3:] == [(60, "ETH/USD", GONE), (120, "ETH/USD", "online")]
    [first, second] = ledger.listing_history().spans(ETH)
    assert (first.seen - NOON, first.until - NOON, first.gone and first.gone - NOON) == (0, 0, 60)
    assert (second.seen - NOON, second.gone) == (120, None)


@pytest.mark.parametrize(
    "cut_short",
    [
        answer({BTC: "online"}, NOON + 60, whole=False),
        answer({BTC: "online"}, NOON + 60, skipped={"ETHUSD": "no base", "AAPLxUSD": "no base"}),
        answer({}, NOON + 60),
    ],
    ids=["with an error", "entries that cannot be read", "empty"],
)
def test_absence_from_an_answer_that_was_cut_short_is_no_delisting(ledger: SqlLedger, cut_short: Market) -> None:
    ledger.record_answer(answer())
    ledger.record_answer(cut_short)
    assert GONE not in {status for *_, status in said(ledger)}
    ledger.record_answer(answer(at=NOON + 120))
    assert len(said(ledger)) == 3


def test_tokenized_stocks_that_were_not_listed_are_not_gone(ledger: SqlLedger) -> None:
    ledger.record_answer(answer())
    ledger.record_answer(answer({BTC: "online", ETH: "online"}, NOON + 60, tokenized=False))
    assert GONE not in {status for *_, status in said(ledger)}


@pytest.mark.parametrize(
    ("before", "known"),
    [
        (None, []),
        (answer({BTC: "online"}), [0, 30]),
        (answer({BTC: "online"}, whole=False), []),
        (answer({BTC: "online"}, skipped={"WHAT": "no base"}), []),
        (answer({BTC: "online"}, tokenized=False), [0, 30]),
    ],
    ids=["the first answer", "a whole one", "one with an error", "one not read to the end", "one without tokens"],
)
def test_that_a_pair_was_not_listed_before_is_known_by_a_whole_answer_alone(
    ledger: SqlLedger, before: Market | None, known: list[int]
) -> None:
    if before:
        ledger.record_answer(before)
        ledger.record_answer(before._replace(now=NOON + 30))
    ledger.record_answer(answer({BTC: "online", ETH: "online"}, NOON + 60))
    history = ledger.listing_history()
    first = history.by_pair[ETH][0]
    assert [at for at in (-1, 0, 30, 31, 60) if history.was_absent(first, NOON + at)] == known


def test_that_a_token_was_not_listed_before_is_not_known_where_tokens_were_not_asked_for(ledger: SqlLedger) -> None:
    ledger.record_answer(answer({BTC: "online"}, tokenized=False))
    ledger.record_answer(answer({BTC: "online", AAPL: "online"}, NOON + 60))
    history = ledger.listing_history()
    assert not history.was_absent(history.by_pair[AAPL][0], NOON)


def test_a_clock_that_was_set_back_puts_no_answer_before_another(ledger: SqlLedger) -> None:
    ledger.record_answer(answer(at=NOON + 60))
    ledger.record_answer(answer({**ONLINE, ETH: "reduce_only"}, NOON))
    assert said(ledger)[-1] == (60, "ETH/USD", "reduce_only")


def test_a_name_that_the_exchange_changes_is_a_change(ledger: SqlLedger) -> None:
    ledger.record_answer(answer({BTC: "online"}))
    other = ListedPair(PairName(BTC, "BTCUSD", "BTCUSD"), "online")
    ledger.record_answer(Market.of(NOON + 60, Listed((other,)), Names()))
    assert [change.altname for change in ledger.listing_history().changes] == ["XBTUSD", "BTCUSD"]


def test_other_processes_and_sql_see_it(opened: Callable[..., SqlLedger]) -> None:
    opened().record_answer(answer({BTC: "post_only"}))
    frame = opened().table_frame("listings")
    assert frame.select("pair", "status", "altname", "whole_answer").rows() == [
        ("BTC/USD", "post_only", "XBTUSD", True)
    ]
    assert frame["seen_at"].dt.epoch("s").to_list() == [NOON]


def test_a_pair_that_is_only_listed_is_not_known_otherwise(ledger: SqlLedger) -> None:
    ledger.record_answer(answer())
    assert ledger.pairs() == []
