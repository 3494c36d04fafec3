"""What the simulated exchange calls its pairs and assets, and what it returns of them (domain 1.3).

https://docs.kraken.com/api/docs/rest-api/get-tradable-asset-pairs. Its names come from lists of their own rather
than by the rules with which we read them, so that a wrong rule is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kraken_core.domain.market import LEGACY, SPELLED, Pair
from kraken_core.simulator.listing import Listing

CODES = {name: code for code, name in LEGACY.items()}
# The pairs whose key is made of both assets' codes, as AssetPairs had them in 2026; all others go by their altname.
KEYED_BY_CODES = frozenset(
    """
    ETCETH ETCXBT ETCEUR ETCUSD ETHXBT ETHCAD ETHEUR ETHGBP ETHJPY ETHUSD LTCXBT LTCEUR LTCJPY LTCUSD MLNXBT MLNEUR
    MLNUSD REPEUR REPUSD USDTUSD XBTEUROP XBTUSDQ XBTUSDR XBTCAD XBTEUR XBTGBP XBTJPY XBTUSD XDGXBT XLMXBT XLMEUR
    XLMGBP XLMUSD XMRXBT XMREUR XMRUSD XRPXBT XRPCAD XRPEUR XRPUSD ZECEUR ZECUSD EURUSD GBPUSD USDCAD USDJPY
    """.split()  # noqa: SIM905 - a list of as many strings would be a page
)
WITH_DARK_POOLS = frozenset({"BTC", "ETH"})
DARK = ".d"
CURRENCY, TOKENIZED = "currency", "tokenized_asset"


def code(asset: str) -> str:
    """The canonical code of an asset that we show as BTC or USD: XXBT, ZUSD."""
    spelled = SPELLED.get(asset, asset)
    return CODES.get(spelled, spelled)


def key(pair: Pair) -> str:
    """Under which a pair is listed and answered: XXBTZUSD."""
    return code(pair.base) + code(pair.quote) if pair.altname in KEYED_BY_CODES else pair.altname


def wsname(pair: Pair) -> str:
    """Its name with a slash: XBT/USD."""
    return f"{SPELLED.get(pair.base, pair.base)}/{SPELLED.get(pair.quote, pair.quote)}"


def spellings(pair: Pair) -> frozenset[str]:
    """By which names it can be requested; in capitals too, unless it has small letters itself."""
    return frozenset({key(pair), pair.altname, wsname(pair), str(pair), pair.base + pair.quote})


def asset_class(listing: Listing) -> str:
    """Of its base asset."""
    return TOKENIZED if listing.tokenized else CURRENCY


def pair_rows(listing: Listing, at: int) -> Mapping[str, Mapping[str, Any]]:
    """A pair's entries in AssetPairs at an instant (epoch seconds), its dark pool included, by key."""
    pair = listing.pair
    row = {
        "altname": pair.altname,
        "wsname": wsname(pair),
        "aclass_base": asset_class(listing),
        "base": code(pair.base),
        "aclass_quote": "currency",
        "quote": code(pair.quote),
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": listing.price_decimals,
        "lot_decimals": listing.volume_decimals,
        "lot_multiplier": 1,
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": "1",
        "costmin": "0.5",
        "tick_size": f"{10**-listing.price_decimals:.{listing.price_decimals}f}",
        "status": listing.status(at),
    }
    rows = {key(pair): row}
    if pair.base in WITH_DARK_POOLS:
        pool = {**row, "altname": pair.altname + DARK}
        del pool["wsname"]
        rows[key(pair) + DARK] = pool
    return rows


def asset_row(asset: str) -> Mapping[str, Any]:
    """An asset's entry in Assets."""
    return {"aclass": "currency", "altname": SPELLED.get(asset, asset), "decimals": 10, "display_decimals": 5}
