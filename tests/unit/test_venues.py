"""Exchanges: how markets of others than Kraken spot are called, and who may add one."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.errors import UnknownPairError
from kraken_core.domain.exchange import SPOT, ohlc_horizon, venue_of
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.names import Names
from kraken_core.domain.timerange import TimeRange
from kraken_core.domain.venues import venue

PF = Pair("BTC", "USD", "kraken-futures:PF_XBTUSD")
SYMBOLS = st.builds(
    "{}_{}{}".format,
    st.sampled_from(("PF", "PI", "FF", "FI")),
    st.sampled_from(("XBTUSD", "ETHUSD", "XDGUSD", "1INCHUSD", "EURUSD", "SOLEUR")),
    st.sampled_from(("", "_261225")),
)


@pytest.mark.parametrize(
    "text", ["kraken-futures:PF_XBTUSD", "kraken-futures:pf_xbtusd", " Kraken-Futures:PF_XBTUSD ", str(PF)]
)
def test_a_market_is_named_by_its_exchange_and_symbol(text: str) -> None:
    assert Pair.parse(text) == PF
    assert Names().pair(text) == PF


@pytest.mark.parametrize(
    ("symbol", "base", "quote"),
    [
        ("PF_XBTUSD", "BTC", "USD"),
        ("PI_XBTUSD", "BTC", "USD"),
        ("FF_XBTUSD_261225", "BTC", "USD"),
        ("PF_XDGUSD", "DOGE", "USD"),
        ("PF_XTZUSD", "XTZ", "USD"),
        ("PF_EURUSD", "EUR", "USD"),
    ],
)
def test_a_contract_is_of_the_asset_in_its_name(symbol: str, base: str, quote: str) -> None:
    found = Pair.parse(f"kraken-futures:{symbol}")
    assert (found.base, found.quote, found.altname, found.venue) == (base, quote, symbol, "kraken-futures")


@given(SYMBOLS)
def test_what_is_stored_under_a_name_is_found_under_it(symbol: str) -> None:
    pair = Pair.parse(f"kraken-futures:{symbol}")
    assert Pair.stored(str(pair)) == pair
    assert pickle.loads(pickle.dumps(pair)) == pair  # noqa: S301 - our own


def test_pairs_of_kraken_spot_are_called_as_ever() -> None:
    btc = Pair("BTC", "USD")
    assert (str(btc), btc.venue, btc.altname, btc.quoted) == ("BTC/USD", "kraken", "XBTUSD", "USD")
    assert Pair.parse("kraken:XBTUSD") == Pair.stored("BTC/USD") == btc
    assert btc != PF
    assert len({btc, PF, Pair("BTC", "USD", "kraken-futures:PI_XBTUSD")}) == 3


def test_files_of_markets_have_names_that_every_system_takes_and_no_two_share() -> None:
    names = {Series(pair, 60).file_name for pair in (PF, Pair("BTC", "USD"), Pair("BTC", "USD", "kraken-futures:PI_X"))}
    assert Series(PF, 60).file_name == "kraken-futures-PF_XBTUSD_60.csv"
    assert len(names) == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nowhere:BTCUSD", r"no exchange 'nowhere' is installed; there are coinbase, kraken, kraken-futures"),
        ("kraken-futures:BTC", r"no market of Kraken Futures: contracts are called like PF_XBTUSD"),
        ("kraken-futures:", r"no market of Kraken Futures"),
        ("kraken-futures:PF_XBTNIX", r"no market of Kraken Futures"),
        (":BTCUSD", "is not a pair"),
    ],
)
def test_what_is_no_market_is_refused_in_one_line(text: str, why: str) -> None:
    with pytest.raises(UnknownPairError, match=why) as refused:
        Pair.parse(text)
    assert "\n" not in str(refused.value)


def test_kraken_spot_is_an_exchange_among_others() -> None:
    assert venue("kraken") == SPOT == venue_of(Pair("BTC", "USD"))
    assert SPOT.market("xbtusd")[1:] == ("BTC", "USD")
    assert not SPOT.is_ranged


@pytest.mark.parametrize("interval", INTERVALS)
def test_futures_have_candles_of_any_time_at_every_interval(interval: int) -> None:
    now = 1_800_000_123
    reach = ohlc_horizon(Series(PF, interval), now)
    assert reach == TimeRange(0, now - now % (interval * 60))
