"""Whole jobs on PostgreSQL and QuestDB end as they do in a folder, whatever happens to the worker or to the server."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest
from polars.testing import assert_frame_equal
from sqlalchemy import make_url

from kraken_core import Workbench, postgres_wire
from kraken_core.domain.errors import JobError, StoreError
from kraken_core.domain.jobs import JobStatus
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ports import Merged
from kraken_core.stores.questdb import server
from kraken_core.workbench.health.doctor import Status, examine
from tests.acceptance.killed_jobs import Job, run, state
from tests.support.candle_frames import Row, frame
from tests.support.command_line import Kraken, refused
from tests.support.databases import new_schema
from tests.support.helping import ingest, table
from tests.support.little_market import LittleMarket
from tests.support.questdb_server import QuestDB
from tests.support.slow_line import slow_line

pytest_plugins = ["tests.support.servers"]
pytestmark = [pytest.mark.questdb, pytest.mark.postgres]

POINTS = [
    "table.commit.after:3",
    *(pytest.param(name, marks=pytest.mark.soak) for name in ("table.stage.after:2", "report.before")),
]
STARTED_S, AWAY_S = 30, 2.0
APPLYING = "cairo.wal.apply.enabled"


@pytest.fixture
def expected(uninterrupted: Path) -> dict[str, Any]:
    """What the job leaves in a folder."""
    return state(uninterrupted)


@pytest.fixture
def servers(expected: dict[str, Any], postgres: str, questdb: QuestDB, monkeypatch: pytest.MonkeyPatch) -> QuestDB:
    """A ledger and a table on servers, for every workbench that is opened from now on."""
    monkeypatch.setenv("KRAKEN_LEDGER", new_schema(postgres))
    monkeypatch.setenv("KRAKEN_STORE", questdb.url)
    return questdb


def assert_as_expected(home: Path, expected: dict[str, Any]) -> None:
    ended = state(home)
    wanted = dict(expected)
    assert_frame_equal(ended.pop("table"), wanted.pop("table"))
    assert ended == wanted


def holds(server: QuestDB) -> bool:
    """Whether candles arrived."""
    tables = server.sql("SELECT sequencerTxn FROM wal_tables() WHERE name = 'assetprice'")
    return bool(tables and tables[0][0])


def started(job: Job, home: Path, server: QuestDB) -> subprocess.Popen[str]:
    """The job in a process of its own, once it has written candles."""
    command = [sys.executable, "-m", "kraken_core", *job.arguments(home)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + STARTED_S
    while not holds(server) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    return process


def test_a_job_ends_as_in_a_folder_and_sql_agrees(
    job: Job,
    expected: dict[str, Any],
    servers: QuestDB,
    tmp_path: Path,
) -> None:
    run(job, tmp_path / "home").check_returncode()
    assert_as_expected(tmp_path / "home", expected)
    [(in_place,)] = servers.sql("SELECT count() FROM assetprice")
    assert in_place == expected["table"].height
    with Workbench.open(tmp_path / "home") as workbench:
        per_source = workbench.sql(
            "select source, count(*) as n, sum(volume) as v from candles group by 1 order by 1", to="polars"
        )
        assert workbench.store.verify().damages == ()
    assert per_source["n"].to_list() == expected["table"].group_by("source").len().sort("source")["len"].to_list()


def test_doctor_tells_how_the_server_stands_and_that_it_is_away(servers: QuestDB, tmp_path: Path) -> None:
    def about_the_table() -> tuple[Status, str]:
        [(status, told)] = [check[1:] for check in examine(tmp_path / "home").checks if check.name == "table"]
        return status, told

    status, told = about_the_table()
    assert (status, "there is no table yet" in told) == (Status.OK, True)
    servers.kill()
    try:
        status, told = about_the_table()
    finally:
        servers.start()
    assert (status, "does not answer" in told, "\n" in told) == (Status.PROBLEM, True, False)


def test_workers_elsewhere_stage_candles_for_the_same_server(servers: QuestDB, tmp_path: Path) -> None:
    series = Series(Pair("BTC", "USD"), 60)
    with Workbench.open(tmp_path / "home") as workbench:
        workbench.create_home()
        elsewhere = pickle.loads(pickle.dumps(workbench.store))  # noqa: S301 - our own
        staged = elsewhere.stage(frame([Row(series, 1)]))
        assert workbench.store.commit([staged]) == {series: Merged(new=1)}
        assert elsewhere.count({series: TimeRanges.single(0, 2**33)}) == {series: [1]}
        elsewhere.close()
        elsewhere._assets.__self__.close()  # its own ledger


@pytest.mark.soak
def test_the_order_of_the_jobs_does_not_matter(
    job: Job,
    expected: dict[str, Any],
    servers: QuestDB,
    tmp_path: Path,
) -> None:
    for path in (*reversed(job.sources), job.sources[0]):
        ingest(tmp_path / "home", job.market, path)
    with Workbench.open(tmp_path / "home") as workbench:
        assert workbench.ledger.coverage() == expected["coverage"]
        assert_frame_equal(table(workbench), expected["table"])


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_at_any_point_costs_a_repetition(
    point: str,
    job: Job,
    expected: dict[str, Any],
    servers: QuestDB,
    tmp_path: Path,
) -> None:
    assert run(job, tmp_path / "home", point).returncode == -signal.SIGKILL
    run(job, tmp_path / "home").check_returncode()
    assert_as_expected(tmp_path / "home", expected)


def server_lost(seed: int, job: Job, expected: dict[str, Any], server: QuestDB, home: Path) -> None:
    """Kill the server in the middle of a job, start it again, and compare."""
    process = started(job, home, server)
    time.sleep(Random(seed).uniform(0, 1.5))
    server.kill()
    time.sleep(AWAY_S)
    server.start()
    _, told = process.communicate()
    assert process.returncode == 0, told
    assert_as_expected(home, expected)


def test_a_server_that_is_killed_and_started_again_is_waited_for(
    job: Job,
    expected: dict[str, Any],
    servers: QuestDB,
    tmp_path: Path,
) -> None:
    server_lost(0, job, expected, servers, tmp_path / "home")


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 40))
def test_a_server_killed_at_many_moments_loses_nothing(
    seed: int,
    job: Job,
    expected: dict[str, Any],
    servers: QuestDB,
    tmp_path: Path,
) -> None:
    server_lost(seed, job, expected, servers, tmp_path / "home")


@pytest.mark.soak
def test_a_server_that_answers_nothing_for_a_while_only_costs_that_while(
    job: Job,
    expected: dict[str, Any],
    servers: QuestDB,
    tmp_path: Path,
) -> None:
    process = started(job, tmp_path / "home", servers)
    assert servers.process
    os.kill(servers.process.pid, signal.SIGSTOP)
    threading.Timer(AWAY_S, os.kill, (servers.process.pid, signal.SIGCONT)).start()
    _, told = process.communicate()
    assert process.returncode == 0, told
    assert_as_expected(tmp_path / "home", expected)


@pytest.mark.soak
@pytest.mark.parametrize("seconds", [0.002, 0.05])
def test_on_slow_lines_to_both_servers_a_job_ends_the_same(
    seconds: float,
    job: Job,
    expected: dict[str, Any],
    servers: QuestDB,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = make_url(os.environ["KRAKEN_LEDGER"])
    folder = str(ledger.query["host"])  # of its socket
    with (
        slow_line(servers.http, seconds) as http,
        slow_line(servers.pg, seconds) as pg,
        slow_line(Path(folder, ".s.PGSQL.5432"), seconds) as postgres,
    ):
        slow = ledger.difference_update_query(["host"]).set(host="127.0.0.1", port=postgres)
        monkeypatch.setenv("KRAKEN_LEDGER", slow.render_as_string(hide_password=False))
        monkeypatch.setenv("KRAKEN_STORE", f"questdb://127.0.0.1:{http}?pg={pg}")
        run(job, tmp_path / "home").check_returncode()
        assert_as_expected(tmp_path / "home", expected)


def leave_something_to_apply(server: QuestDB) -> None:
    """Write a row once more, which changes nothing, and have it applied when the server is told to apply again."""
    server.kill()
    server.start(**{APPLYING: "false"})
    server.sql("INSERT INTO assetprice SELECT * FROM assetprice LIMIT 1")


def test_undo_says_that_there_is_nothing_to_go_back_to(kraken: Kraken, servers: QuestDB, little: LittleMarket) -> None:
    job = kraken.ingest(little.first)["job_id"]
    held = servers.sql("SELECT count() FROM assetprice")
    assert "keeps no earlier versions, so no job can be undone" in refused(kraken("undo", job, "--yes", code=2))
    assert servers.sql("SELECT count() FROM assetprice") == held
    assert kraken.rows("jobs")[0]["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("trouble", "line"),
    [
        pytest.param("away", "does not answer", marks=pytest.mark.soak),
        pytest.param("standing still", "does not answer", marks=pytest.mark.soak),
        pytest.param("read only", "it takes no changes", marks=pytest.mark.soak),
    ],
)
def test_a_server_that_stays_away_or_takes_no_changes_fails_the_job_with_one_line_and_it_goes_on_later(
    trouble: str,
    line: str,
    job: Job,
    expected: dict[str, Any],
    servers: QuestDB,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "home"
    run(job, home, "table.commit.after:2")  # some of it is there
    monkeypatch.setattr(server, "PATIENCE_S", 0.2)
    monkeypatch.setattr(postgres_wire, "ANSWER_S", 5.0)
    servers.settle()
    if trouble == "read only":
        leave_something_to_apply(servers)  # which such a server never does
    if trouble == "standing still":
        assert servers.process
        servers.process.send_signal(signal.SIGSTOP)
    else:
        servers.kill()
    if trouble == "read only":
        servers.start(readonly="true")
    try:
        with Workbench.open(home) as workbench, pytest.raises((JobError, StoreError), match=line) as told:
            workbench.runner.run(workbench.runner.fail_stalled_jobs()[0])  # planning it may already ask the server
    finally:
        servers.kill()
        servers.start(**{"readonly": "false", APPLYING: "true"})
    assert "\n" not in str(told.value)
    with Workbench.open(home) as workbench:
        assert workbench.jobs()[0].status is JobStatus.FAILED
    run(job, home).check_returncode()
    assert_as_expected(home, expected)
