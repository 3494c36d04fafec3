"""What the simulated exchange answers, before anything goes wrong: each endpoint's result, or its error.

A result is kept by its keys, each value as JSON text, so that times and prices stay exact decimals.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import iso
from kraken_core.simulator.exchange import names
from kraken_core.simulator.exchange.faults import UNKNOWN_PAIR
from kraken_core.simulator.exchange.ohlc import INTERVALS, ohlc_rows
from kraken_core.simulator.exchange.tape_faults import HONEST, TapeFaults
from kraken_core.simulator.exchange.trades import MOST, TradeBook, cursors
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.tape import NS

INVALID_ARGUMENTS = "EGeneral:Invalid arguments"
UNKNOWN_METHOD = "EGeneral:Unknown method"
LIMITED_BY_PAIR = frozenset({"OHLC", "Trades"})
_WHOLE_NUMBER = re.compile(r"\d{1,19}", re.ASCII)

Result = dict[str, str]  # JSON text by key


class RequestRefusedError(Exception):
    """The request is answered with an error; its text is Kraken's."""


class PublicApi:
    """The public endpoints, for a market. Every answer is as of an instant, in nanoseconds since the epoch."""

    def __init__(self, market: SimulatedMarket, *, trade_ids: bool, repeats: bool) -> None:
        self._market = market
        self._listings = {pair: listing for pair, listing in market.listings.items() if not pair.market}
        self._trade_ids, self._repeats = trade_ids, repeats
        self._lives = {pair: market.listed(pair) for pair in self._listings}
        self._pairs = {name: pair for pair in self._listings for name in names.spellings(pair)}
        self._books: dict[tuple[Pair, TapeFaults], TradeBook] = {}
        self._candles: Counter[Pair] = Counter()  # answers
        self.tape_faults = HONEST

    def pair(self, query: Mapping[str, str]) -> Pair | None:
        """The requested pair, listed by now or not; None where it is none of the market's."""
        name = query.get("pair", "")
        return self._pairs.get(name) or self._pairs.get(name.upper())

    def answer(self, endpoint: str, query: Mapping[str, str], now_ns: int) -> Result:
        """The result of a request. Raises RefusedError."""
        match endpoint:
            case "OHLC":
                return self._ohlc(query, now_ns)
            case "Trades":
                return self._trades(query, now_ns)
            case "AssetPairs":
                return self._asset_pairs(query, now_ns)
            case "Assets":
                assets = {asset for pair in self._listings for asset in (pair.base, pair.quote)}
                return {names.code(asset): json.dumps(names.asset_row(asset)) for asset in sorted(assets)}
            case "Time":
                now = datetime.fromtimestamp(now_ns // NS, UTC)
                rfc1123 = f"{now:%a}, {now.day:2d} {now:%b %y %H:%M:%S} +0000"
                return {"unixtime": str(now_ns // NS), "rfc1123": json.dumps(rfc1123)}
            case "SystemStatus":
                return status("online", now_ns)
            case _:
                raise RequestRefusedError(UNKNOWN_METHOD)

    def _ohlc(self, query: Mapping[str, str], now_ns: int) -> Result:
        pair = self._listed(query, now_ns)
        interval = _number(query, "interval", 1)
        if interval not in INTERVALS:
            raise RequestRefusedError(INVALID_ARGUMENTS)
        since = _number(query, "since", 0)
        self._candles[pair] += 1
        faults = self.tape_faults
        chance = faults.chance("candles", pair, self._candles[pair])
        if chance.random() < faults.stale_candles:
            now_ns -= round(faults.stale_s * NS)
        tape = self._market.tapes[pair]
        if faults.late:
            tape = tape.of(faults.seen_ns(tape) <= now_ns)
        rows, last = ohlc_rows(tape, self._lives[pair], interval, since, now_ns)
        if chance.random() < faults.empty_candles:
            rows = []
        if faults.odd_candles:
            rows = [f"{row.partition(',')[0]}]" if chance.random() < faults.odd_candles else row for row in rows]
        return {names.key(pair): _array(rows), "last": str(last)}

    def cursor_before(self, query: Mapping[str, str], number: int) -> int:
        """The cursor after which the trade with an id follows."""
        tape = self._market.tapes[pair] if (pair := self.pair(query)) else None
        return int(cursors(tape)[number - tape.first_id]) - 1 if tape else 0

    def _trades(self, query: Mapping[str, str], now_ns: int) -> Result:
        pair = self._listed(query, now_ns)
        count = _number(query, "count", MOST)
        if not 1 <= count <= MOST:
            raise RequestRefusedError(INVALID_ARGUMENTS)
        key = pair, self.tape_faults
        book = self._books.get(key)
        if not book:
            tape = self._market.tapes[pair]
            book = TradeBook(tape, ids=self._trade_ids, repeats=self._repeats, faults=self.tape_faults)
            self._books[key] = book
        rows, cursor = book.page(_number(query, "since", 0), count, now_ns)
        return {names.key(pair): _array(rows), **({} if cursor is None else {"last": f'"{cursor}"'})}

    def _asset_pairs(self, query: Mapping[str, str], now_ns: int) -> Result:
        pairs_asked = query.get("pair")
        if pairs_asked:
            pairs = [self._listed({**query, "pair": name}, now_ns, "aclass_base") for name in pairs_asked.split(",")]
        else:
            asset_class = query.get("aclass_base", names.CURRENCY)
            if asset_class not in {names.CURRENCY, names.TOKENIZED}:
                raise RequestRefusedError(INVALID_ARGUMENTS)
            of_class = [pair for pair, each in self._listings.items() if names.asset_class(each) == asset_class]
            pairs = [pair for pair in of_class if self._is_listed(pair, now_ns)]
        listings, now = (self._listings[pair] for pair in pairs), now_ns // NS
        rows = {key: row for listing in listings for key, row in names.pair_rows(listing, now).items()}
        return {key: json.dumps(rows[key]) for key in sorted(rows)}

    def _listed(self, query: Mapping[str, str], now_ns: int, class_in: str = "asset_class") -> Pair:
        if "pair" not in query:
            raise RequestRefusedError(INVALID_ARGUMENTS)
        pair = self.pair(query)
        asset_class = query.get(class_in, names.CURRENCY)
        if pair is None or not self._is_listed(pair, now_ns) or names.asset_class(self._listings[pair]) != asset_class:
            raise RequestRefusedError(UNKNOWN_PAIR)
        return pair

    def _is_listed(self, pair: Pair, now_ns: int) -> bool:
        return any(life.start <= now_ns // NS < life.end for life in self._lives[pair])


def status(word: str, now_ns: int) -> Result:
    """What SystemStatus answers."""
    return {"status": json.dumps(word), "timestamp": json.dumps(iso(now_ns // NS))}


def body(result: Result) -> bytes:
    """A result as it is sent."""
    values = ",".join(f'"{key}":{value}' for key, value in result.items())
    return f'{{"error":[],"result":{{{values}}}}}'.encode()


def refusal(error: str) -> bytes:
    """An error as it is sent, with status 200."""
    return json.dumps({"error": [error]}, separators=(",", ":")).encode()


def beside(error: str, result: Result) -> bytes:
    """An error and a result in one answer."""
    return body(result).replace(b'"error":[]', b'"error":' + json.dumps([error]).encode(), 1)


def _array(rows: list[str]) -> str:
    return f"[{','.join(rows)}]"


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not _WHOLE_NUMBER.fullmatch(text):
        raise RequestRefusedError(INVALID_ARGUMENTS)
    return int(text)
