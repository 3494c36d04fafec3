"""What is kept of runs: their stages, the gaps they changed, completeness after each, and verifications."""

from __future__ import annotations

import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import Interrupted
from kraken_core.domain.gaps import GapStatus
from kraken_core.domain.jobs import STAGES, JobMetrics, ProgressReport, Trigger
from kraken_core.domain.request import JobKind
from kraken_core.workbench.watch.watch import Watch
from tests.support.command_line import Kraken
from tests.support.little_market import FIRST_DAY, PRESENT, LittleMarket


def test_a_job_keeps_its_stages_its_gaps_and_how_complete_everything_was(full: Kraken) -> None:
    with Workbench.open(full.home) as wb:
        [job] = wb.jobs()
        stages = [each.stage for each in wb.control.stages(job.id)]
        assert (stages[0], stages[-1]) == ("ingest", "report")
        assert set(stages) <= set(STAGES)
        assert stages.count("cover") > 1, "each round by itself"
        gaps = wb.control.gaps(job.id, most=3)
        assert gaps.by_status[GapStatus.FILLED] == job.metrics.gaps_filled > 0
        assert gaps.total - gaps.by_status[GapStatus.FILLED] == job.metrics.gaps_open
        assert len(gaps.first) == 3
        kept = {each.interval: each.counts for each in wb.run_records.completeness()}
        assert kept == wb.charts.totals().by_interval
    [row] = full.rows("jobs")
    assert (row["trigger"], row["kind"]) == ("hand", "ingest")


def test_a_job_that_is_paused_keeps_the_stages_up_to_there(kraken: Kraken, little: LittleMarket) -> None:
    seen: list[str] = []
    with Workbench.open(kraken.home) as wb:
        plan = wb.plan(tier="ALL", sources=[little.first], start_date=FIRST_DAY, as_of=PRESENT, api_backfill=False)
        with pytest.raises(Interrupted):
            wb.run(plan, progress=lambda report: seen.append(report.stage), stop=lambda: "backfill" in seen)
        [job] = wb.jobs()
        paused = [each.stage for each in wb.control.stages(job.id)]
        assert paused[0] == "ingest"
        assert paused[-1] == "backfill", "which was interrupted"
        wb.run(plan)
        assert [each.stage for each in wb.control.stages(job.id)][: len(paused)] == paused, "and those of its next run"


def test_the_trend_is_of_everything_whatever_a_job_was_for(full: Kraken, little: LittleMarket) -> None:
    full.ingest(little.first, "--pairs", "BTC/USD", "--intervals", "60")
    with Workbench.open(full.home) as wb:
        points = wb.run_records.completeness()
        after = [each for each in points if each.job_id == 2]
        assert {each.interval for each in after} == {each.interval for each in points if each.job_id == 1}
        assert {each.interval: each.counts for each in after} == wb.charts.totals().by_interval


def test_a_job_in_the_background_says_where_it_is_and_how_long_it_will_take(full: Kraken) -> None:
    doing = ProgressReport("backfill", 40, 110, "BTC/USD 1h", eta_seconds=60.0, job_pct=40.0, job_eta_seconds=135.0)
    with Workbench.open(full.home) as wb:
        job = wb.ledger.create_job(wb.jobs()[0].request, wb.clock.now(), [], JobMetrics())
        job = wb.ledger.move(job, job.mark_running("elsewhere:1:1.0", wb.clock.now() + 600))
        wb.ledger.renew(job, 600, doing)
    assert "Now: backfill, 40 of 110; about 2 min 15 s left of the job" in full("jobs", job.id).out


def test_jobs_of_a_watch_say_so(kraken: Kraken, little: LittleMarket) -> None:
    request = {"pairs": ["BTC/USD"], "intervals": [60], "sources": [little.first], "start_date": FIRST_DAY}
    request |= {"as_of": PRESENT, "api_backfill": False, "incremental": True}
    with Workbench.open(kraken.home) as wb:
        list(Watch(wb, request, 60, 0, lambda _: True, lambda: False).rounds())
        [job] = wb.jobs()
    assert (job.trigger, job.kind) == (Trigger.WATCH, JobKind.UPDATE)


def test_every_verification_is_kept_with_its_time_and_its_selection(full: Kraken) -> None:
    full("verify", "--report-only", "--pairs", "BTC/USD", "--intervals", "1h")
    with Workbench.open(full.home) as wb:
        found = wb.verify(report_only=True)
        newest, first = wb.run_records.verifications()
        assert first.selection == "BTC/USD; 1h"
        assert newest.selection == "everything stored"
        assert newest.checks == found.checks
        assert newest.state == wb.change_token, "keeping it changed nothing"
        assert first.at <= newest.at


def test_a_verification_of_a_home_that_is_not_there_is_kept_nowhere(kraken: Kraken) -> None:
    with Workbench.open(kraken.home) as wb:
        wb.verify()
    assert not kraken.home.exists()


def test_a_verification_of_a_damaged_table_is_kept_too(full: Kraken) -> None:
    file = min((full.home / "candles").rglob("*.parquet"))
    file.write_bytes(b"PAR1")
    full("verify", "--report-only", code=1)
    with Workbench.open(full.home) as wb:
        [kept] = wb.run_records.verifications()
    assert not kept.ok
    assert [check.name for check in kept.checks if check.failed] == ["table"]


@pytest.mark.parametrize("days", [{}, {"start_date": "2024-03-29", "end_date": "2024-03-29"}])
@pytest.mark.parametrize("pairs", [[], ["BTC/USD"]])
def test_what_a_report_has_counted_is_taken_from_it_and_the_rest_counted(
    full: Kraken, days: dict[str, str], pairs: list[str]
) -> None:
    with Workbench.open(full.home) as wb:
        report = wb.holdings.report(wb.select(pairs=pairs, **days))
        assert wb.charts.completeness(report) == wb.charts.totals().by_interval


def test_nothing_that_the_report_of_a_job_has_counted_is_counted_again(
    full: Kraken, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workbench.open(full.home) as wb:
        report = wb.holdings.report(wb.select())
        expected = wb.charts.totals().by_interval
        for reading in ("covered_ranges", "open_gaps"):
            monkeypatch.setattr(type(wb.ledger), reading, lambda _: pytest.fail("counted again"))
        assert wb.charts.completeness(report) == expected


def test_completeness_after_a_job_that_was_undone_is_marked_so(kraken: Kraken, little: LittleMarket) -> None:
    first, second = (
        kraken.ingest(source, "--pairs", "BTC/USD", "--intervals", "60")["job_id"]
        for source in (little.first, little.second)
    )
    kraken("undo", second, "--yes")
    with Workbench.open(kraken.home) as wb:
        assert {each.job_id: each.undone for each in wb.run_records.completeness()} == {first: False, second: True}
