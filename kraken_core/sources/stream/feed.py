"""See :class:`KrakenFeed`."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from kraken_core.domain.live_tape import LiveTrade
from kraken_core.domain.market import Pair
from kraken_core.sources.rest.retries import pause_s
from kraken_core.sources.stream.messages import FeedMessage, instruments_subscription, parse_message, subscription

MOST_KEPT = 500_000  # trades that nobody took yet; older ones are left out, and missed by their ids
LOG = logging.getLogger("kraken_core")


@dataclass(frozen=True, slots=True)
class FeedPace:
    """Waits, in seconds: to open a connection; for any message, as heartbeats come every second; between pings.

    ``pause_s`` is how long after so many failures in a row.
    """

    open_s: float = 10.0
    silent_s: float = 10.0
    ping_s: float = 20.0
    pause_s: Callable[[int], float] = pause_s


USUAL = FeedPace()


class KrakenFeed:
    """The exchange's trades over WebSocket: a :class:`~kraken_core.ports.TradeFeed`.

    Each connection has at most ``pairs_a_connection`` pairs, and a thread of its own; one of them has the list of all
    pairs too. Where nobody takes trades for long, more than ``most_kept`` are not kept: the oldest are left out.
    """

    def __init__(
        self,
        url: str,
        pairs: Sequence[Pair],
        *,
        pairs_a_connection: int = 100,
        pace: FeedPace = USUAL,
        most_kept: int = MOST_KEPT,
    ) -> None:
        self.disconnects = 0
        self.unread = 0
        self.refused: dict[Pair, str] = {}
        self.statuses: dict[Pair, str] = {}
        self.system = ""
        self._url, self._pace = url, pace
        self._shares = [pairs[at : at + pairs_a_connection] for at in range(0, len(pairs), pairs_a_connection)]
        self._received: deque[tuple[Pair, LiveTrade]] = deque(maxlen=most_kept)
        self._arrived = threading.Condition()
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: set[ClientConnection] = set()

    def __enter__(self) -> Self:
        for place, share in enumerate(self._shares):
            named = {str(pair): pair for pair in share}
            of_all = [instruments_subscription()] if place == 0 else []
            requests = [subscription(named), *of_all]
            run = threading.Thread(target=self._run, args=(named, requests), name="trade feed", daemon=True)
            self._threads.append(run)
            self._threads[-1].start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._closing.set()
        for connection in list(self._open):
            with suppress(OSError, WebSocketException):
                connection.close_socket()
        for thread in self._threads:
            thread.join()

    @property
    def connections(self) -> int:
        """How many there are to be."""
        return len(self._shares)

    @property
    def open_connections(self) -> int:
        """How many are open."""
        return len(self._open)

    def take(self, patience_s: float) -> Mapping[Pair, Sequence[LiveTrade]]:
        """The trades received since the last call; where there are none, waits so long for some."""
        found: dict[Pair, list[LiveTrade]] = {}
        with self._arrived:
            self._arrived.wait_for(lambda: self._received, patience_s)
            received, self._received = self._received, deque(maxlen=self._received.maxlen)
        for pair, trade in received:
            found.setdefault(pair, []).append(trade)
        return found

    def _run(self, pairs: Mapping[str, Pair], requests: Sequence[str]) -> None:
        failures = 0
        while not self._closing.is_set():
            try:
                with connect(
                    self._url,
                    open_timeout=self._pace.open_s,
                    close_timeout=1,
                    ping_interval=self._pace.ping_s,
                    ping_timeout=self._pace.ping_s,
                    user_agent_header="kraken-history",
                ) as connection:
                    self._open.add(connection)
                    try:
                        for request in requests:
                            connection.send(request)
                        for _ in self._messages_with_trades(connection, pairs):
                            failures = 0
                    finally:
                        self._open.discard(connection)
            except (OSError, WebSocketException) as error:  # a TimeoutError is one of the former
                reason = " ".join(str(error).split()) or type(error).__name__
                if self._closing.is_set():
                    return
            else:
                return
            failures += 1
            with self._arrived:
                self.disconnects += 1
            LOG.info("the stream of trades ended (%s); connecting again", reason)
            self._closing.wait(self._pace.pause_s(failures))

    def _messages_with_trades(self, connection: ClientConnection, pairs: Mapping[str, Pair]) -> Iterator[None]:
        """Take messages until the connection ends or falls silent. Raises OSError, WebSocketException, TimeoutError."""
        while not self._closing.is_set():
            message = parse_message(connection.recv(timeout=self._pace.silent_s), pairs)
            self._keep(message, pairs)
            for symbol, why in message.refused.items():
                what = symbol or "the list of pairs"
                LOG.warning("%s is not streamed: %s; jobs that fill what is missing request it", what, why)
            if message.system:
                LOG.info("the exchange is %s", message.system)
            if message.trades:
                yield

    def _keep(self, message: FeedMessage, pairs: Mapping[str, Pair]) -> None:
        """Take over what a message says, for whoever reads."""
        with self._arrived:
            self.unread += message.unread
            self.refused |= {pairs[symbol]: why for symbol, why in message.refused.items() if symbol in pairs}
            self.system = message.system or self.system
            if message.statuses:  # a new dict: others go through the former one meanwhile
                listed = {Pair.stored(symbol): status for symbol, status in message.statuses.items() if "/" in symbol}
                self.statuses = {**self.statuses, **listed}
            self._received.extend((pair, each) for pair, trades in message.trades.items() for each in trades)
            self._arrived.notify_all()
