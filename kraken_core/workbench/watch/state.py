"""What others see of a watch: a small file in the home, written by the watch alone.

A file, and not the ledger: a ledger that cannot be reached is one of the things that a watch notifies of.
"""

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
from kraken_core.workbench.watch.gaps_left import KnownGaps
from kraken_core.workbench.watch.state_file import write_state

STATE = "watch.json"
KEPT = 30  # rounds, and notices


@dataclass(frozen=True, slots=True)
class WatchRound:
    """A round that has ended; ``failed`` and ``skipped`` are why, "" where neither happened. Epoch seconds."""

    began: int
    ended: int
    job: int | None = None
    failed: str = ""
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class SentNotice:
    """A notice; ``sent_to`` so many recipients, and why the others could not be notified. ``at`` in epoch seconds."""

    at: int
    kind: str
    message: str
    sent_to: int = 0
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WatchState:
    """A watch, by the process (``worker``) that runs it: times in epoch seconds, ``every`` in seconds.

    ``what`` is what it brings up to date, ``recipients`` how many its notices go to. ``round_began`` is null between
    rounds, ``next_at`` during one. Rounds and notices: the newest first, a few.

    What a watch that begins anew goes on from: ``failures`` is how many rounds in a row failed, ``away`` the exchanges
    that the last job did not reach, ``gaps_before`` the gaps before rounds that were not finished, or in which some
    may be new without a notice; None where there are none such. ``let_go`` is whether it is gone though no end of it is
    recorded, and its process id means nothing here.
    """

    worker: str
    what: str
    every: float
    recipients: int
    started: int
    ended: int | None = None
    round_began: int | None = None
    next_at: int | None = None
    rounds: tuple[WatchRound, ...] = field(default=())
    notices: tuple[SentNotice, ...] = field(default=())
    failures: int = 0
    away: tuple[str, ...] = ()
    gaps_before: KnownGaps | None = None
    let_go: bool = False

    @property
    def is_alive(self) -> bool:
        """Whether it runs; of a process on another host by the home's lock, as the state was read."""
        return self.ended is None and not self.let_go and not is_lost(self.worker)


def read_state(home: Path) -> WatchState | None:
    """The home's newest watch; None where there was none. Raises HomeError where the file is no such state."""
    path = home / STATE
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        rounds = tuple(WatchRound(**each) for each in found.pop("rounds"))
        notices = tuple(SentNotice(**{**each, "failures": tuple(each["failures"])}) for each in found.pop("notices"))
        away = tuple(found.pop("away", ()))
        let_go = found["ended"] is None and has_let_go(home, found["worker"])
        return WatchState(**{**found, "rounds": rounds, "notices": notices, "away": away, "let_go": let_go})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise HomeError(f"{path} cannot be read ({error}): delete it; the next watch writes it anew.") from None


@dataclass(slots=True)
class WatchRecord:
    """The state as the watch goes on, kept in the file. A file that cannot be written is logged, and stops nothing."""

    home: Path
    now: Callable[[], int]
    state: WatchState
    _changing: Lock = field(default_factory=Lock, init=False, repr=False)  # by the rounds, or by a requested notice

    def begin_round(self) -> None:
        """A round begins."""
        self.update(round_began=self.now(), next_at=None)

    def end_round(self, job: int | None, failed: str, skipped: str, pause: float) -> None:
        """A round has ended, and the next one is so many seconds off."""
        now = self.now()
        done = WatchRound(self.state.round_began or now, now, job, failed, skipped)
        rounds = (done, *self.state.rounds)[:KEPT]
        self.update(round_began=None, next_at=now + round(pause), rounds=rounds)

    def update(self, **changed: Any) -> None:  # noqa: ANN401 - fields of WatchState
        """Write it with what has changed."""
        with self._changing:
            self._write(replace(self.state, **changed))

    def add_notice(self, kind: str, message: str, sent_to: int, failures: Sequence[str]) -> None:
        """A notice was sent, or could not be."""
        sent = SentNotice(self.now(), kind, message, sent_to, tuple(failures))
        with self._changing:
            self._write(replace(self.state, notices=(sent, *self.state.notices)[:KEPT]))

    def end(self) -> None:
        """The watch has ended."""
        self.update(ended=self.now(), round_began=None, next_at=None)

    def _write(self, state: WatchState) -> None:
        self.state = state
        write_state(self.home / STATE, asdict(state))
