"""``kraken-history watch``: round after round, never two at once, and somebody is told of what matters."""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import HomeError, JobRunningError
from kraken_core.domain.timerange import day_start
from kraken_core.workbench.watch.alone import LOCK
from kraken_core.workbench.watch.notices import Notice, by_command, by_webhook
from kraken_core.workbench.watch.state import STATE, read_state
from kraken_core.workbench.watch.watch import Round, Watch
from tests.support.command_line import Kraken, command, environment
from tests.support.little_market import FIRST_DAY, PRESENT, LittleMarket

SECRET = "/services/T000/very-secret"
WRITES = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(sys.stdin.read())"


class Hook:
    """A server on localhost that keeps what it is told."""

    def __init__(self, answer: int) -> None:
        self.told: list[dict[str, Any]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(answer)
                self.send_header("Content-Length", "0")
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}{SECRET}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def hooked() -> Iterator[Callable[[int], Hook]]:
    hooks: list[Hook] = []

    def start(answer: int = 200) -> Hook:
        hooks.append(Hook(answer))
        return hooks[-1]

    yield start
    for hook in hooks:
        hook.close()


def watching(workbench: Workbench, source: Path, told: list[Notice], rounds: int, as_of: str = PRESENT) -> list[Round]:
    """So many rounds, without waiting; and what was told of them."""
    left = iter([False] * (rounds - 1) + [True])
    request = {"tier": "ALL", "sources": [source], "start_date": FIRST_DAY, "as_of": as_of, "api_backfill": False}
    watch = Watch(workbench, request, 60, 0, lambda _: next(left), lambda: False, [told.append])
    return list(watch.rounds())


def test_a_round_brings_what_is_new_and_the_next_finds_nothing(kraken: Kraken, little: LittleMarket) -> None:
    with Workbench.open(kraken.home) as wb:
        first, second = watching(wb, little.folder, [], 2)
        assert first.job is not None
        assert second.job is not None
        assert first.job.metrics.records_ingested > 0
        assert second.job.metrics.records_ingested == 0
        assert len(wb.jobs()) == 2


def test_a_store_whose_disk_is_not_mounted_for_a_round_fails_that_round_alone(
    kraken: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    told: list[Notice] = []
    table, away = kraken.home / "candles", tmp_path / "away"
    with Workbench.open(kraken.home) as wb:
        watching(wb, little.folder, told, 1)
        state = kraken.state()
        table.rename(away)
        table.mkdir()
        [failed] = watching(wb, little.folder, told, 1)
        assert failed.failed is not None
        assert "there is none" in failed.failed
        assert told[-1].kind == "failure"
        table.rmdir()
        away.rename(table)
        [mounted] = watching(wb, little.folder, told, 1)
        assert mounted.failed is None
    assert kraken.state() == state


def test_gaps_that_nothing_can_fill_are_told_once(kraken: Kraken, little: LittleMarket) -> None:
    told: list[Notice] = []
    with Workbench.open(kraken.home) as wb:
        watching(wb, little.first, told, 2, "2024-04-02")
        assert [notice.kind for notice in told] == ["gaps"]
        assert len(told[0].gaps) == len(wb.gaps())
        watching(wb, little.first, told, 1, "2024-04-03")  # the same gaps, a day longer
        assert len(told) == 1
        watching(wb, little.folder, told, 1)  # the hole goes on, and another begins behind the second release
        assert len(told) == 2
        assert {gap.start for gap in told[1].gaps if gap.series.interval == 1} == {day_start(date(2024, 4, 6))}


def test_a_failure_is_told_and_the_next_round_is_tried_all_the_same(kraken: Kraken, little: LittleMarket) -> None:
    told: list[Notice] = []
    with Workbench.open(kraken.home) as wb:
        wb.create_home()
        (kraken.home / "candles").write_text("no folder")
        first, second = watching(wb, little.first, told, 2)
    assert first.failed
    assert second.failed
    assert [notice.kind for notice in told] == ["failure", "failure"]
    assert "candle" in told[0].message


def test_a_round_that_succeeds_again_is_told_with_how_many_failed(kraken: Kraken, little: LittleMarket) -> None:
    told: list[Notice] = []
    request = {"tier": "ALL", "sources": [little.first], "start_date": FIRST_DAY, "as_of": PRESENT}
    table, waits = kraken.home / "candles", iter(range(1, 4))

    def wait(_: float) -> bool:
        number = next(waits)
        if number == 2:
            table.unlink()
        return number == 3

    with Workbench.open(kraken.home) as wb:
        wb.create_home()
        table.write_text("no folder")
        watch = Watch(wb, {**request, "api_backfill": False}, 60, 0, wait, lambda: False, [told.append])
        done = list(watch.rounds())
    assert [bool(each.failed) for each in done] == [True, True, False]
    assert [notice.kind for notice in told] == ["failure", "failure", "gaps", "recovery"]
    assert told[-1].message == "a round succeeded again, after 2 rounds failed."


def test_an_outage_of_the_exchange_is_a_notice_of_its_own_kind(kraken: Kraken, little: LittleMarket) -> None:
    told: list[Notice] = []
    request = {"tier": "ALL", "sources": [little.first], "start_date": FIRST_DAY, "as_of": PRESENT}
    with Workbench.open(kraken.home) as wb:
        [done] = Watch(wb, request, 60, 0, lambda _: True, lambda: False, [told.append]).rounds()
    assert done.outage
    assert done.job is not None, "what the archives hold is taken all the same"
    assert [notice.kind for notice in told][:1] == ["exchange"]


def test_a_home_is_watched_once(kraken: Kraken, little: LittleMarket) -> None:
    with Workbench.open(kraken.home) as wb:
        wb.create_home()
        with (kraken.home / LOCK).open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            with pytest.raises(JobRunningError, match="is being watched already"):
                watching(wb, little.first, [], 1)
        assert watching(wb, little.first, [], 1)[0].job


def test_a_round_is_left_out_while_another_job_runs(full: Kraken, little: LittleMarket) -> None:
    told: list[Notice] = []
    with Workbench.open(full.home) as wb:
        plan = wb.plan(tier="ALL", sources=[little.folder], start_date=FIRST_DAY, as_of=PRESENT, api_backfill=False)
        job = wb.runner.start(plan)
        wb.runner._taken_up(job)
        [left_out] = watching(wb, little.folder, told, 1)
    assert left_out.job is None
    assert f"job {job.id} is running" in str(left_out.skipped)
    assert told == []


def test_rounds_begin_at_the_pace_and_a_little_later_by_chance(full: Kraken, little: LittleMarket) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) == 4

    request = {"tier": "ALL", "sources": [little.folder], "start_date": FIRST_DAY, "as_of": PRESENT}
    with Workbench.open(full.home) as wb:
        list(Watch(wb, request, 10_000, 1_000, wait, lambda: False, [], random.Random(7)).rounds())
    drawn = random.Random(7)
    late = [drawn.uniform(0, 1_000) for _ in waits]
    took = [10_000 + later - waited for waited, later in zip(waits, late, strict=True)]
    assert all(0 <= seconds < 100 for seconds in took)  # a round's own time is not added to the pace
    assert len(set(waits)) == 4


