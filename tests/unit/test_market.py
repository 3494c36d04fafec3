"""Names of pairs: every way Kraken and people write them, and the ones that others got wrong."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.errors import UnknownPairError
from kraken_core.domain.market import QUOTES, Pair, Series

ASSET_PAIRS = Path(__file__).parents[2] / "../shared/data/rest/asset_pairs_2026.json"
SHOWN = {"XBT": "BTC", "XDG": "DOGE"}


@pytest.fixture(scope="module")
def asset_pairs() -> dict[str, dict[str, str]]:
    if not ASSET_PAIRS.exists():
        pytest.skip("no recorded AssetPairs answer here (../shared/data)")
    result: dict[str, dict[str, str]] = json.loads(ASSET_PAIRS.read_text())["result"]
    assert len(result) == 1434
    return result


def true_pair(record: dict[str, str]) -> Pair:
    """The pair that a record of AssetPairs speaks of; its canonical asset names must agree with its wsname."""
    base, quote = record["wsname"].split("/")
    assert record["base"] in {base, f"X{base}", f"Z{base}"}
    assert record["quote"] in {quote, f"X{quote}", f"Z{quote}"}
    return Pair(SHOWN.get(base, base), SHOWN.get(quote, quote))


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["key", "altname", "wsname"])
def test_every_pair_of_the_exchange_is_known_by_each_of_its_names(
    asset_pairs: dict[str, dict[str, str]], name: str
) -> None:
    wrong = {
        text: (str(Pair.parse(text)), str(true_pair(record)))
        for key, record in asset_pairs.items()
        if Pair.parse(text := {"key": key, **record}[name]) != true_pair(record)
    }
    assert wrong == {}


@pytest.mark.real_data
def test_every_pair_of_the_exchange_has_the_altname_that_kraken_gives_it(
    asset_pairs: dict[str, dict[str, str]],
) -> None:
    assert all(true_pair(record).altname == record["altname"] for record in asset_pairs.values())


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("XTZUSD", "XTZ/USD"),  # not XT and ZUSD
        ("CHZUSD", "CHZ/USD"),  # not CH and ZUSD
        ("BLZEUR", "BLZ/EUR"),  # not BL and ZEUR
        ("XETHXXBT", "ETH/BTC"),  # not XETHX and XBT
        ("XBTPYUSD", "BTC/PYUSD"),  # not XBTPY and USD
        ("XBTUSDT", "BTC/USDT"),  # not refused
        ("ADAUSD", "ADA/USD"),  # not AD and AUSD
        ("AIXBTUSD", "AIXBT/USD"),  # not XBTUSD
        ("DOGUSD", "DOG/USD"),  # an asset of its own …
        ("XDGUSD", "DOGE/USD"),  # … and Dogecoin
        ("USDTZUSD", "USDT/USD"),  # a canonical key half old, half new
        ("ZEURZUSD", "EUR/USD"),
        ("ZEUSUSD", "ZEUS/USD"),  # Z, but no currency
        ("XAUTEUR", "XAUT/EUR"),  # X, but no coin
        ("1INCHEUR", "1INCH/EUR"),
    ],
)
def test_names_that_look_like_others_are_split_where_kraken_splits_them(name: str, shown: str) -> None:
    assert str(Pair.parse(name)) == shown


@pytest.mark.parametrize(
    "name", ["BTC/USD", "XBT/USD", "XBTUSD", "XXBTZUSD", "BTCUSD", "btc/usd", " xbtusd ", "XXBT/ZUSD"]
)
def test_one_pair_has_many_names(name: str) -> None:
    assert Pair.parse(name) == Pair("BTC", "USD")


@pytest.mark.parametrize("name", ["DOGE/USD", "XDG/USD", "XDGUSD", "XXDGZUSD", "DOGEUSD"])
def test_dogecoin_has_many_names_too(name: str) -> None:
    assert Pair.parse(name) == Pair("DOGE", "USD")


@pytest.mark.parametrize("name", ["XBTUSD.d", "XXBTZUSD.D", "ETH/USD.d"])
def test_dark_pools_are_refused_and_the_open_market_named(name: str) -> None:
    with pytest.raises(UnknownPairError, match=f"dark pool.*{name[:-2]}"):
        Pair.parse(name)


@pytest.mark.parametrize(
    "name", ["", "FOO", "USD", "BTC/", "/USD", "USD/USD", "BTC/XYZ", "BTC/USD/EUR", "B C/USD", "ÄUSD"]
)
def test_what_is_no_pair_is_refused_in_one_line_with_an_example(name: str) -> None:
    with pytest.raises(UnknownPairError) as caught:
        Pair.parse(name)
    assert repr(name) in str(caught.value)
    assert "BTC/USD" in str(caught.value)
    assert "\n" not in str(caught.value)


@given(
    base=st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.", min_size=1, max_size=12).filter(
        lambda base: not base.startswith(".") and base not in SHOWN
    ),
    quote=st.sampled_from(sorted(QUOTES)),
)
def test_what_a_pair_is_shown_as_names_it(base: str, quote: str) -> None:
    pair = Pair.parse(f"{base}/{quote}") if base != quote else Pair("ETH", "USD")
    assert Pair.parse(str(pair)) == pair


def test_a_series_knows_its_slot_and_its_file() -> None:
    series = Series(Pair("DOGE", "BTC"), 60)
    assert (str(series), series.width, series.file_name) == ("DOGE/BTC 1h", 3600, "XDGXBT_60.csv")
