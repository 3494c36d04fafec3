"""Tiers: the packaged defaults, a user's own, and every way to get the file wrong."""

from importlib.resources import files

import pytest

from kraken_core.domain.errors import SettingError, UnknownTierError
from kraken_core.domain.market import Pair
from kraken_core.domain.tiers import Tiers

# The domain's section 3, word for word.
DOCUMENTED = {
    "TIER1": "BTC ETH USDT USDC BNB XRP ADA DOGE AVAX SOL MATIC POL DOT TRX DAI WBTC SHIB LTC LINK BCH ATOM",
    "TIER2": (
        "UNI XLM ETC ALGO AAVE FIL VET ICP NEAR APT GRT FTM SAND MANA AXS EGLD XTZ THETA CRO FLOW CHZ KSM CAKE ENS ZEC "
        "MKR COMP SNX SUSHI YFI"
    ),
    "TIER3": (
        "1INCH CRV BAT ENJ GALA LRC REN ZRX BAL KNC QTUM OMG ANKR STORJ BNT CELO OCEAN SKL NMR BAND ALPHA BADGER FARM "
        "PERP RUNE SRM TRB UMA XVS YFII"
    ),
}
FIAT = "USD EUR GBP JPY CAD CHF AUD AED"


@pytest.fixture(scope="module")
def tiers() -> Tiers:
    return Tiers.parse(files("kraken_core.domain").joinpath("tiers.toml").read_text(), "tiers.toml")


def test_the_packaged_tiers_are_the_documented_ones(tiers: Tiers) -> None:
    documented = {base: tier for tier, bases in DOCUMENTED.items() for base in bases.split()}
    assert tiers.by_base == documented
    assert tiers.fiat == set(FIAT.split())
    assert tiers.names == ("TIER1", "TIER2", "TIER3", "TIER4")


def test_every_other_crypto_base_is_in_the_last_tier_and_fiat_in_none(tiers: Tiers) -> None:
    assert [tiers.of(base) for base in ("BTC", "UNI", "YFII", "PEPE", "USD", "AED")] == [
        "TIER1",
        "TIER2",
        "TIER3",
        "TIER4",
        None,
        None,
    ]


def test_the_base_decides_and_the_quote_does_not(tiers: Tiers) -> None:
    assert tiers.holds(["TIER1"], Pair("BTC", "PEPE"))
    assert not tiers.holds(["TIER1"], Pair("PEPE", "BTC"))
    assert not tiers.holds(tiers.names, Pair("EUR", "USD"))


def test_all_holds_every_pair_those_of_fiat_bases_too(tiers: Tiers) -> None:
    assert tiers.holds(["ALL"], Pair("EUR", "USD"))
    assert tiers.holds(["TIER3", "ALL"], Pair("PEPE", "USD"))


def test_names_of_tiers_are_taken_in_any_case_and_once(tiers: Tiers) -> None:
    assert tiers.check(["tier2", " TIER1", "Tier2", "all"]) == ("TIER2", "TIER1", "ALL")


def test_an_unknown_tier_is_refused_and_the_known_ones_named(tiers: Tiers) -> None:
    with pytest.raises(UnknownTierError, match=r"'TIER9' is not a tier: choose from TIER1, TIER2, TIER3, TIER4, ALL"):
        tiers.check(["TIER1", "TIER9"])


def test_a_users_file_may_name_its_own_tiers() -> None:
    tiers = Tiers.parse('rest = "tail"\nfiat = ["USD"]\n[tiers]\nmajors = ["BTC"]\n', "mine.toml")
    assert tiers.names == ("majors", "tail")
    assert [tiers.of(base) for base in ("BTC", "EUR", "USD")] == ["majors", "tail", None]


def test_an_empty_file_puts_everything_in_the_last_tier() -> None:
    tiers = Tiers.parse("", "mine.toml")
    assert (tiers.names, tiers.of("BTC"), tiers.of("USD")) == (("TIER4",), "TIER4", "TIER4")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[tiers", "not valid TOML"),
        ("speed = 3", "unknown setting 'speed'"),
        ("tiers = 3", "it needs a table"),
        ("rest = 4", "it needs a table"),
        ('fiat = "USD"', "it needs a table"),
        ("fiat = [1]", "it needs a table"),
        ('[tiers]\nTIER1 = "BTC"', "tier TIER1 is 'BTC'; it must be a list"),
        ("[tiers]\nTIER1 = [1]", r"tier TIER1 is \[1\]; it must be a list"),
        ('[tiers]\nA = ["BTC"]\nB = ["BTC"]', "BTC is in A and in B"),
        ('[tiers]\nA = ["BTC", "BTC"]', "BTC is in A and in A"),
        ('[tiers]\nALL = ["BTC"]', "ALL is every pair"),
        ('rest = "ALL"', "ALL is every pair"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_that_names_it(text: str, why: str) -> None:
    with pytest.raises(SettingError, match=why) as caught:
        Tiers.parse(text, "/home/me/tiers.toml")
    assert str(caught.value).startswith("/home/me/tiers.toml")
    assert "\n" not in str(caught.value)
