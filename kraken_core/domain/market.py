"""What is traded: pairs, the intervals of their candles, and series.

Names follow AssetPairs (https://docs.kraken.com/api/docs/rest-api/get-tradable-asset-pairs): ``altname`` XBTUSD, key
XXBTZUSD, ``wsname`` XBT/USD. We show BTC for XBT and DOGE for XDG.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.errors import UnknownPairError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

INTERVALS = (1, 5, 15, 30, 60, 240, 720, 1440)  # minutes; the OHLCVT archives' eight

# Quote currencies, past and present. Where two fit (ADAUSD ends in AUSD and in USD), the shorter one is meant …
QUOTES = frozenset(
    {
        *("USD", "EUR", "GBP", "CAD", "JPY", "AUD", "CHF", "AED", "KRW"),
        *("USDT", "USDC", "USD1", "USDD", "USDQ", "USDR", "PYUSD", "RLUSD", "AUSD"),
        *("EURC", "EUROP", "EURQ", "EURR", "XBT", "ETH", "SOL", "DOT", "DAI"),
    }
)
# … except in these, where the longer one is, or a canonical key mixes an old name with a new one.
EXCEPTIONS = {
    "ETHPYUSD": ("ETH", "PYUSD"),
    "XBTPYUSD": ("XBT", "PYUSD"),
    "XRPRLUSD": ("XRP", "RLUSD"),
    "XBTAUSD": ("XBT", "AUSD"),
    "MONAUSD": ("MON", "AUSD"),
    "USDTZUSD": ("USDT", "USD"),
}
# Canonical keys of the first assets: X before a coin, Z before a currency, and always four letters.
_COINS = ("XBT", "ETH", "XRP", "LTC", "XDG", "XMR", "ETC", "XLM", "MLN", "REP", "ZEC", "ICN", "NMC", "XVN")
_CURRENCIES = ("USD", "EUR", "GBP", "CAD", "JPY", "AUD", "KRW")
LEGACY = {**{f"X{coin}": coin for coin in _COINS}, **{f"Z{currency}": currency for currency in _CURRENCIES}}
SHOWN = {"XBT": "BTC", "XDG": "DOGE"}
SPELLED = {shown: kraken for kraken, shown in SHOWN.items()}
_ASSET = re.compile(r"[A-Z0-9][A-Z0-9.]{0,15}")


# Both are tuples because they are the keys of nearly every mapping: these hash and compare several times as fast.


class Pair(NamedTuple):
    """A market, in the names we show: ``Pair("BTC", "USD")``."""

    base: str
    quote: str

    def __str__(self) -> str:
        return f"{self.base}/{self.quote}"

    @property
    def altname(self) -> str:
        """Kraken's short name, which its files and its API use: XBTUSD."""
        return SPELLED.get(self.base, self.base) + SPELLED.get(self.quote, self.quote)

    @staticmethod
    def parse(text: str) -> Pair:
        """The pair that ``text`` names: BTC/USD, XBT/USD, XBTUSD and XXBTZUSD are the same.

        Raises UnknownPairError for dark pools (``XBTUSD.d``) and for names that end in no known quote currency.
        """
        return _parse(text)


@cache
def _parse(text: str) -> Pair:
    name = text.strip()
    if name.lower().endswith(".d"):
        message = f"{text} is a dark pool: Kraken publishes no candles of it. Name the open market, {name[:-2]}."
        raise UnknownPairError(message)
    base, quote = _split(name.upper())
    if not base or not _ASSET.fullmatch(base) or base == quote:
        message = f"{text!r} is no pair: it ends in no quote currency we know. Write BASE/QUOTE, such as BTC/USD."
        raise UnknownPairError(message)
    return Pair(SHOWN.get(base, base), SHOWN.get(quote, quote))


def _split(name: str) -> tuple[str, str]:
    """Base and quote in Kraken's spelling; an empty base where the name is no pair."""
    if "/" in name:
        base, _, quote = name.partition("/")
        base, quote = (_spelled(code) for code in (base, quote))
        return (base, quote) if quote in QUOTES else ("", "")
    if name in EXCEPTIONS:
        return EXCEPTIONS[name]
    head, tail = name[:4], name[4:]
    if head in LEGACY and LEGACY.get(tail, tail) in QUOTES:
        return LEGACY[head], LEGACY.get(tail, tail)
    for length in range(3, 6):  # the shortest quote that fits
        if name[-length:] in QUOTES:
            return name[:-length], name[-length:]
    return "", ""


def shown_asset(code: str) -> str:
    """An asset as we show it, whatever spelling it is given in: BTC for XBT, XXBT and btc."""
    spelled = _spelled(code.strip().upper())
    return SHOWN.get(spelled, spelled)


def _spelled(code: str) -> str:
    return SPELLED.get(code, LEGACY.get(code, code))


class Series(NamedTuple):
    """A pair at one interval; ``interval`` in minutes."""

    pair: Pair
    interval: int

    def __str__(self) -> str:
        return f"{self.pair} {self.interval}m"

    @property
    def width(self) -> int:
        """The length of a slot in seconds."""
        return self.interval * 60

    @property
    def file_name(self) -> str:
        """What the archive calls its file: XBTUSD_60.csv."""
        return f"{self.pair.altname}_{self.interval}.csv"


def parse_interval(text: str) -> int:
    """One of :data:`INTERVALS` from text. Raises UsageError for any other."""
    if text.strip().isdecimal() and int(text) in INTERVALS:
        return int(text)
    known = ", ".join(map(str, INTERVALS))
    message = f"{text!r} is no interval of the archives: choose from {known} minutes (others are resampled when read)."
    raise UsageError(message)


def first_of(series: Iterable[Series]) -> str:
    """Several series in a few words: ``BTC/USD 60m``, or ``BTC/USD 60m and 4 series more``."""
    first, *others = series
    return f"{first} and {len(others):,} series more" if others else str(first)
