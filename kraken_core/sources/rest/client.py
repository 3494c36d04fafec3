"""See :class:`KrakenExchange`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from kraken_core.domain.errors import KrakenError, PairRefusedError, UnavailableError
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
from kraken_core.sources.rest import answers
from kraken_core.sources.rest.failures import NoAnswerError, Policy
from kraken_core.sources.rest.pacing import RateLimiter
from kraken_core.sources.rest.retries import LONGEST_REST_S, PATIENT, RetryBudget, pause_s
from kraken_core.sources.rest.transport import TIMEOUT_S, Transport
from kraken_core.sources.rest.waiting import Waiting

ALL_PER_SECOND = 20.0  # whatever the pairs: rather a guest of theirs than a burden
DOUBTFUL_PAIRS = 3  # given up without an answer about any in between: then it is not their fault

LOG = logging.getLogger("kraken_core")
_T = TypeVar("_T")


class KrakenExchange:
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
        self.requests = 0
        self.retries = 0
        self._transport = Transport(url, timeout_s, waiting.stop)
        self._limiter = RateLimiter(waiting, 1 / requests_per_second, 1 / all_per_second)
        self._patience = patience
        self._waiting = waiting
        self._names = names
        self._doubtful: set[Pair] = set()
        self._worked: Pair | None = None  # the last that was answered
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._transport.close()

    def now(self) -> int:
        """The exchange's clock, in epoch seconds."""
        return self._request("Time", answers.server_time)

    def status(self) -> str:
        """``online``, ``maintenance``, ``cancel_only``, ``post_only``."""
        return self._request("SystemStatus", answers.status)

    def assets(self) -> dict[str, str]:
        """The exchange's canonical code of every asset, and the name we show for it."""
        return self._request("Assets", answers.asset_names)

    def listed(self) -> Listed:
        """The pairs listed now, sorted; without dark pools, and without entries that could not be read."""
        found = self._request("AssetPairs", answers.asset_pairs, beside_errors=True)
        try:
            tokenized = self._request("AssetPairs", answers.asset_pairs, beside_errors=True, aclass_base=TOKENIZED)
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

    def ohlc(self, series: Series, as_of: int, young_s: int = 0) -> OhlcAnswer:
        """The last candles of a series, up to 720, that were closed by ``as_of`` (epoch seconds).

        Those that closed up to ``young_s`` seconds later come too, as provisional, and are not known.
        """
        if series.interval not in OHLC_INTERVALS:
            raise ValueError(f"the exchange has no {short(series.interval)} candles")
        return self._request(
            "OHLC", lambda found: answers.ohlc(found, series, as_of, young_s), series.pair, interval=series.interval
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
        return self._request(
            "Trades", lambda found: answers.trades(found, cursor, count, pair), pair, since=cursor, count=count
        )

    def _request(
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
        failures = 0
        while True:
            try:
                answer = self._once(endpoint, read, pair, query, again=failures > 0, beside_errors=beside_errors)
            except NoAnswerError as failed:
                failures += 1
                if failures >= self._patience.tries(failed.policy) or failed.wait_s > LONGEST_REST_S:
                    raise self._given_up(failed, endpoint, pair, failures) from failed
                self._wait(failed, pair, failures)
            else:
                self._answered(pair)
                return answer

    def _once(
        self,
        endpoint: str,
        read: Callable[[answers.Result], _T],
        pair: Pair | None,
        query: Mapping[str, str | int],
        *,
        again: bool = False,
        beside_errors: bool = False,
    ) -> _T:
        """The content of the answer to one request. Raises NoAnswerError, Interrupted."""
        self._limiter.acquire(pair)
        self._count(again=again)
        return read(answers.result(self._transport.get(endpoint, query), beside_errors=beside_errors))

    def _count(self, *, again: bool) -> None:
        with self._lock:
            self.requests += 1
            self.retries += again

    def _answered(self, pair: Pair | None) -> None:
        self._limiter.answered(pair)
        if pair:
            with self._lock:
                self._doubtful.clear()
                self._worked = pair

    def _wait(self, failed: NoAnswerError, pair: Pair | None, failures: int) -> None:
        LOG.info("%s: %s; retrying", self._named(pair), failed)
        if failed.policy is Policy.SLOWER:
            self._limiter.back_off(pair)
        if failed.wait_s:
            self._limiter.pause_all(failed.wait_s)
        self._waiting.until(self._waiting.now() + pause_s(failures))

    def _given_up(self, failed: NoAnswerError, endpoint: str, pair: Pair | None, failures: int) -> KrakenError:
        """Why no answer is waited for any longer."""
        often = f", {failures} times in a row" if failures > 1 else ""
        host = self._transport.host
        what = f"request to {host} failed ({endpoint})" if failed.reached else f"could not reach {host}"
        if pair and not failed.wait_s and self._is_of_pair(failed.policy, pair):
            return PairRefusedError(
                f"{pair}: {what}: {failed}{often}. The job continues without it; the next one tries again."
            )
        pause = f"; no requests for {failed.wait_s:,.0f} s" if failed.wait_s else ""
        return UnavailableError(f"{what}: {failed}{often}{pause}. Answers so far are kept; try again later.")

    def _is_of_pair(self, policy: Policy, pair: Pair) -> bool:
        """Whether it is the pair's fault: not where the exchange is down, nor where it befalls several in a row."""
        if policy in {Policy.PAIR, Policy.ALL, Policy.SLOWER}:
            return policy is Policy.PAIR
        if policy is Policy.REPEAT and not (self._is_up() or self._others_work()):
            return False
        with self._lock:
            self._doubtful.add(pair)
            few = len(self._doubtful) < DOUBTFUL_PAIRS and policy is not Policy.REFUSED
        return few or self._others_work()

    def _others_work(self) -> bool:
        """Whether a pair that worked still does, or one not requested yet: by one request for a trade."""
        with self._lock:
            worked = [self._worked] if self._worked and self._worked not in self._doubtful else []
            unasked = (name.pair for name in self._names.entries if name.pair not in self._doubtful)
            pair = next(iter((*worked, *unasked)), None)
        if pair is None:
            return False
        query: dict[str, str | int] = {**self._names.query(pair), "since": 0, "count": 1}
        try:
            self._once("Trades", lambda found: answers.trades(found, 0, 1, pair), pair, query)
        except NoAnswerError:
            return False
        self._answered(pair)
        return True

    def _is_up(self) -> bool:
        """Whether the exchange answers at all, by one request."""
        try:
            return self._once("SystemStatus", answers.status, None, {}) != "maintenance"
        except NoAnswerError:
            return False

    def _named(self, pair: Pair | None) -> str:
        return f"{pair} at {self._transport.host}" if pair else self._transport.host