def test_a_webhook_gets_the_notice_and_its_secret_is_in_no_message(hooked: Callable[[int], Hook]) -> None:
    hook = hooked(200)
    by_webhook(hook.url)(Notice("failure", "job 3 failed"))
    assert hook.told == [
        {"text": "kraken-history watch: job 3 failed", "kind": "failure", "message": "job 3 failed", "gaps": []}
    ]
    for answer in (500, 302):
        refusing = hooked(answer)
        with pytest.raises(OSError, match=f"127.0.0.1 answered {answer}") as said:
            by_webhook(refusing.url)(Notice("failure", "job 3 failed"))
        assert SECRET not in str(said.value)
    hook.close()
    with pytest.raises(OSError, match="could not be notified: ConnectionError") as said:
        by_webhook(hook.url)(Notice("failure", "job 3 failed"))
    assert SECRET not in str(said.value)
    assert said.value.__cause__ is None


def test_a_command_gets_the_notice_on_its_input_and_no_shell_reads_it(tmp_path: Path) -> None:
    got = tmp_path / "$(touch got); notice"
    by_command([sys.executable, "-c", WRITES, str(got)])(Notice("gaps", "nothing fills that"))
    assert json.loads(got.read_text())["message"] == "nothing fills that"
    assert list(tmp_path.iterdir()) == [got]
    with pytest.raises(OSError, match="exited 3"):
        by_command([sys.executable, "-c", "raise SystemExit(3)"])(Notice("failure", ""))
    with pytest.raises(OSError, match="nowhere could not be started") as said:
        by_command([str(tmp_path / "nowhere"), "--token=hunter2"])(Notice("failure", ""))
    assert "hunter2" not in str(said.value)


def test_the_command_line_watches_and_tells(
    kraken: Kraken, little: LittleMarket, tmp_path: Path, hooked: Callable[[int], Hook]
) -> None:
    hook, got = hooked(500), tmp_path / "notice.json"
    words = (
        "--tier",
        "ALL",
        "--csv-source-dir",
        little.first,
        "--start-date",
        FIRST_DAY,
        "--rounds",
        "1",
        "--no-api-backfill",
        "--json",
    )
    argv = f"'{sys.executable}' -c '{WRITES}' '{got}'"
    done = kraken("watch", *words, "--webhook", hook.url, "--command", argv, "--verbose")
    [row] = done.json
    assert (row["job"]["status"], row["failed"], row["skipped"]) == ("COMPLETED", None, None)
    assert len(row["gaps"]) == len(json.loads(got.read_text())["gaps"]) == len(hook.told[0]["gaps"]) > 0
    assert SECRET not in done.err
    assert "answered 500" in done.err  # told, and the watch goes on


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (("--webhook", "ftp://secret"), "not an http or https address"),
        (("--command", "'"), "not a valid command line"),
        (("--every", "often"), "not a length of time"),
        ((), "name what to ingest"),
    ],
)
def test_what_cannot_be_watched_is_refused_at_once(kraken: Kraken, wrong: tuple[str, ...], why: str) -> None:
    selects = () if not wrong else ("--tier", "ALL")
    said = kraken("watch", *selects, *wrong, "--rounds", "1", code=2)
    assert why in said.err
    assert "secret" not in said.err.replace("contain a secret", "")
    assert not kraken.home.exists()


