"""Homes whose history is known: what they said after each job is kept, to be held against what they say of it later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from kraken_core import Workbench
from kraken_core.domain.errors import KrakenError
from kraken_core.domain.market import INTERVALS
from kraken_core.settings import Settings
from kraken_core.workbench.jobs.clock import SystemClock
from tests.support.pocket_exchange import PocketExchange

HOUR_S = 3600
LONG_AFTER = 2**33  # when all that left a table is deleted


@dataclass
class SetClock(SystemClock):
    """A clock that is set by hand."""

    at: int = 0

    def now(self) -> int:
        return self.at


@contextmanager
def opened(home: Path, clock: SystemClock, exchange: PocketExchange | None = None) -> Iterator[Workbench]:
    """The workbench of a home that goes by a clock, and asks an exchange if there is one."""
    with Workbench(Settings.load(home), clock) as workbench:
        if exchange:
            workbench.exchange = exchange  # type: ignore[method-assign]
        yield workbench


def everything(workbench: Workbench, **when: Any) -> dict[str, Any]:
    """All that a home says it knows, of now or of an instant, comparable to the bit."""
    pairs = [record.pair for record in workbench.pairs()]
    candles = {
        (str(pair), interval): _bytes(workbench.candles(pair, interval, **when))
        for pair in pairs
        for interval in INTERVALS
    }
    filled = {str(pair): _bytes(workbench.candles(pair, 60, fill="previous", **when)) for pair in pairs}
    by_sql = workbench.sql("SELECT * FROM candles ORDER BY pair, interval_minutes, time", **when)
    tables = {
        name: _bytes(getattr(workbench, name)(**when).reset_index(drop=True))
        for name in ("coverage", "gaps", "completeness")
    }
    return {"candles": {k: v for k, v in candles.items() if v}, "filled": filled, "sql": _bytes(by_sql), **tables}


def _bytes(found: pd.DataFrame) -> tuple[str, ...]:
    """A frame to the bit: floats as what they are, -0.0 and 0.0 as two."""
    return tuple(map(repr, found.reset_index().itertuples(index=False, name=None)))


@dataclass
class KnownHistory:
    """A home through which jobs go, an hour apart, and what it said after each."""

    home: Path
    exchange: PocketExchange
    sources: Sequence[Path]
    first_day: date
    clock: SetClock = field(default_factory=SetClock)
    said: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    def do(self, step: str, number: int = 0) -> None:
        """A step: ``ingest`` a source, ``ask`` the exchange, ``undo`` the last job, ``compact`` or ``vacuum``."""
        self.clock.at += HOUR_S
        with opened(self.home, self.clock, self.exchange) as workbench:
            getattr(self, f"_{step}")(workbench, number)
            self.said.append((self.clock.at, everything(workbench)))

    def check(self) -> None:
        """What was said after each job is what is said of that instant now."""
        with opened(self.home, self.clock) as workbench:
            for at, said in self.said:
                again = everything(workbench, as_known_at=at)
                for name, value in said.items():
                    assert _without_nothing(again[name]) == _without_nothing(value), (at, name)

    def _ingest(self, workbench: Workbench, number: int) -> None:
        source = self.sources[number % len(self.sources)]
        asked = {"tier": "ALL", "start_date": self.first_day, "api_backfill": False, "as_of": self.exchange.present}
        workbench.run(workbench.plan(sources=[source], **asked))

    def _ask(self, workbench: Workbench, number: int) -> None:
        self.exchange.present += number * HOUR_S
        asked = {"tier": "ALL", "start_date": self.first_day}
        workbench.run(workbench.plan(sources=[], as_of=self.exchange.present, **asked))

    def _undo(self, workbench: Workbench, _number: int) -> None:
        for job in workbench.jobs():
            try:
                workbench.undo(job.id)
            except KrakenError:
                continue
            return

    def _compact(self, workbench: Workbench, _number: int) -> None:
        workbench.store.compact(lambda: False)

    def _vacuum(self, workbench: Workbench, _number: int) -> None:
        workbench.store.vacuum(LONG_AFTER)


def _without_nothing(said: Any) -> Any:
    """What is said of pairs; one that was not known yet says nothing."""
    return {k: v for k, v in said.items() if v} if isinstance(said, dict) else said
