"""See :class:`KrakenExchange`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from kraken_core.domain.errors import UnavailableError
from kraken_core.domain.exchange import (
    NS,
    OHLC_INTERVALS,
    TRADES_A_PAGE,
    FirstTrade,
    Listed,
    OhlcAnswer,
    TradesPage,
)
from kraken_core.domain.interval_units import short
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.names import BY_RULES, TOKENIZED, Names
from kraken_core.domain.timerange import TimeRange
from kraken_core.sources.rest import answers, candle_answer, listed_pairs, trade_answer
from kraken_core.sources.rest.failures import NoAnswerError, nonsense
from kraken_core.sources.rest.patient_client import ALL_PER_SECOND, LOG, PatientClient
from kraken_core.sources.rest.retries import PATIENT, RetryBudget
from kraken_core.sources.rest.transport import TIMEOUT_S, Transport
from kraken_core.sources.rest.waiting import Waiting

PATH = "0/public"
_T = TypeVar("_T")


class KrakenExchange(PatientClient):
    """The exchange's public API over HTTP: a :class:`~kraken_core.ports.Exchange`. Close it when done.

    Each pair gets at most ``requests_per_second``, all together ``all_per_second``; ``waiting`` is how waits end early.
    Pairs are requested by their ``names``, and those that were listed since.
    """

    def __init__(
        self,
        url: str,
        *,
        requests_per_second: float = 1.0,
        all_per_second: float = ALL_PER_SECOND,
        patience: RetryBudget = PATIENT,
        timeout_s: tuple[float, float] = TIMEOUT_S,
        waiting: Waiting = Waiting(),  # noqa: B008 - frozen
        names: Names = BY_RULES,
    ) -> None:
        transport = Transport(url, timeout_s, waiting.stop, PATH)
        super().__init__(
            transport,
            requests_per_second=requests_per_second,
            all_per_second=all_per_second,
            patience=patience,
            waiting=waiting,
        )
        self._names = names

    def now(self) -> int:
        """The exchange's clock, in epoch seconds."""
        return self._result("Time", answers.server_time)

    def status(self) -> str:
        """``online``, ``maintenance``, ``cancel_only``, ``post_only``."""
        return self._result("SystemStatus", answers.status)

    def assets(self) -> dict[str, str]:
        """The exchange's canonical code of every asset, and the name we show for it."""
        return self._result("Assets", listed_pairs.asset_names)

    def listed(self) -> Listed:
        """The pairs listed now, sorted; without dark pools, and without entries that could not be read."""
        found = self._result("AssetPairs", listed_pairs.asset_pairs, beside_errors=True)
        try:
            tokenized = self._result("AssetPairs", listed_pairs.asset_pairs, beside_errors=True, aclass_base=TOKENIZED)
        except UnavailableError as error:
            LOG.warning("tokenized stocks are not listed: %s", error)
            tokenized = Listed()._replace(tokenized=False)
        pairs = {listed.pair: listed for listed in (*found.pairs, *tokenized.pairs)}
        listed = Listed(
            tuple(pairs[pair] for pair in sorted(pairs)),
            {**found.skipped, **tokenized.skipped},
            tokenized.tokenized,
            found.whole and tokenized.whole,
        )
        self._names |= listed.names
        return listed

    def ohlc(
        self,
        series: Series,
        as_of: int,
        young_s: int = 0,
        within: TimeRange | None = None,  # noqa: ARG002 - it answers the same whenever they are of
    ) -> OhlcAnswer:
        """The last candles of a series, up to 720, that were closed by ``as_of`` (epoch seconds).

        Those that closed up to ``young_s`` seconds later come too, as provisional, and are not known.
        """
        if series.interval not in OHLC_INTERVALS:
            raise ValueError(f"the exchange has no {short(series.interval)} candles")
        return self._result(
            "OHLC",
            lambda found: candle_answer.ohlc(found, series, as_of, young_s),
            series.pair,
            interval=series.interval,
        )

    def trades(self, pair: Pair, cursor: int, count: int = TRADES_A_PAGE) -> TradesPage:
        """Up to so many trades after a cursor (nanoseconds), 1,000 at most."""
        return self._trades(pair, max(cursor, 0), count)

    def first_trade(self, pair: Pair) -> FirstTrade | None:
        """The first trade that is answered of the pair; None where there is none."""
        for time, number in self._trades(pair, 0, 1).trades.select("time", "id").iter_rows():
            return FirstTrade(time // NS, number)
        return None

    def _trades(self, pair: Pair, cursor: int, count: int) -> TradesPage:
        return self._result(
            "Trades", lambda found: trade_answer.trades(found, cursor, count, pair), pair, since=cursor, count=count
        )

    def _result(
        self,
        endpoint: str,
        read: Callable[[answers.Result], _T],
        pair: Pair | None = None,
        *,
        beside_errors: bool = False,
        **parameters: str | int,
    ) -> _T:
        """The content of an answer. Raises UnavailableError, PairRefusedError, Interrupted."""
        query = {**(self._names.query(pair) if pair else {}), **parameters}

        def read_body(body: bytes) -> _T:
            found = answers.result(body, beside_errors=beside_errors)
            return read(self._require_of(pair, found) if pair else found)

        return self._request(endpoint, read_body, pair, query)

    def _require_of(self, pair: Pair, found: answers.Result) -> answers.Result:
        """The answer, unless its only rows are under the name of another pair. Raises NoAnswerError."""
        keys = [key for key, value in found.items() if isinstance(value, list)]
        other = self._names.known(keys[0]) if len(keys) == 1 else None
        if other not in {None, pair}:
            raise nonsense(f"it is of {other}")
        return found

    def _known_pairs(self) -> Iterable[Pair]:
        return (name.pair for name in self._names.entries)

    def _probe(self, pair: Pair) -> None:
        query: dict[str, str | int] = {**self._names.query(pair), "since": 0, "count": 1}
        self._once("Trades", lambda body: trade_answer.trades(answers.result(body), 0, 1, pair), pair, query)

    def _is_up(self) -> bool:
        try:
            return self._once("SystemStatus", lambda body: answers.status(answers.result(body)), None, {}) != (
                "maintenance"
            )
        except NoAnswerError:
            return False
