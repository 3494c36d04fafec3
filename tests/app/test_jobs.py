"""Jobs on their page: what they did, what can be done with them, and what is said of them."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import subprocess
import time
from pathlib import Path
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from kraken_core import Workbench
from kraken_core.cli.jobs import jobs
from kraken_core.domain.formatting import duration
from kraken_core.domain.gaps import GapStatus, Route
from kraken_core.domain.jobs import Control, IngestionJob, JobMetrics, JobStatus
from kraken_core.workbench.jobs.lease import LEASE_S
from kraken_core.workbench.jobs.worker_process import this_worker
from tests.app.conftest import Opened, figures, told
from tests.app.test_ingest import PATIENCE_S, press
from tests.support.little_market import FIRST_DAY, PRESENT, LittleMarket

FAR = 2**40  # a lease that will not run out


@pytest.fixture
def bench(full: Path) -> Workbench:
    return Workbench.open(full)


def running(bench: Workbench, worker: str = "elsewhere:1:1.0") -> IngestionJob:
    job = bench.runner.start(bench.plan(pairs=["BTC/USD"], start_date=FIRST_DAY, as_of=PRESENT, api_backfill=False))
    return bench.ledger.move(job, job.mark_running(worker, FAR))


def running_again(job: IngestionJob) -> IngestionJob:
    return job.mark_running("elsewhere:1:1.0", FAR)


def test_jobs_that_cannot_be_read_are_said_beside_the_page_and_explained_on_it(
    bench: Workbench, opened: Opened
) -> None:
    with sqlite3.connect(bench.settings.home / "ledger.db") as ledger:
        ledger.execute("update alembic_version set version_num = '9999'")
    page = opened("jobs")
    assert "Jobs cannot be read" in page.sidebar.get("page_link")[0].proto.label
    [error] = page.error
    assert "newer version" in error.value


def test_an_empty_home_leads_to_the_first_job(opened: Opened) -> None:
    assert "no jobs yet" in opened("jobs").info[0].value


def test_a_completed_job_is_shown_with_its_files_and_events(bench: Workbench, opened: Opened) -> None:
    [job] = bench.jobs()
    page = opened("jobs")
    assert page.header[0].value == f"Job {job.id}"
    assert figures(page)["New candles"] == f"{job.records_ingested:,}"
    history, files = page.dataframe
    assert list(history.value["Status"]) == ["✓ completed"]
    assert len(files.value) == job.total_files
    events = opened("jobs", show="Events").table[0].value
    assert list(events["What"])[-1] == "completed"


def test_a_job_that_was_undone_is_no_success_and_says_when(bench: Workbench, opened: Opened) -> None:
    bench.undo(1)
    [job] = bench.jobs()
    page = opened("jobs")
    assert list(page.dataframe[0].value["Status"]) == ["↶ completed, undone"]
    [bar] = json.loads(page.get("plotly_chart")[0].proto.spec)["data"]
    assert bar["name"] == "undone"
    assert f"Undone at {job.undone_at:%Y-%m-%d %H:%M}" in told(page.warning[0].value)
    assert "no longer in the home" in page.warning[0].value


def test_a_job_that_completed_with_an_error_is_no_success(bench: Workbench, opened: Opened) -> None:
    job = running(bench)
    bench.ledger.move(job, dataclasses.replace(job.mark_completed(), error="a part of it failed"))
    assert opened("jobs").dataframe[0].value["Status"][0] == "⚠ completed with errors"


def test_a_job_that_did_not_end_well_is_not_said_to_have_read_every_file(bench: Workbench, opened: Opened) -> None:
    assert "every file was read" in " ".join(each.value for each in opened("jobs", show="Errors").caption)
    job = running(bench)
    bench.ledger.move(job, job.mark_failed("the worker is gone"))
    notes = " ".join(each.value for each in opened("jobs", show="Errors").caption)
    assert "as far as the job came" in notes
    assert "every file was read" not in notes


def test_runs_are_bars_as_high_as_they_lasted_and_one_choice_leads_to_a_job(bench: Workbench, opened: Opened) -> None:
    for _ in range(2):
        job = running(bench)
        bench.ledger.move(job, job.mark_failed("for the test"))
    page = opened("jobs", job="2")
    bars = json.loads(page.get("plotly_chart")[0].proto.spec)["data"]
    assert {bar["name"]: bar["customdata"] for bar in bars} == {"completed": [1], "failed": [2, 3]}
    took = bench.ledger.job(1)
    assert took.finished_at is not None
    assert took.started_at is not None
    hover = next(bar for bar in bars if bar["name"] == "completed")["hovertext"][0]
    assert "ingest of ALL" in hover
    assert "by hand" in hover
    assert not page.selectbox, "a bar or a row, and nothing else, is the choice"
    history = page.dataframe[0].value
    assert list(history["Kind"]) == ["ingest", "ingest", "ingest"]
    assert page.header[0].value == "Job 2"


def test_a_job_shows_its_stages_and_the_outcome_of_each_gap(bench: Workbench, opened: Opened) -> None:
    stages = opened("jobs", show="Stages").dataframe[1].value
    kept = bench.control.stages(1)
    assert list(stages["Stage"]) == list(dict.fromkeys(each.stage for each in kept))
    assert stages["Rounds"].sum() == len(kept)
    page = opened("jobs", show="Gaps")
    gaps = page.dataframe[1].value
    assert set(gaps["Outcome"]) == {"filled", "detected"}
    assert list(gaps["Outcome"]).count("filled") == bench.jobs()[0].metrics.gaps_filled
    [reasons] = page.expander
    assert reasons.label.startswith("Reasons in full")
    assert any(" × " in each.value for each in reasons.text), "the whole of each, which the table cuts off"


def test_a_running_job_says_how_long_it_has_run_and_what_the_last_one_took(bench: Workbench, opened: Opened) -> None:
    request = bench.ledger.job(1).request
    again = bench.ledger.create_job(request, bench.clock.now(), [], JobMetrics())
    bench.ledger.move(again, again.mark_running("elsewhere:1:1.0", FAR))
    shown = figures(opened("jobs"))
    assert shown["Elapsed"] != "–"
    assert shown["The last one took"] != "–"
    assert shown["Left, about"] == shown["Left of this stage"] == "–", "nothing is reported yet"


def test_a_job_did_not_take_the_time_for_which_it_was_paused(
    bench: Workbench, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = iter([0, 100, 4_000, 4_020])  # it begins, pauses, is resumed, completes
    job = bench.runner.start(bench.plan(pairs=["BTC/USD"], start_date=FIRST_DAY, as_of=PRESENT, api_backfill=False))
    for move in (running_again, IngestionJob.mark_paused, running_again, IngestionJob.mark_completed):
        monkeypatch.setattr(bench.ledger, "_clock", Mock(now=Mock(return_value=next(at))))
        job = bench.ledger.move(job, move(job))
    assert bench.control.seconds_stopped() == bench.control.seconds_stopped([job.id]) == {job.id: 3_900}
    assert opened("jobs").dataframe[0].value["Took"][0] == duration(120)
    listed = CliRunner().invoke(jobs, ["--home", str(bench.settings.home)]).output
    assert duration(120) in listed


def test_a_killed_job_ended_when_its_worker_was_last_seen(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    job = bench.runner.start(bench.plan(pairs=["BTC/USD"], start_date=FIRST_DAY, as_of=PRESENT, api_backfill=False))
    monkeypatch.setattr(bench.ledger, "_clock", clock := Mock(now=Mock(return_value=1_000)))
    gone = this_worker().rsplit(":", 1)[0] + ":1.0"
    job = bench.ledger.move(job, job.mark_running(gone, 1_000 + LEASE_S))
    clock.now.return_value = 1_008
    bench.ledger.renew(job, LEASE_S)
    clock.now.return_value = 2_000
    [failed] = bench.runner.fail_stalled_jobs()
    assert failed.seconds_run(clock.now(), 0) == 8


def test_pause_and_cancel_are_asked_of_a_running_job(bench: Workbench, opened: Opened) -> None:
    job = running(bench)
    page = press(opened("jobs"), "Pause")
    assert bench.ledger.job(job.id).requested is Control.PAUSE
    assert "Requested: pause" in " ".join(each.value for each in page.caption)
    assert next(each for each in page.button if each.label == "Pausing …").disabled, "it was acknowledged at once"
    assert page.dataframe[0].value["Status"][0] == "▶ running, pausing …"
    press(page, "Cancel job")
    assert bench.ledger.job(job.id).requested is Control.CANCEL


def test_a_second_click_on_pause_is_no_error_once_the_job_is_paused(bench: Workbench, opened: Opened) -> None:
    job = running(bench)
    page = opened("jobs")
    bench.ledger.move(job, job.mark_paused())
    assert not press(page, "Pause").warning
    page = opened("jobs", job=str(job.id))
    bench.ledger.move(bench.ledger.job(job.id), bench.ledger.job(job.id).mark_cancelled())
    assert not press(page, "Cancel job").warning
    running(bench)
    page = opened("jobs")
    other = bench.jobs()[0]
    bench.ledger.move(other, other.mark_completed())
    [refusal] = press(page, "Pause").warning
    assert "only a running job can pause" in refusal.value


def test_rows_that_were_not_taken_have_their_reasons_in_full(bench: Workbench, opened: Opened) -> None:
    rejects = bench.runner.rejects(1)
    rejects.parent.mkdir(exist_ok=True)
    rejects.write_text("file,line,text,reason\na.csv,1,x,too short\na.csv,2,y,no price\na.csv,3,z,no price\n")
    page = opened("jobs", show="Errors")
    [reasons] = page.expander
    assert list(page.dataframe[-1].value) == ["File", "Line", "Text", "Reason"]
    assert "Rejected rows" in {each.value for each in page.subheader}
    assert [each.value for each in reasons.text] == ["2 × no price", "1 × too short"]


def test_an_address_that_names_a_job_means_that_job_whatever_is_newer(bench: Workbench, opened: Opened) -> None:
    for newest in (2, 3):
        job = running(bench)
        bench.ledger.move(job, job.mark_failed("for the test"))
        page = opened("jobs", job=str(newest))
        assert page.header[0].value == f"Job {newest}"
        assert page.query_params["job"] == str(newest), "the newest one is named too"
    assert opened("jobs", job="2").header[0].value == "Job 2"


def test_a_cancelled_job_leaves_no_gap_that_is_being_filled(full: Path, bench: Workbench, opened: Opened) -> None:
    gap = bench.ledger.gaps()[0]
    job = running(bench)
    bench.ledger.record_gaps({}, [gap._replace(status=GapStatus.DETECTED, route=Route.OHLC).mark_backfilling()], [])
    assert "backfilling" in set(opened("gaps").dataframe[0].value["State"])
    bench.ledger.move(job, job.mark_cancelled())
    assert "backfilling" not in set(opened("gaps").dataframe[0].value["State"])


def test_a_job_that_waits_is_given_up_at_once(bench: Workbench, opened: Opened) -> None:
    job = running(bench)
    bench.ledger.move(job, job.mark_paused())
    press(opened("jobs", job=str(job.id)), "Cancel job")
    assert bench.ledger.job(job.id).status is JobStatus.CANCELLED


def test_a_job_whose_worker_is_gone_is_said_to_be_an_orphan(bench: Workbench, opened: Opened) -> None:
    host, _, started = this_worker().rsplit(":", 2)
    with subprocess.Popen(["true"]) as process:
        process.wait()
    job = running(bench, f"{host}:{process.pid}:{started}")
    page = opened("jobs")
    assert list(page.dataframe[0].value["Status"]) == ["✗ failed: worker lost", "✓ completed"]
    assert "worker lost" in page.error[0].value
    assert "Resume" in {each.label for each in page.button}
    assert bench.ledger.job(job.id).is_orphaned


def test_the_history_is_filtered_by_the_url(bench: Workbench, opened: Opened) -> None:
    job = running(bench)
    bench.ledger.move(job, job.mark_paused())
    shown = opened("jobs", status="paused").dataframe[0].value
    assert list(shown["Job"]) == [job.id]
    assert len(opened("jobs", of_tier="ALL").dataframe[0].value) == 1
    assert "No job is like that." in {each.value for each in opened("jobs", status="failed").caption}


def test_files_that_failed_are_read_again_by_a_job_that_skips_the_others(
    home: Path, little: LittleMarket, tmp_path: Path, opened: Opened
) -> None:
    archive = little.unpacked(tmp_path)
    spoiled = next(archive.rglob("XBTUSD_60.csv"))
    text = spoiled.read_bytes()
    spoiled.write_bytes(b"no candles\n")
    with Workbench.open(home) as bench:
        bench.run(bench.plan(pairs=["BTC/USD"], sources=[archive], start_date=FIRST_DAY, api_backfill=False))
        assert bench.jobs()[0].metrics.files_failed == 1
        spoiled.write_bytes(text)
        page = press(opened("jobs"), "Preview a retry of 1 failed file")
        told = figures(page)
        assert (told["Files to read"], told["Files skipped"]) == ("1", "7")
        press(page, "Start")
        until = time.monotonic() + PATIENCE_S
        while bench.jobs()[0].status is not JobStatus.COMPLETED:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert bench.jobs()[0].metrics.files_failed == 0
    assert "Preview a retry of 1 failed file" not in {each.label for each in opened("jobs").button}


def test_the_log_of_a_job_is_text(bench: Workbench, full: Path, opened: Opened) -> None:
    bench.runner.log(1).write_text("<script>alert(1)</script>\nall is well\n", encoding="utf-8")
    page = opened("jobs", show="Log")
    assert "in UTC" in " ".join(each.value for each in page.caption)
    assert page.code[0].value == "<script>alert(1)</script>\nall is well"
