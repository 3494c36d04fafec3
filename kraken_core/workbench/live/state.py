"""What others see of a live history: a small file in the home, written by it alone, every few seconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

from kraken_core.domain.errors import HomeError
from kraken_core.workbench.jobs.worker_process import is_lost
from kraken_core.workbench.watch.alone import has_let_go
from kraken_core.workbench.watch.state import KEPT, SentNotice
from kraken_core.workbench.watch.state_file import write_state

STATE = "live.json"
CATCHING_UP, STREAMING, WAITING = "catching up", "streaming", "waiting"


@dataclass(frozen=True, slots=True)
class LivePair:
    """A pair of it: up to where it is stored, and when it traded last (epoch seconds; None: not known yet).

    ``waiting_since`` is when the first trade behind missing ones happened, ``problem`` why nothing comes of the pair.
    """

    pair: str
    stored_until: int | None = None
    traded_at: float | None = None
    waiting_since: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class LiveState:
    """A live history, by the process (``worker``) that runs it. Times in epoch seconds.

    ``what`` is what it keeps current, ``recipients`` how many its notices go to; ``phase`` is what it does now.
    ``as_of`` is the exchange's clock when this was written, ``updated`` this machine's. ``system`` is the state of the
    exchange. Notices: the newest first, a few. ``failed`` is why the last job did. ``let_go`` is whether it is gone
    though no end of it is recorded, and its process id means nothing here.
    """

    worker: str
    what: str
    recipients: int
    started: int
    updated: int = 0
    ended: int | None = None
    phase: str = CATCHING_UP
    as_of: int | None = None
    connections: int = 0
    open_connections: int = 0
    disconnects: int = 0
    system: str = ""
    failed: str = ""
    pairs: tuple[LivePair, ...] = field(default=())
    notices: tuple[SentNotice, ...] = field(default=())
    let_go: bool = False

    @property
    def is_alive(self) -> bool:
        """Whether it runs; of a process on another host by the home's lock, as the state was read."""
        return self.ended is None and not self.let_go and not is_lost(self.worker)

    @property
    def traded_at(self) -> float | None:
        """When the last trade of any pair happened."""
        return max((each.traded_at for each in self.pairs if each.traded_at is not None), default=None)

    def exchange_now(self, now: int) -> int | None:
        """The exchange's clock when this machine's shows ``now``; None before that is known."""
        return None if self.as_of is None else self.as_of + max(0, now - self.updated)

    def lag(self, pair: LivePair, now: int) -> int | None:
        """How long ago what is stored of a pair ends (seconds), when this machine's clock shows ``now``."""
        exchange_now = self.exchange_now(now)
        return None if exchange_now is None or pair.stored_until is None else max(0, exchange_now - pair.stored_until)


def read_state(home: Path) -> LiveState | None:
    """The home's newest live history; None where there was none. Raises HomeError where the file is no such state."""
    path = home / STATE
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        pairs = tuple(LivePair(**each) for each in found.pop("pairs"))
        notices = tuple(SentNotice(**{**each, "failures": tuple(each["failures"])}) for each in found.pop("notices"))
        let_go = found["ended"] is None and has_let_go(home, found["worker"])
        return LiveState(**{**found, "pairs": pairs, "notices": notices, "let_go": let_go})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise HomeError(f"{path} cannot be read ({error}): delete it; the next live writes it anew.") from None


@dataclass(slots=True)
class LiveRecord:
    """The state as it changes, kept in the file."""

    home: Path
    now: Callable[[], int]
    state: LiveState
    _changing: Lock = field(default_factory=Lock, init=False, repr=False)  # by its jobs, or by a requested notice

    def update(self, **changed: Any) -> None:  # noqa: ANN401 - fields of LiveState
        """Write it with what has changed."""
        with self._changing:
            self._write(replace(self.state, **changed, updated=self.now()))

    def add_notice(self, kind: str, message: str, sent_to: int, failures: Sequence[str]) -> None:
        """A notice was sent, or could not be."""
        sent = SentNotice(self.now(), kind, message, sent_to, tuple(failures))
        with self._changing:
            self._write(replace(self.state, notices=(sent, *self.state.notices)[:KEPT], updated=self.now()))

    def end(self) -> None:
        """It has ended."""
        self.update(ended=self.now(), open_connections=0, phase=WAITING)

    def _write(self, state: LiveState) -> None:
        self.state = state
        write_state(self.home / STATE, asdict(state))
