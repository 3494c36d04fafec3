"""How far a job is as a whole, over its stages and rounds: never less than before, and honest about what it knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.jobs import IngestionJob, JobMetrics, JobStatus, ProgressReport
from kraken_core.domain.request import Request
from kraken_core.pipeline import progress
from kraken_core.pipeline.progress import Stages, Steps
from kraken_core.ports import never_stop

JOB = IngestionJob(1, JobStatus.RUNNING, Request(), 0, datetime(2024, 1, 1, tzinfo=UTC))


class NoLedger:
    """Where the progress of a job is not kept."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


class Clock:
    """A clock that stands still until it is set ahead."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def stages_of(metrics: JobMetrics, after_files: float | None = None) -> tuple[Stages, list[ProgressReport]]:
    seen: list[ProgressReport] = []
    ledger: Any = NoLedger()
    return Stages(replace(JOB, metrics=metrics), metrics, ledger, seen.append, never_stop, after_files), seen


def test_the_whole_job_is_its_files_and_then_its_requests() -> None:
    stages, seen = stages_of(JobMetrics(total_files=6, total_requests=4))
    with stages.stage("ingest", 6, of=Steps.FILES) as ticker:
        ticker.add(3)
        ticker.add(3)
    stages.metrics = replace(stages.metrics, files_ingested=6)
    with stages.stage("cover"):
        pass
    with stages.stage("backfill", 4, of=Steps.REQUESTS) as ticker:
        ticker.add(2)
    assert [report.job_pct for report in seen if report.stage != "cover"] == [0, 30, 60, 60, 80]
    assert {report.job_pct for report in seen if report.stage == "cover"} == {60}


@given(st.lists(st.tuples(st.sampled_from(Steps), st.integers(0, 9), st.integers(0, 20)), max_size=12), st.data())
def test_it_never_goes_back_however_much_turns_out_to_be_left(
    rounds: list[tuple[Steps, int, int]], data: st.DataObject
) -> None:
    stages, seen = stages_of(JobMetrics(total_files=10, total_requests=2))
    for of, steps, more in rounds:
        stages.metrics = replace(stages.metrics, total_requests=stages.metrics.total_requests + more)
        with stages.stage("backfill", steps, of=of) as ticker:
            for _ in range(data.draw(st.integers(0, 3))):
                ticker.add(data.draw(st.integers(0, 5)))
    shown = [report.job_pct for report in seen if report.job_pct is not None]
    assert shown == sorted(shown)
    assert all(0 <= pct <= 99 for pct in shown), "only a completed job is at 100"


def test_a_resumed_job_goes_on_where_it_was() -> None:
    stages, seen = stages_of(JobMetrics(total_files=10, files_ingested=4))
    with stages.stage("ingest", 10, 4, of=Steps.FILES) as ticker:
        ticker.add()
    assert [report.job_pct for report in seen] == [40, 50]


def test_the_rest_of_the_job_is_the_rest_of_its_files_and_the_requests_after_them(clock: Clock) -> None:
    stages, seen = stages_of(JobMetrics(total_files=8, total_requests=30), after_files=30)
    with stages.stage("ingest", 8, of=Steps.FILES) as ticker:
        clock.now = 4
        ticker.add(4)
    assert (seen[-1].eta_seconds, seen[-1].job_eta_seconds) == (4, 34)


def test_large_files_count_for_more_than_small_ones(clock: Clock) -> None:
    stages, seen = stages_of(JobMetrics(total_files=8), after_files=0)
    with stages.stage("ingest", 8, of=Steps.FILES, work=1_000) as ticker:
        clock.now = 10
        ticker.add(4, work=100)
    assert seen[-1].job_eta_seconds == pytest.approx(90)


def test_nothing_is_foretold_where_the_files_have_to_show_first_what_is_missing(clock: Clock) -> None:
    stages, seen = stages_of(JobMetrics(total_files=8), after_files=None)
    with stages.stage("ingest", 8, of=Steps.FILES) as ticker:
        clock.now = 10
        ticker.add(4)
    assert (seen[-1].eta_seconds, seen[-1].job_eta_seconds) == (10, None)


def test_nothing_is_foretold_of_a_stage_that_counts_nothing(clock: Clock) -> None:
    stages, seen = stages_of(JobMetrics(total_files=8), after_files=0)
    with stages.stage("cover"):
        clock.now = 10
    assert [(report.done, report.job_eta_seconds) for report in seen] == [(0, None), (1, None)]
