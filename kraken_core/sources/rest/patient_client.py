"""See :class:`PatientClient`."""

from __future__ import annotations

import logging
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from kraken_core.domain.errors import KrakenError, PairRefusedError, UnavailableError
from kraken_core.domain.market import Pair
from kraken_core.sources.rest.failures import NoAnswerError, Policy
from kraken_core.sources.rest.pacing import RateLimiter
from kraken_core.sources.rest.retries import LONGEST_REST_S, PATIENT, RetryBudget, pause_s
from kraken_core.sources.rest.transport import Transport
from kraken_core.sources.rest.waiting import Waiting

ALL_PER_SECOND = 20.0  # whatever the pairs: rather a guest of theirs than a burden
DOUBTFUL_PAIRS = 3  # given up without an answer about any in between: then it is not their fault

LOG = logging.getLogger("kraken_core")
_T = TypeVar("_T")


class PatientClient:
    """Requests of an exchange over HTTP, paced and retried: what an adapter of the port Exchange builds upon.

    Each pair gets at most ``requests_per_second``, all together ``all_per_second``; ``waiting`` is how waits end early.
    ``requests`` counts what was sent, ``retries`` those that repeated one. Close it when done.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        requests_per_second: float = 1.0,
        all_per_second: float = ALL_PER_SECOND,
        patience: RetryBudget = PATIENT,
        waiting: Waiting = Waiting(),  # noqa: B008 - frozen
    ) -> None:
        self.requests = 0
        self.retries = 0
        self._transport = transport
        self._limiter = RateLimiter(waiting, 1 / requests_per_second, 1 / all_per_second)
        self._patience = patience
        self._waiting = waiting
        self._doubtful: set[Pair] = set()
        self._worked: Pair | None = None  # the last that was answered
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._transport.close()

    @abstractmethod
    def _known_pairs(self) -> Iterable[Pair]:
        """Pairs that may be requested."""

    @abstractmethod
    def _probe(self, pair: Pair) -> None:
        """One cheap request of a pair. Raises NoAnswerError."""

    @abstractmethod
    def _is_up(self) -> bool:
        """Whether the exchange answers at all, by one request."""

    def _request(
        self, endpoint: str, read: Callable[[bytes], _T], pair: Pair | None, query: Mapping[str, str | int]
    ) -> _T:
        """What is read of an answer's body. Raises UnavailableError, PairRefusedError, Interrupted."""
        failures = 0
        while True:
            try:
                answer = self._once(endpoint, read, pair, query, again=failures > 0)
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
        read: Callable[[bytes], _T],
        pair: Pair | None,
        query: Mapping[str, str | int],
        *,
        again: bool = False,
    ) -> _T:
        """What is read of the answer to one request. Raises NoAnswerError, Interrupted."""
        self._limiter.acquire(pair)
        self._count(again=again)
        return read(self._transport.get(endpoint, query))

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
            unasked = (pair for pair in self._known_pairs() if pair not in self._doubtful)
            pair = next(iter((*worked, *unasked)), None)
        if pair is None:
            return False
        try:
            self._probe(pair)
        except NoAnswerError:
            return False
        self._answered(pair)
        return True

    def _named(self, pair: Pair | None) -> str:
        return f"{pair} at {self._transport.host}" if pair else self._transport.host
