"""Names that the exchange told come before all rules; offline, known assets tell where a name is split."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.errors import UnknownPairError
from kraken_core.domain.exchange import Listed, ListedPair, Market
from kraken_core.domain.market import Pair, is_tokenized, shown_asset
from kraken_core.domain.names import BY_RULES, TOKENIZED, Names, PairName
from kraken_core.domain.tiers import Tiers

TIERS = Tiers.parse('rest = "TIER4"\nfiat = ["USD"]\n[tiers]\nTIER1 = ["BTC", "TSLAx"]\n', "tiers.toml")


def named(shown: str, altname: str, key: str = "", asset_class: str = "currency") -> PairName:
    return PairName(Pair.stored(shown), altname, key or altname, asset_class)


TOLD = Names(
    [
        named("BTC/USD", "XBTUSD", "XXBTZUSD"),
        named("ETH/AUSD", "ETHAUSD"),
        named("KNOB/AUSD", "KNOBAUSD"),
        named("BTC/RLUSD", "XBTRLUSD"),
        named("BTC/USDG", "XBTUSDG"),
        named("BTC/NEWQ", "XBTNEWQ"),
        named("SILLY/USD", "OTHERUSD"),  # an altname that its parts do not make
        named("AAPLx/USD", "AAPLxUSD", asset_class=TOKENIZED),
    ]
)


@pytest.mark.parametrize("names", [BY_RULES, TOLD])
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ETHAUSD", "ETH/AUSD"),  # stored as ETHA/USD before
        ("XBTRLUSD", "BTC/RLUSD"),  # as XBTRL/USD
        ("XBTUSDG", "BTC/USDG"),  # refused: "unknown pair"
        ("ADAUSD", "ADA/USD"),
        ("GALAUSD", "GALA/USD"),
        ("MERLUSD", "MERL/USD"),
        ("AAPLx/USD", "AAPLx/USD"),
        ("AAPLxUSD", "AAPLx/USD"),
        ("BRK.BxUSD", "BRK.Bx/USD"),
        ("aapl/usd", "AAPL/USD"),
    ],
)
def test_names_are_split_before_the_longer_quote_where_the_asset_before_it_is_known(
    names: Names, text: str, shown: str
) -> None:
    assert str(names.pair(text)) == shown
    assert names.meanings(text) == [names.pair(text)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("KNOBAUSD", "KNOB/AUSD"),
        ("XBTNEWQ", "BTC/NEWQ"),
        ("btc/newq", "BTC/NEWQ"),
        ("ETHNEWQ", "ETH/NEWQ"),  # delisted, but told of the quote
        ("OTHERUSD", "SILLY/USD"),
        ("aaplxusd", "AAPLx/USD"),
        ("XXBTZUSD", "BTC/USD"),
    ],
)
def test_what_the_exchange_told_counts_and_no_rule(text: str, shown: str) -> None:
    assert str(TOLD.pair(text)) == shown


def test_a_name_of_unknown_assets_is_taken_for_the_shorter_quote_and_its_other_meaning_is_told() -> None:
    assert BY_RULES.meanings("KNOBAUSD") == [Pair("KNOBA", "USD"), Pair("KNOB", "AUSD")]
    assert BY_RULES.meanings("FOOBAR") == []
    with pytest.raises(UnknownPairError):
        BY_RULES.pair("XBTNEWQ")


def test_pairs_are_asked_for_by_their_altname_and_stocks_with_their_class() -> None:
    assert TOLD.query(Pair("SILLY", "USD")) == {"pair": "OTHERUSD"}
    assert TOLD.query(Pair("ADA", "USD")) == {"pair": "ADAUSD"}
    for names in (TOLD, BY_RULES):
        assert names.query(Pair("AAPLx", "USD")) == {"pair": "AAPLxUSD", "asset_class": "tokenized_asset"}


def test_a_stored_pair_is_corrected_where_the_exchange_lists_its_altname_as_another_one() -> None:
    stored = [Pair.stored(name) for name in ("ETHA/USD", "XBTRL/USD", "AAPLX/USD", "BTC/USD", "GONE/USD", "SILLY/USD")]
    assert TOLD.corrections(stored) == {
        Pair("ETHA", "USD"): Pair("ETH", "AUSD"),
        Pair("XBTRL", "USD"): Pair("BTC", "RLUSD"),
        Pair("AAPLX", "USD"): Pair("AAPLx", "USD"),
    }


def test_a_pair_that_is_listed_itself_is_never_corrected() -> None:
    both = TOLD | Names([named("ETHA/USD", "ETHAUSD2")])
    assert both.corrections([Pair("ETHA", "USD")]) == {}


def test_newer_names_count_and_older_ones_are_kept() -> None:
    names = Names([named("ETHA/USD", "ETHAUSD"), named("OLD/USD", "OLDUSD")]) | TOLD
    assert names.pair("ETHAUSD") == Pair("ETH", "AUSD")
    assert names.pair("OLDUSD") == Pair("OLD", "USD")
    assert pickle.loads(pickle.dumps(names)).entries == names.entries  # noqa: S301 - our own


codes = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=2, max_size=8)


@given(st.dictionaries(st.tuples(codes, codes), st.just(None), min_size=1, max_size=8))
def test_whatever_pairs_the_exchange_lists_each_is_known_by_every_name_of_its_own(
    pairs: dict[tuple[str, str], None],
) -> None:
    by_altname = {base + quote: Pair(base, quote) for base, quote in pairs if base != quote}
    names = Names([PairName(pair, altname, altname) for altname, pair in by_altname.items()])
    for altname, pair in by_altname.items():
        assert names.pair(altname) == pair
        assert names.query(names.pair(str(pair)))["pair"] == altname
        assert pair in names.meanings(altname)
    assert names.corrections(list(by_altname.values())) == {}


def test_tokenized_stocks_are_in_no_tier_unless_the_tiers_name_them() -> None:
    assert (is_tokenized("AAPLx"), is_tokenized("AAPL"), is_tokenized("x")) == (True, False, False)
    assert (shown_asset("AAPLx"), shown_asset("xbt")) == ("AAPLx", "BTC")
    assert [TIERS.of(base) for base in ("AAPLx", "TSLAx", "AAPL", "GOLD")] == [None, "TIER1", "TIER4", "TIER4"]
    assert TIERS.knowing(frozenset({"GOLD"})).of("GOLD") is None


def test_an_entry_that_could_not_be_read_delists_nothing() -> None:
    listed = Listed((ListedPair(named("BTC/USD", "XBTUSD"), "online"),), {"ETHAUSD": "no name", "ODDUSD": "no name"})
    market = Market.of(0, listed, TOLD)
    assert Pair("ETH", "AUSD") in market.listed  # as it was called before
    assert not market.lacks(Pair("ODD", "USD"))
    assert market.lacks(Pair("BTC", "NEWQ"))


@pytest.mark.parametrize("listed", [Listed(), Listed((ListedPair(named("BTC/USD", "XBTUSD"), "online"),), whole=False)])
def test_neither_an_empty_list_nor_one_that_came_with_an_error_delists_anything(listed: Listed) -> None:
    market = Market.of(0, listed, TOLD)
    assert not market.lacks(Pair("BTC", "NEWQ"))
    assert not market.lacks(Pair("NEW", "USD"))


def test_where_stocks_were_not_listed_none_is_taken_for_delisted() -> None:
    bitcoin = ListedPair(named("BTC/USD", "XBTUSD"), "online")
    market = Market.of(0, Listed((bitcoin,), {}, tokenized=False), TOLD)
    assert Pair("AAPLx", "USD") in market.listed
    assert not market.lacks(Pair("NEWx", "USD"))
    assert market.lacks(Pair("BTC", "NEWQ"))
    assert Market.of(0, Listed((bitcoin,)), TOLD).lacks(Pair("AAPLx", "USD"))
