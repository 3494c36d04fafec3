"""The simulated exchange's stream of trades: Kraken's WebSocket API, version 2, on this machine."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Any, Self

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from kraken_core.domain.errors import UsageError
from kraken_core.domain.instruments import DELISTED
from kraken_core.domain.market import Pair
from kraken_core.simulator.exchange import stream_texts as texts
from kraken_core.simulator.exchange.clock import ExchangeClock
from kraken_core.simulator.exchange.server import port_refused
from kraken_core.simulator.exchange.stream_faults import FAULTLESS, StreamFaults
from kraken_core.simulator.exchange.tape_faults import HONEST, TapeFaults
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.tape import NS, Ints

LOOK_EVERY_S = 0.005
HEARTBEAT_S = 1.0
SNAPSHOT = 50  # trades
MOST_AT_ONCE = 5  # trades a message
SLOW_S = 5.0  # that a message may wait for a client to read what was sent before
UNREAD_BYTES = 65_536  # that are sent ahead of a client; its own system takes some more


class SimulatedStream:
    """Streams a market's trades as its clock passes them, from entering its context to leaving it, at ``url``.

    ``faults`` may be set at any time, for connections that begin later; so may ``system``, the state of the exchange: a
    trade that happens while that is not ``online`` is never sent. ``connections`` counts those begun, ``cut`` those
    that a fault ended, ``slow`` those that were ended because their client did not read.
    """

    def __init__(
        self,
        market: SimulatedMarket,
        clock: ExchangeClock,
        *,
        port: int = 0,
        faults: StreamFaults = FAULTLESS,
        tape_faults: TapeFaults = HONEST,
        heartbeat_s: float = HEARTBEAT_S,
        slow_s: float = SLOW_S,
    ) -> None:
        """``port`` 0 takes a free one; of ``tape_faults`` the ids are those of the stream too.

        Raises UsageError where the port cannot be had.
        """
        self.market, self.clock, self.faults, self.system = market, clock, faults, "online"
        self.heartbeat_s, self.slow_s = heartbeat_s, slow_s
        self.connections = self.cut = self.slow = 0
        self.closing = threading.Event()
        self.ids: dict[Pair, Ints] = {pair: tape_faults.ids(tape) for pair, tape in market.tapes.items()}
        self._lives = {pair: market.listed(pair) for pair in market.listings}
        self._talks: list[_Talk] = []
        self._lock = threading.Lock()
        try:
            self._server = serve(self._talk, "127.0.0.1", port, compression=None)
        except OSError as error:
            raise UsageError(port_refused(port, error)) from error
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/v2"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name=f"stream at {self.url}", daemon=True).start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        with self._lock:
            talks = list(self._talks)
        for talk in talks:
            hang_up(talk.connection)

    def listed(self, now: int) -> dict[Pair, str]:
        """The pairs that are listed at an instant (epoch seconds), and the status of each."""
        return {
            pair: self.market.listings[pair].status(now)
            for pair, lives in self._lives.items()
            if any(life.start <= now < life.end for life in lives)
        }

    def behind(self, instant_ns: int) -> bool:
        """Whether any connection was not yet served what happened up to an instant, or there is none."""
        with self._lock:
            return not self._talks or any(talk.served_ns < instant_ns for talk in self._talks)

    def _talk(self, connection: ServerConnection) -> None:
        with self._lock:
            self.connections += 1
            number = self.connections
            talk = _Talk(self, connection, number)
            self._talks.append(talk)
        try:
            with suppress(ConnectionClosed, OSError):
                talk.run()
        finally:
            with self._lock:
                self._talks.remove(talk)


def hang_up(connection: ServerConnection) -> None:
    """End a connection without a word, as a broken line does."""
    with suppress(OSError):
        connection.socket.shutdown(socket.SHUT_RDWR)


@dataclass(slots=True, eq=False)
class _Talk:
    """One connection: what it subscribed to, and up to which trade of each pair it was served."""

    stream: SimulatedStream
    connection: ServerConnection
    number: int
    sent: int = 0  # messages of trades
    next: dict[Pair, int] = field(default_factory=dict)
    system: str = ""
    listed: dict[Pair, str] | None = None  # the status of each, as it was sent; None: not subscribed to
    silent: bool = False
    last_at: float = 0.0
    served_ns: int = 0  # all that happened before was sent, or lost
    chance: Random = field(init=False)
    faults: StreamFaults = field(init=False)

    def __post_init__(self) -> None:
        self.faults = self.stream.faults
        self.chance = Random(f"{self.faults.seed} {self.number}")

    def run(self) -> None:
        within_s = struct.pack("ll", *map(int, divmod(self.stream.slow_s * 1e6, 1e6)))
        self.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, within_s)
        self.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD_BYTES)
        while not self.stream.closing.is_set():
            if self.system != self.stream.system:
                self.system = self.stream.system
                self._send(texts.status(self.system, self.number))
            with suppress(TimeoutError):
                self._answer(json.loads(self.connection.recv(timeout=LOOK_EVERY_S)))
            self._list()
            if not self._stream():
                return
            if time.monotonic() - self.last_at >= self.stream.heartbeat_s:
                self._send(texts.HEARTBEAT)

    def _send(self, text: str) -> None:
        if self.silent:
            return
        try:
            self.connection.send(text)
        except ConnectionClosed as error:  # by its cause, as a system short of memory may wait for less than it was set
            self.stream.slow += isinstance(error.__cause__, BlockingIOError)
            raise
        self.last_at = time.monotonic()

    def _answer(self, request: dict[str, Any]) -> None:
        now_ns, parameters = self.stream.clock.now_ns(), request.get("params", {})
        match request.get("method"), parameters.get("channel"):
            case "ping", _:
                self._send(texts.pong(request, now_ns))
            case "subscribe", "trade":
                for symbol in parameters.get("symbol", []):
                    self._subscribe(request, symbol, snapshot=bool(parameters.get("snapshot", False)), now_ns=now_ns)
            case "subscribe", "instrument":
                self._send(texts.instruments_subscribed(request, now_ns))
                self.listed = {}
            case _:
                self._send(texts.refused(request, "", "Method not found", now_ns))

    def _subscribe(self, request: dict[str, Any], symbol: str, *, snapshot: bool, now_ns: int) -> None:
        pair = next((pair for pair in self.stream.listed(now_ns // NS) if str(pair) == symbol), None)
        if pair is None:
            self._send(texts.refused(request, symbol, f"Currency pair not supported {symbol}", now_ns))
            return
        self._send(texts.subscribed(request, symbol, snapshot=snapshot, now_ns=now_ns))
        happened = int(np.searchsorted(self.stream.market.tapes[pair].time_ns, now_ns))
        self.next[pair] = happened
        if snapshot:
            self._send(self._trades(pair, max(0, happened - SNAPSHOT), happened, "snapshot"))

    def _list(self) -> None:
        """Send which pairs are listed, the first time, and then what changed of them."""
        if self.listed is None:
            return
        now = self.stream.listed(self.stream.clock.now())
        kind = "update" if self.listed else "snapshot"
        gone = dict.fromkeys(self.listed.keys() - now.keys(), DELISTED)
        changed = {pair: status for pair, status in (now | gone).items() if self.listed.get(pair) != status}
        if changed:
            self._send(texts.instruments([(self.stream.market.listings[p], s) for p, s in changed.items()], kind))
            self.listed = now

    def _stream(self) -> bool:
        """Send what happened meanwhile; whether the connection is still there."""
        delayed, now_ns = "", self.stream.clock.now_ns()
        for text in self._news(now_ns):
            chance = self.chance.random
            if chance() < self.faults.dropped:
                continue
            if not delayed and chance() < self.faults.swapped:
                delayed = text
                continue
            for each in (text, text) if chance() < self.faults.repeated else (text,):
                self._send(each)
            if delayed:
                self._send(delayed)
                delayed = ""
            self.sent += 1
            if self.faults.silent_after and self.sent >= self.faults.silent_after:
                self.silent = True
            if self.faults.cut_after and self.sent >= self.faults.cut_after:
                self.stream.cut += 1
                hang_up(self.connection)
                return False
        if delayed:
            self._send(delayed)
        if self.next:
            self.served_ns = now_ns
        return True

    def _news(self, now_ns: int) -> Iterator[str]:
        for pair, first in self.next.items():
            until = int(np.searchsorted(self.stream.market.tapes[pair].time_ns, now_ns))
            self.next[pair] = until
            while first < until and self.stream.system == "online":
                following = min(until, first + self.chance.randint(1, MOST_AT_ONCE))
                yield self._trades(pair, first, following, "update")
                first = following  # noqa: PLW2901 - the rest of the pair's trades

    def _trades(self, pair: Pair, first: int, until: int, kind: str) -> str:
        return texts.trades(self.stream.market.tapes[pair][first:until], self.stream.ids[pair][first:until], kind)
