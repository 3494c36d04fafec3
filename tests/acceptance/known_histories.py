"""Homes whose history is known: what they said after each job is kept, to be held against what they say of it later."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import KrakenError, MoreRequestsNeededError
from kraken_core.domain.market import INTERVALS, Series
from kraken_core.domain.revisions import ALL_VISIBLE, Replacement
from kraken_core.domain.table_mark import TableMark
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from kraken_core.ledger import engine
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.settings import Settings
from kraken_core.stores.delta import log
from kraken_core.workbench.jobs.clock import SystemClock
from tests.support.pocket_exchange import PocketExchange

HOUR_S = 3600
VIEWS = {
    **{name: f"SELECT * FROM {name} ORDER BY ALL" for name in ("candles", "coverage", "differences", "silences")},
    # When a gap was detected, and which were filled by then, is not kept.
    "gaps": "SELECT COLUMNS(lambda name: name NOT IN ('detected_at', 'updated_at')) FROM gaps "
    "WHERE status <> 'FILLED' ORDER BY ALL",
}
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
        for interval in (60, "2h", 1440)
    }
    ever = TimeRanges.single(0, END_OF_TIME)
    table = workbench.known(when.get("as_known_at")).store
    stored = table.candles({Series(pair, interval): ever for pair in pairs for interval in INTERVALS}, ALL_VISIBLE)
    averages = {str(pair): _bytes(workbench.candles(pair, 60, vwap=True, **when)) for pair in pairs}
    slots = {str(pair): _bytes(workbench.coverage_of(pair, 60, **when)) for pair in pairs}
    filled = {str(pair): _bytes(workbench.candles(pair, 60, fill="previous", **when)) for pair in pairs}
    views = {f"view {name}": _bytes(workbench.sql(query, **when)) for name, query in VIEWS.items()}
    tables = {
        name: _bytes(getattr(workbench, name)(**when).reset_index(drop=True))
        for name in ("coverage", "gaps", "completeness")
    }
    found = {"stored": _bytes(stored.to_pandas()), **views, **tables}
    return {"candles": candles, "averages": averages, "slots": slots, "filled": filled, **found}


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

    def do(self, step: str, number: int = 0, *, between: Collection[int] = ()) -> None:
        """A step: ``ingest`` a source, ``ask`` the exchange, ``undo`` the last job, ``compact``, ``vacuum`` and others.

        What the home says is kept after it, and ``between``: after so many of its commits, to table or ledger.
        """
        self.clock.at += HOUR_S
        with opened(self.home, self.clock, self.exchange) as workbench, _watched(lambda n: self._between(n, between)):
            getattr(self, f"_{step}")(workbench, number)
        with opened(self.home, self.clock) as workbench:
            self.said.append((self.clock.at, everything(workbench)))

    def _between(self, number: int, wanted: Collection[int]) -> None:
        if number in wanted:
            with opened(self.home, self.clock) as reader:
                self.said.append((self.clock.at, everything(reader)))
            self.clock.at += 1  # what is committed from now on was not known then

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
        with suppress(MoreRequestsNeededError):  # it is paused, and what was answered by then is stored
            workbench.run(workbench.plan(sources=[], as_of=self.exchange.present, **asked))

    def _undo(self, workbench: Workbench, _number: int) -> None:
        for job in workbench.jobs():
            try:
                workbench.undo(job.id)
            except KrakenError:
                continue
            return

    def _verify(self, workbench: Workbench, _number: int) -> None:
        workbench.verify()

    def _limit(self, workbench: Workbench, number: int) -> None:
        days = {"start_date": self.first_day, "end_date": self.first_day + timedelta(days=number % 3)}
        chosen = workbench.select(tier="ALL", intervals=[60, 1440], **days)
        if workbench.holdings.known(chosen):
            (workbench.expectations.restore if number % 2 else workbench.expectations.limit)(chosen)

    def _compact(self, workbench: Workbench, _number: int) -> None:
        workbench.store.compact(lambda: False)

    def _vacuum(self, workbench: Workbench, _number: int) -> None:
        workbench.store.vacuum(LONG_AFTER)


@contextmanager
def _watched(after: Callable[[int], None]) -> Iterator[None]:
    """Call this after each commit, to a table or a ledger, with how many there were before.

    Not after those by which a ledger keeps what a commit to the table is about to replace: that counts by then.
    """
    commits, keep = count(), SqlLedger.keep_replaced
    keeping = False

    def reached(name: str) -> None:
        committed = name in {"table.commit.after", "ledger.commit.after"}
        if committed and not keeping and threading.current_thread() is threading.main_thread():
            after(next(commits))

    def kept(ledger: SqlLedger, table: TableMark, replaced: Iterable[Replacement]) -> None:
        nonlocal keeping
        keeping = True
        keep(ledger, table, replaced)
        keeping = False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "reached", reached)
        patch.setattr(log, "reached", reached)
        patch.setattr(SqlLedger, "keep_replaced", kept)
        yield


def _without_nothing(said: Any) -> Any:
    """What is said of pairs; one that was not known yet says nothing."""
    return {k: v for k, v in said.items() if v} if isinstance(said, dict) else said