def test_a_watch_that_waits_ends_when_it_is_told_to(kraken: Kraken, little: LittleMarket) -> None:
    words = (
        "--tier",
        "ALL",
        "--csv-source-dir",
        little.first,
        "--start-date",
        FIRST_DAY,
        "--no-api-backfill",
        "--home",
        kraken.home,
    )
    watch = subprocess.Popen(command("watch", *words), env=environment(), stderr=subprocess.PIPE, text=True)
    assert watch.stderr is not None
    assert "Job 1: " in watch.stderr.readline()
    os.kill(watch.pid, signal.SIGTERM)
    assert watch.wait(30) == 0
    watch.stderr.close()


def test_others_see_the_rounds_and_notices_of_a_watch_and_of_those_before_it(
    kraken: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    def unreachable(_notice: Notice) -> None:
        raise OSError("the webhook at example.org answered 500")

    told: list[Notice] = []
    request = {"tier": "ALL", "sources": [little.folder], "start_date": FIRST_DAY, "api_backfill": False}
    with Workbench.open(kraken.home) as wb:
        assert wb.schedule.state is None
        watch = Watch(wb, request, 60, 0, lambda _: True, lambda: False, [told.append, unreachable])
        for _ in watch.rounds():
            alive = wb.schedule.state
            assert alive is not None
            assert alive.is_alive
            assert (alive.recipients, alive.next_at is not None) == (2, True)
            assert alive.what.startswith("ALL; 1m, 5m")
        watching(wb, tmp_path / "not there", [], 1)
        state = wb.schedule.state
    assert state is not None
    assert not state.is_alive
    assert [(each.job, bool(each.failed)) for each in state.rounds] == [(None, True), (1, False)], "newest first"
    failure, gaps = state.notices
    assert (failure.kind, failure.sent_to) == ("failure", 1)
    assert (gaps.kind, gaps.sent_to, gaps.failures) == ("gaps", 1, ("the webhook at example.org answered 500",))
    assert gaps.message == told[0].message


def test_a_state_that_cannot_be_read_is_an_error_to_others_and_none_to_the_next_watch(
    kraken: Kraken, little: LittleMarket
) -> None:
    with Workbench.open(kraken.home) as wb:
        watching(wb, little.folder, [], 1)
        (kraken.home / STATE).write_text("{", encoding="utf-8")
        with pytest.raises(HomeError, match=r"watch\.json cannot be read .*delete it"):
            read_state(kraken.home)
        watching(wb, little.folder, [], 1)
        state = wb.schedule.state
        assert state is not None
        assert len(state.rounds) == 1


def test_a_test_notice_is_sent_and_nothing_else_is_done(kraken: Kraken, hooked: Callable[[int], Hook]) -> None:
    hook, broken = hooked(200), hooked(500)
    assert "sent to 1 of 1" in kraken("watch", "--test-notice", "--webhook", hook.url).err
    assert [each["kind"] for each in hook.told] == ["test"]
    said = kraken("watch", "--test-notice", "--webhook", broken.url, code=1).err
    assert "answered 500" in said
    assert SECRET not in said
    assert "--webhook or --command" in kraken("watch", "--test-notice", code=2).err
    assert not kraken.home.exists()


def test_metrics_are_written_each_round_and_say_when_the_watch_is_over(kraken: Kraken, little: LittleMarket) -> None:
    file = kraken.home.parent / "kraken.prom"
    words = ["--csv-source-dir", little.folder, "--tier", "ALL", "--start-date", FIRST_DAY, "--no-api-backfill"]
    kraken("watch", *words, "--rounds", 1, "--metrics-file", file)
    written = file.read_text(encoding="utf-8")
    assert "\nkraken_history_jobs_total 1.0\n" in written
    assert '\nkraken_history_completeness_ratio{interval="1h"} ' in written
    assert "\nkraken_history_watch_alive 0.0\n" in written
    assert "\nkraken_history_watch_last_round_failed 0.0\n" in written


def test_metrics_that_cannot_be_written_are_refused_before_the_first_round(
    kraken: Kraken, little: LittleMarket
) -> None:
    words = ["--csv-source-dir", little.folder, "--tier", "ALL", "--no-api-backfill", "--rounds", 1]
    refused = kraken("watch", *words, "--metrics-file", kraken.home / "nowhere" / "kraken.prom", code=2)
    assert "Choose another --metrics-file." in refused.err
    assert not kraken.home.exists()
