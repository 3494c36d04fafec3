"""What is traded: pairs, the intervals of their candles, and series.

Names follow AssetPairs (https://docs.kraken.com/api/docs/rest-api/get-tradable-asset-pairs): ``altname`` XBTUSD, key
XXBTZUSD, ``wsname`` XBT/USD. We show BTC for XBT and DOGE for XDG. Markets of other exchanges are called by these:
``kraken-futures:PF_XBTUSD``.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.errors import UnknownPairError
from kraken_core.domain.interval_units import short
from kraken_core.domain.venues import MARKET, SEPARATOR, SPOT_NAME
from kraken_core.domain.venues import market as venue_market

if TYPE_CHECKING:
    from collections.abc import Iterable

INTERVALS = (1, 5, 15, 30, 60, 240, 720, 1440)  # minutes; the OHLCVT archives' eight

# Quote currencies, past and present.
QUOTES = frozenset(
    {
        *("USD", "EUR", "GBP", "CAD", "JPY", "AUD", "CHF", "AED", "KRW"),
        *("USDT", "USDC", "USD1", "USDD", "USDG", "USDQ", "USDR", "PYUSD", "RLUSD", "AUSD"),
        *("EURC", "EUROP", "EURQ", "EURR", "XBT", "ETH", "SOL", "DOT", "DAI"),
    }
)
# Where two quote currencies fit (ETHAUSD ends in AUSD and in USD), the asset before them decides which is meant, if it
# is known. Assets that are traded against many quotes, and those whose own names end like the beginning of a quote.
KNOWN_ASSETS = QUOTES | frozenset(
    """
    AAVE ADA ALGO APT ARB ATOM AVAX AXS BAT BCH BNB CHZ COMP CRO CRV DASH DOT EGLD ENJ ENS ETC ETH FIL FLOW FTM GRT HBAR
    ICP INJ JUP KSM LDO LINK LTC MATIC MKR NEAR OP PAXG PENDLE PEPE POL QTUM REN SAND SHIB SNX SOL SUI SUSHI TAO TON
    TRUMP TRX UNI USDC USDT VET WBTC XBT XDG XLM XMR XRP XTZ YFI ZEC
    ACA ALPHA ALTHEA ARPA AURA BERA BOBA ENA EVAA FIDA GAIA GALA GIGA KAVA KTA KULA LAVA LINEA LUNA MANA MELANIA MERL
    MINA MIRA MOCA ORCA PDA PHA RHEA SAGA SAHARA SCA SIGMA TEA THETA TIA UMA YALA ZETA ZORA
    """.split()  # noqa: SIM905 - a list of as many strings would be a page
)
# Names that neither rule splits rightly: a rare asset, and a key half of old and half of new codes.
EXCEPTIONS = {"MONAUSD": ("MON", "AUSD"), "USDTZUSD": ("USDT", "USD")}
# Canonical keys of the first assets: X before a coin, Z before a currency, and always four letters.
_COINS = ("XBT", "ETH", "XRP", "LTC", "XDG", "XMR", "ETC", "XLM", "MLN", "REP", "ZEC", "ICN", "NMC", "XVN")
_CURRENCIES = ("USD", "EUR", "GBP", "CAD", "JPY", "AUD", "KRW")
LEGACY = {**{f"X{coin}": coin for coin in _COINS}, **{f"Z{currency}": currency for currency in _CURRENCIES}}
SHOWN = {"XBT": "BTC", "XDG": "DOGE"}
SPELLED = {shown: kraken for kraken, shown in SHOWN.items()}
_ASSET = re.compile(r"[A-Z0-9][A-Z0-9.]{0,15}x?")
_ODD = re.compile(r"[^A-Za-z0-9._-]")  # in names of files
_TOKENIZED = re.compile(r"[A-Z0-9][A-Z0-9.]{0,15}x")  # AAPLx: a share of AAPL as a token; the case matters
_TOKENIZED_PAIR = re.compile(rf"({_TOKENIZED.pattern})([A-Z0-9]{{3,5}})")


# Both are tuples because they are the keys of nearly every mapping: these hash and compare several times as fast.


class Pair(NamedTuple):
    """A market, in the names we show: ``Pair("BTC", "USD")``.

    ``market`` is empty at Kraken spot; elsewhere it is what the market is called, the exchange first:
    ``kraken-futures:PF_XBTUSD``.
    """

    base: str
    quote: str
    market: str = ""

    def __str__(self) -> str:
        return self.market or f"{self.base}/{self.quote}"

    @property
    def venue(self) -> str:
        """The name of the exchange."""
        return self.market.partition(SEPARATOR)[0] or SPOT_NAME

    @property
    def altname(self) -> str:
        """What its exchange calls it; of Kraken spot the short name, which its files and its API use: XBTUSD."""
        if self.market:
            return self.market.partition(SEPARATOR)[2]
        return SPELLED.get(self.base, self.base) + SPELLED.get(self.quote, self.quote)

    @property
    def quoted(self) -> str:
        """What sets it apart from all other markets of its base: the quote at Kraken spot, else its whole name."""
        return self.market or self.quote

    @staticmethod
    def parse(text: str) -> Pair:
        """The pair that ``text`` names: BTC/USD, XBT/USD, XBTUSD and XXBTZUSD are the same.

        By rules alone; :class:`~kraken_core.domain.names.Names` has the exchange's own names. Raises
        UnknownPairError for dark pools (``XBTUSD.d``) and for names that end in no known quote currency.
        """
        return parse_pair(text)

    @staticmethod
    def stored(text: str) -> Pair:
        """The pair whose ``str`` is ``text``, to the letter: as candles and requests are kept.

        Of an exchange that is not installed any more the base and the quote are not known: it is all of one name.
        """
        return _stored_elsewhere(text) if SEPARATOR in text else Pair(*text.split("/", 1))


@cache
def parse_pair(text: str, assets: frozenset[str] = KNOWN_ASSETS, quotes: frozenset[str] = QUOTES) -> Pair:
    """The pair that a text names, with what is known of assets and quotes (in Kraken's spelling); see Pair.parse."""
    name = text.strip()
    if name.lower().startswith(SPOT_NAME + SEPARATOR):
        name = name[len(SPOT_NAME) + 1 :]
    elif MARKET.match(name):
        return _at_venue(name)
    if name.lower().endswith(".d"):
        message = f"{text} is a dark pool: Kraken publishes no candles of it. Name the open market, {name[:-2]}."
        raise UnknownPairError(message)
    base, quote = _with_slash(name, quotes) if "/" in name else next(iter(splits(name, assets, quotes)), ("", ""))
    if not base or not _ASSET.fullmatch(base) or base == quote:
        message = f"{text!r} is not a pair: no known quote currency at its end. Use BASE/QUOTE, such as BTC/USD."
        raise UnknownPairError(message)
    return shown_pair(base, quote)


@cache
def _at_venue(text: str) -> Pair:
    name, found = venue_market(text)
    return Pair(found.base, found.quote, f"{name}{SEPARATOR}{found.symbol}")


@cache
def _stored_elsewhere(text: str) -> Pair:
    try:
        return _at_venue(text)
    except UnknownPairError:
        return Pair(text.partition(SEPARATOR)[2], "", text)


def shown_pair(base: str, quote: str) -> Pair:
    """The pair of two assets in Kraken's spelling, XBT or XXBT, as we show it."""
    base, quote = (LEGACY.get(asset, asset) for asset in (base, quote))
    return Pair(SHOWN.get(base, base), SHOWN.get(quote, quote))


def _with_slash(name: str, quotes: frozenset[str]) -> tuple[str, str]:
    base, _, quote = name.partition("/")
    base, quote = _spelled(_folded(base)), _spelled(quote.upper())
    return (base, quote) if quote in quotes else ("", "")


def splits(name: str, assets: frozenset[str] = KNOWN_ASSETS, quotes: frozenset[str] = QUOTES) -> list[tuple[str, str]]:
    """What a name without a slash can mean: base and quote in Kraken's spelling, the likeliest first.

    That is: the shortest quote after an asset that is known, else the shortest at all. Only one where no other comes
    near it: several mean that the name alone is ambiguous.
    """
    if (tokenized := _TOKENIZED_PAIR.fullmatch(name)) and tokenized[2] in quotes:
        return [(tokenized[1], tokenized[2])]
    name = name.upper()
    if name in EXCEPTIONS:
        return [EXCEPTIONS[name]]
    head, tail = name[:4], name[4:]
    if head in LEGACY and LEGACY.get(tail, tail) in quotes:
        return [(LEGACY[head], LEGACY.get(tail, tail))]
    lengths = range(3, len(name))
    found = [(name[:-length], name[-length:]) for length in lengths if name[-length:] in quotes]
    return [(base, quote) for base, quote in found if _spelled(base) in assets] or found


def is_tokenized(asset: str) -> bool:
    """Whether an asset is called as tokenized stocks are: AAPLx."""
    return _TOKENIZED.fullmatch(asset) is not None


def shown_asset(code: str) -> str:
    """An asset as we show it, whatever spelling it is given in: BTC for XBT, XXBT and btc; AAPLx is left as it is."""
    spelled = _spelled(_folded(code.strip()))
    return SHOWN.get(spelled, spelled)


def _folded(asset: str) -> str:
    return asset if is_tokenized(asset) else asset.upper()


def _spelled(code: str) -> str:
    return SPELLED.get(code, LEGACY.get(code, code))


class Series(NamedTuple):
    """A pair at one interval; ``interval`` in minutes."""

    pair: Pair
    interval: int

    def __str__(self) -> str:
        return f"{self.pair} {short(self.interval)}"

    @property
    def width(self) -> int:
        """The length of a slot in seconds."""
        return self.interval * 60

    @property
    def file_name(self) -> str:
        """What the archive calls its file: XBTUSD_60.csv; of other exchanges kraken-futures-PF_XBTUSD_60.csv."""
        return f"{_ODD.sub('-', self.pair.market) or self.pair.altname}_{self.interval}.csv"


def first_of(series: Iterable[Series]) -> str:
    """Several series, shortened: ``BTC/USD 1h``, or ``BTC/USD 1h and 4 more series``."""
    first, *others = series
    return f"{first} and {len(others):,} more series" if others else str(first)
