"""The form of a request, the plan it shows, and the job it starts."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from kraken_core import Workbench
from kraken_core.domain.errors import UsageError
from kraken_core.domain.jobs import IngestionJob, JobOrigin, JobStatus
from kraken_core.domain.plan import Action, IngestionPlan
from kraken_core.domain.request import Request
from tests.app.conftest import Opened, figures
from tests.support.archive_texts import candles, folder, slots
from tests.support.little_market import FIRST_DAY, PRESENT, LittleMarket

PATIENCE_S = 60
ALL: dict[str, Any] = {"tier": "ALL", "from": FIRST_DAY, "as_of": PRESENT, "api": "false"}


@pytest.fixture
def sources(home: Path, little: LittleMarket, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KRAKEN_CSV_SOURCE_DIRS", str(little.folder))
    return little.folder


def press(app: AppTest, label: str) -> AppTest:
    [button] = [each for each in app.button if each.label == label]
    pressed = button.click().run()
    assert not pressed.exception, [each.value for each in pressed.exception]
    return pressed


def test_nothing_can_be_previewed_before_anything_is_chosen(sources: Path, opened: Opened) -> None:
    assert opened("ingest").button[0].disabled


def test_the_preview_is_the_plan_of_a_dry_run(sources: Path, home: Path, opened: Opened) -> None:
    page = press(opened("ingest", **ALL), "Preview plan")
    with Workbench.open(home) as workbench:
        plan = workbench.plan(tier="ALL", start_date=FIRST_DAY, as_of=PRESENT, api_backfill=False)
    told = figures(page)
    assert told["Files to read"] == f"{len(plan.to_ingest):,}"
    assert told["Files skipped"] == str(sum(file.action is Action.SKIP for file in plan.files))
    assert not home.exists(), "looking writes nothing"


def test_a_changed_form_takes_the_plan_away(sources: Path, opened: Opened) -> None:
    page = press(opened("ingest", **ALL), "Preview plan")
    page.multiselect("interval").set_value([60]).run()
    assert "changed since" in page.info[0].value
    assert "Start" not in {each.label for each in page.button}


def test_start_runs_the_job_in_a_process_of_its_own(sources: Path, home: Path, opened: Opened) -> None:
    page = press(press(opened("ingest", **ALL), "Preview plan"), "Start")
    assert page.title[0].value == "Jobs"
    until = time.monotonic() + PATIENCE_S
    with Workbench.open(home) as workbench:
        while (job := workbench.ledger.job(1)).status is JobStatus.RUNNING:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert job.status is JobStatus.COMPLETED
        assert job.request == workbench.request(tier="ALL", start_date=FIRST_DAY, as_of=PRESENT, api_backfill=False)


def test_a_shared_url_is_the_whole_form(sources: Path, opened: Opened) -> None:
    page = opened("ingest", by="Pairs", pair=["BTC/USD", "XBTEUR"], interval=["1h", "1d"], quote="EUR", fill="false")
    assert page.multiselect("pair").value == ["BTC/USD", "XBTEUR"]
    assert page.multiselect("interval").value == [60, 1440]
    assert page.multiselect("quote").value == ["EUR"]
    assert page.toggle("fill").value is False


def test_how_far_a_job_may_go_is_in_the_url_and_kept_when_the_plan_starts(
    sources: Path, home: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int | None] = []
    run_detached = Workbench.run_detached

    def watched(bench: Workbench, plan: IngestionPlan, workers: int | None, origin: JobOrigin) -> IngestionJob:
        started.append(workers)
        return run_detached(bench, plan, workers, origin)

    monkeypatch.setattr(Workbench, "run_detached", watched)
    page = opened("ingest", **ALL, most="7", workers="3")
    assert (page.number_input("most").value, page.number_input("workers").value) == (7, 3)
    page = press(press(page, "Preview plan"), "Start")
    with Workbench.open(home) as workbench:
        assert workbench.ledger.job(1).request.max_requests == 7
    assert started == [3]


def test_what_is_expected_already_is_ingested_and_no_pair_added(
    full: Path, sources: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Request] = []

    def plan(bench: Workbench, **request: Any) -> IngestionPlan:
        asked.append(bench.request(**request))
        raise UsageError("seen")

    monkeypatch.setattr(Workbench, "plan", plan)
    press(opened("ingest", **ALL, expected="true"), "Preview plan")
    with Workbench.open() as workbench:
        assert asked[0].pairs == tuple(sorted({series.pair for series in workbench.ledger.detections()}))


def test_requests_are_bounded_unless_every_route_is_to_be_used(sources: Path, opened: Opened) -> None:
    bounded, complete = (opened("ingest", **{**ALL, "complete": value}) for value in ("false", "true"))
    assert [page.number_input("most").placeholder for page in (bounded, complete)] == ["1,000", "as many as it takes"]


def test_a_hostile_name_is_an_error_that_is_shown_as_text(sources: Path, opened: Opened) -> None:
    hostile = "<img src=x onerror=alert(1)> [x](http://evil) :red[oh] $x$"
    page = press(opened("ingest", by="Pairs", pair=hostile), "Preview plan")
    [error] = page.error
    assert r"\<img src\=x" in error.value or r"\<img src=x" in error.value
    assert r"\[x\]\(" in error.value
    assert r"\$x\$" in error.value
    assert r"\:red\[" in error.value


@pytest.mark.parametrize("place", ["/etc", "/etc/passwd", "../..", "http://127.0.0.1:1/x.zip"])
def test_only_what_the_settings_name_can_be_read(place: str, sources: Path, opened: Opened) -> None:
    page = opened("ingest", source=place, **ALL)
    archives = page.multiselect("source")
    assert place not in archives.value
    assert not any("etc" in option for option in archives.options)


def test_a_second_job_has_to_wait(sources: Path, full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        plan = workbench.plan(pairs=["BTC/USD"], start_date=FIRST_DAY, as_of=PRESENT, api_backfill=False)
        job = workbench.runner.start(plan)
        workbench.ledger.move(job, job.mark_running("elsewhere:1:1.0", 2**40))
        page = press(opened("ingest", **ALL), "Preview plan")
        assert f"Job {job.id} is running" in page.info[-1].value
        [start] = [each for each in page.button if each.label == "Start"]
        assert start.disabled


def test_archives_whose_paths_end_alike_are_told_apart(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of choices that look the same, Streamlit takes only the first."""
    places = [folder(tmp_path / number / "quarters/dump", {"XBTUSD_60.csv": b"1"}) for number in "ab"]
    monkeypatch.setenv("KRAKEN_CSV_SOURCE_DIRS", os.pathsep.join(map(str, places)))
    options = opened("ingest").multiselect("source").options
    assert [option for option in options if "://" not in option] == [str(place) for place in places]


def test_the_preview_names_what_is_ignored_and_why(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = candles(slots("2024-03-28", "2024-03-30"))
    place = folder(tmp_path / "dump", {"XBTUSD_60.csv": rows, "XBTUSD_60 (1).csv": rows, "ETHUSD_60.csv.gz": rows})
    monkeypatch.setenv("KRAKEN_CSV_SOURCE_DIRS", str(place))
    page = press(opened("ingest", **ALL), "Preview plan")
    [ignored] = [each.value for each in page.dataframe if "Such as" in each.value]
    assert set(zip(ignored["Reason"], ignored["Files"], ignored["Such as"], strict=True)) == {
        ("named like a copy: rename it to PAIR_MINUTES.csv to have it read", 1, "XBTUSD_60 (1).csv"),
        ("packed: unpack it first", 1, "ETHUSD_60.csv.gz"),
    }
