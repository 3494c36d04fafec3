"""Several processes at one ledger: nothing is lost, nobody fails, and of those who move a job one wins."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from kraken_core.domain.candles import Source
from kraken_core.domain.coverage import Assertion
from kraken_core.domain.errors import IllegalMoveError, JobRunningError
from kraken_core.domain.jobs import JobMetrics
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.request import Request
from kraken_core.ledger.ledger import SqlLedger

pytest_plugins = ["tests.support.servers"]

ROUNDS = 40


class Standstill:
    """A clock that always says the same."""

    def now(self) -> int:
        return 1_750_000_000


def opened(database: str) -> SqlLedger:
    return SqlLedger.open(database, "candles", Standstill())


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture
def ledger(database: str) -> Iterator[SqlLedger]:
    ledger = opened(database)
    yield ledger
    ledger.close()


def write(name: str, database: str) -> None:
    ledger = opened(database)
    for n in range(ROUNDS):
        ledger.add_event(1, name, f"number {n}")
        unknown = Series(Pair(f"COIN{n}", "USD"), 60)  # to both: one of them makes its record
        ledger.claim([Assertion(unknown, 0, 3600, Source.CSV, 1, name)])
    ledger.close()


def take(worker: str, database: str) -> list[int]:
    """The jobs this worker was the one to cancel."""
    ledger = opened(database)
    won = []
    for job in ledger.jobs():
        try:
            ledger.move(job, job.mark_cancelled())
        except IllegalMoveError:
            continue
        won.append(job.id)
    ledger.close()
    return won


def run(worker: str, database: str) -> list[str]:
    """How each attempt to run one's own job on the common table ended."""
    ledger = opened(database)
    mine = ledger.create_job(Request(sources=(worker,)), 0, [], JobMetrics())
    told = []
    for _ in range(ROUNDS):
        try:
            running = ledger.move(mine, mine.mark_running(worker))
        except JobRunningError:
            told.append("refused")
            continue
        others = [job for job in ledger.jobs() if job.status == "RUNNING" and job.id != mine.id]
        mine = ledger.move(running, running.mark_paused())
        told.append("ran together" if others else "ran")
    ledger.close()
    return told


def test_two_processes_write_at_once_and_neither_fails_nor_loses(
    database: str, ledger: SqlLedger, processes: ProcessPoolExecutor
) -> None:
    ledger.create_job(Request(), 0, [], JobMetrics())
    list(processes.map(partial(write, database=database), ["ONE", "TWO"]))

    assert Counter(event.kind for event in ledger.events(1)) == {"ONE": ROUNDS, "TWO": ROUNDS}
    assert Counter(claim.evidence for claim in ledger.assertions()) == {"ONE": ROUNDS, "TWO": ROUNDS}
    assert len(ledger.pairs()) == ROUNDS


def test_of_two_processes_that_move_a_job_one_wins(
    database: str, ledger: SqlLedger, processes: ProcessPoolExecutor
) -> None:
    jobs = [ledger.create_job(Request(), 0, [], JobMetrics()).id for _ in range(ROUNDS)]
    won = processes.map(partial(take, database=database), ["one", "two"])

    assert sorted(job for jobs_won in won for job in jobs_won) == jobs


def test_two_processes_never_run_jobs_on_one_table_together(
    database: str, ledger: SqlLedger, processes: ProcessPoolExecutor
) -> None:
    told = [end for ends in processes.map(partial(run, database=database), ["one", "two"]) for end in ends]

    assert len(told) == 2 * ROUNDS
    assert set(told) <= {"ran", "refused"}


def open_all(_: str, databases: list[str]) -> None:
    for database in databases:
        opened(database).close()


def test_two_processes_may_open_a_new_ledger_at_once(tmp_path: Path, processes: ProcessPoolExecutor) -> None:
    new = [f"sqlite:///{tmp_path}/{n}.db" for n in range(ROUNDS)]

    assert list(processes.map(partial(open_all, databases=new), ["one", "two"])) == [None, None]
