"""The overview answers whether the data is complete, and what needs attention comes first."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import polars as pl
import pytest

from app.overview.attention import matters
from app.overview.matrix import clicked, shade
from app.overview.summary import WORST, IntervalTotals, OpenGaps, Summary
from app.shared import formatting
from app.shared.formatting import plain
from kraken_core import Workbench
from kraken_core.domain.completeness import Completeness
from kraken_core.domain.completeness_answer import CompletenessAnswer, completeness_answer
from kraken_core.domain.gaps import Route
from kraken_core.domain.jobs import FileIngestionRecord, FileStatus, IngestionJob, JobMetrics, JobStatus
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.workbench.charts.charts import ChartData
from kraken_core.workbench.figures.completeness import completeness_heatmap
from tests.app.conftest import Opened, figures, told
from tests.app.test_ingest import press
from tests.support.little_market import FIRST_DAY, PRESENT, LittleMarket

BTC = Series(Pair("BTC", "USD"), 60)
COMPLETE = Summary(
    as_of=0,
    answer=CompletenessAnswer(complete=1),
    intervals=[IntervalTotals(60, Completeness(10, 10, 8), 1, 1)],
    pairs={},
    cells={},
    oldest={60: (BTC, 1_000_000)},
    routes={},
    archives={},
    lost=0,
    worst=[],
)


def test_an_empty_home_leads_a_newcomer_to_a_market_that_can_be_tried(
    home: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KRAKEN_API_URL")  # which would mix it with another one
    page = press(opened(), "Try the simulated market")
    assert "The archives of the simulated market are there" in " ".join(each.value for each in page.markdown)
    assert page.query_params["market"] == "Simulated"
    assert (home / "simulated" / "home" / "kraken.toml").exists()
    assert not (home / "ledger.db").exists(), "nothing of it is in the real home"


def test_one_sentence_answers_whether_the_data_is_complete(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        report = workbench.holdings.report(workbench.select())
    answer = completeness_answer((line.series, line.counts) for line in report.series)
    page = opened()
    assert told(page.warning[0].value) == f"**Is my data complete?** {answer.text}"
    shown = figures(page)
    assert shown["Complete series"] == f"{len(report.series) - len(report.worst)} of {len(report.series)}"
    assert shown["Nothing stored"] == str(sum(not line.counts.covered for line in report.series))


def test_no_headline_adds_intervals_up_into_one_percentage(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        report = workbench.holdings.report(workbench.select())
    page = opened()
    assert not any("%" in value for value in figures(page).values())
    bars = json.loads(page.get("plotly_chart")[0].proto.spec)
    shares = {name: counts.completeness for name, counts in report.by_interval.items()}
    worst_first = sorted(shares, key=lambda interval: (shares[interval], interval))
    assert bars["data"][0]["y"] == [formatting.interval(each) for each in worst_first]
    parts = {trace["name"]: trace["x"] for trace in bars["data"]}
    for row, interval in enumerate(worst_first):
        counts = report.by_interval[interval]
        assert parts["missing"][row] == pytest.approx(counts.missing / counts.wanted)
        assert parts["no trades"][row] == pytest.approx(counts.silent / counts.wanted)


def test_the_age_is_that_of_the_oldest_series_which_is_named(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        ends: dict[Series, int] = {}
        for covered in workbench.holdings.coverage(workbench.select()):
            ends[covered.series] = max(covered.end, ends.get(covered.series, 0))
    oldest = min(ends, key=lambda series: (ends[series], series))
    assert figures(opened())["Oldest data"].endswith(formatting.series_name(oldest))


def test_nothing_needs_attention_where_all_is_stored() -> None:
    assert matters([], COMPLETE, 1_000_100) == []


def test_what_can_be_filled_comes_before_what_has_to_be_fetched_by_hand() -> None:
    found = COMPLETE._replace(
        routes={Route.OHLC: OpenGaps(1, 720, 1), Route.DERIVE: OpenGaps(2, 5)},
        archives={"Q1.zip": OpenGaps(2, 30), "Full.zip": OpenGaps(2, 31)},
        lost=1,
    )
    said = [matter.text for matter in matters([], found, 1_000_000 + 3 * 86_400)]
    assert said == [
        "3 gaps can be filled, 1 of them in part: up to 725 candles.",
        "Download Full.zip to fill up to 31 missing candles.",
        "Download Q1.zip to fill up to 30 missing candles.",
        "1 gap can't be filled from any known source.",
        f"{formatting.series_name(BTC)} is 3 days old (covered until 1970-01-12 13:46:40 UTC).",
    ]


def test_what_is_old_leads_to_a_form_that_can_be_previewed(full: Path, opened: Opened) -> None:
    [old] = matters([], COMPLETE, 1_000_000 + 3 * 86_400)
    form = opened(old.view, **old.filters)
    [preview] = [each for each in form.button if each.label == "Preview plan"]
    assert not preview.disabled
    assert form.toggle("new").value
    assert form.toggle("expected").value
    assert not form.warning


def test_gaps_that_no_source_fills_lead_to_those_alone(
    full: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    gaps, downloads = ChartData.gaps, ChartData.downloads
    lost = (pl.col("pair") == "PEPE/USD") & (pl.col("interval_minutes") == 60)
    of_no_route = pl.when(lost).then(pl.lit(Route.NONE.value)).otherwise("route")
    monkeypatch.setattr(ChartData, "gaps", lambda *args: gaps(*args).with_columns(route=of_no_route))
    monkeypatch.setattr(ChartData, "downloads", lambda chart, found: downloads(chart, found).filter(~lost))
    [matter] = matters([], COMPLETE._replace(lost=1), 1_000_100)
    listed = opened(matter.view, **matter.filters).dataframe[0].value
    assert set(listed["Pair"]) == {"PEPE/USD"}
    assert set(listed["Interval"]) == {"1h"}


def test_pairs_of_which_nothing_is_stored_come_first_with_the_reason() -> None:
    nothing = {f"A{n}/USD": f"no source contains A{n}/USD" for n in range(5)}
    found = COMPLETE._replace(nothing=nothing, routes={Route.TRADES: OpenGaps(5, 50)})
    said = [(matter.text, matter.filters) for matter in matters([], found, 1_000_100)]
    assert said[0] == ("Nothing is stored of A0/USD: no source contains A0/USD", {"pair": "A0/USD"})
    assert said[3:] == [
        ("Nothing is stored of 2 more pairs.", {}),
        ("5 gaps can be filled: up to 50 candles.", {}),
    ]


@pytest.mark.parametrize(("failed", "text"), [(1, "1 failed file"), (3, "3 failed files")])
def test_a_job_with_failed_files_is_not_simply_completed(full: Path, failed: int, text: str) -> None:
    with Workbench.open(full) as workbench:
        job = workbench.jobs()[0]
    assert job.status is JobStatus.COMPLETED
    with_failures = replaced(job, JobMetrics(total_files=5, files_failed=failed))
    assert formatting.status(with_failures) == f"⚠ completed with {text}"
    assert formatting.status(replaced(job, JobMetrics(total_files=5))) == "✓ completed"


def test_files_that_failed_are_listed_until_they_are_read_whatever_other_jobs_complete(
    home: Path, little: LittleMarket, tmp_path: Path, opened: Opened
) -> None:
    archive = little.unpacked(tmp_path)
    spoiled = next(archive.rglob("XBTUSD_60.csv"))
    text = spoiled.read_bytes()
    spoiled.write_bytes(b"no candles\n")
    wanted = {"start_date": FIRST_DAY, "as_of": PRESENT, "api_backfill": False}

    def listed() -> list[str]:
        return [told(each.value) for each in opened().markdown if "could not be read" in each.value]

    with Workbench.open(home) as bench:
        bench.run(bench.plan(pairs=["BTC/USD"], sources=[archive], **wanted))
        bench.run(bench.plan(pairs=["UNI/USD"], sources=[archive], **wanted))
        assert bench.jobs()[0].metrics.files_failed == 0, "the newest job had none"
        assert listed() == ["1 file could not be read in job 1, nor since: XBTUSD_60.csv."]
        spoiled.write_bytes(b"no candles either\n")
        bench.run(bench.plan(pairs=["BTC/USD"], sources=[archive], **wanted))
        assert listed() == ["1 file could not be read in job 3, nor since: XBTUSD_60.csv."]
        spoiled.write_bytes(text)
        bench.run(bench.plan(pairs=["BTC/USD"], sources=[archive], **wanted))
    assert not listed()


def test_a_file_that_failed_is_why_nothing_is_stored_of_its_pair(
    home: Path, little: LittleMarket, tmp_path: Path, opened: Opened
) -> None:
    archive = little.unpacked(tmp_path)
    for file in archive.rglob("XBTUSD_*.csv"):
        if file.stem == "XBTUSD_240":
            file.write_bytes(b"no candles\n")
        else:
            file.unlink()
    with Workbench.open(home) as bench:
        wanted = {"start_date": FIRST_DAY, "as_of": PRESENT, "api_backfill": False}
        bench.run(bench.plan(pairs=["BTC/USD", "UNI/USD"], sources=[archive], **wanted))
    [said] = [told(each.value) for each in opened().markdown if "Nothing is stored of BTC/USD" in told(each.value)]
    assert said.startswith("Nothing is stored of BTC/USD: XBTUSD_240.csv"), said


def test_of_many_files_that_failed_the_newest_jobs_name_some() -> None:
    failed = [
        FileIngestionRecord("/a.zip", f"{n}.csv", "", 1, BTC, FileStatus.FAILED, job_id=job)
        for job, n in [(1, 0), (2, 1), (3, 2), (4, 4), (4, 5), (4, 6), (4, 7)]
    ]
    said = [(matter.text, matter.filters) for matter in matters([], COMPLETE._replace(unread=failed), 1_000_100)]
    assert said == [
        (
            "4 files could not be read in job 4, nor since: 4.csv, 5.csv, 6.csv and 1 more.",
            {"job": "4", "show": "Errors"},
        ),
        ("1 file could not be read in job 3, nor since: 2.csv.", {"job": "3", "show": "Errors"}),
        ("1 file could not be read in job 2, nor since: 1.csv.", {"job": "2", "show": "Errors"}),
        ("1 more file of earlier jobs could not be read.", {"job": "1", "show": "Errors"}),
    ]


def test_rows_that_were_rejected_are_listed_whatever_other_jobs_complete_until_their_slots_are_covered(
    home: Path, little: LittleMarket, tmp_path: Path, opened: Opened
) -> None:
    archive = little.unpacked(tmp_path)
    spoiled = next(archive.rglob("XBTUSD_60.csv"))
    text = spoiled.read_bytes()
    first, second, rest = text.split(b"\n", 2)
    spoiled.write_bytes(b"\n".join([first, second.replace(b",", b";"), rest]))
    wanted = {"start_date": FIRST_DAY, "as_of": PRESENT, "api_backfill": False}

    def listed() -> list[str]:
        return [told(each.value) for each in opened().markdown if "rejected" in each.value]

    with Workbench.open(home) as bench:
        bench.run(bench.plan(pairs=["BTC/USD"], intervals=[60], sources=[archive], **wanted))
        bench.run(bench.plan(pairs=["UNI/USD"], sources=[archive], **wanted))
        assert listed() == ["1 row rejected in job 1, of XBTUSD_60.csv."]
        spoiled.write_bytes(text)
        bench.run(bench.plan(pairs=["BTC/USD"], intervals=[60], sources=[archive], **wanted))
    assert not listed()


def test_of_many_files_with_rejected_rows_the_newest_jobs_name_some() -> None:
    files = [
        FileIngestionRecord("/a.zip", f"{n}.csv", "", 1, BTC, FileStatus.COMPLETED, job_id=job, records_rejected=n)
        for job, n in [(1, 1), (2, 2), (3, 3), (4, 4), (4, 5), (4, 6), (4, 1_000)]
    ]
    said = [(matter.text, matter.filters) for matter in matters([], COMPLETE._replace(rejects=files), 1_000_100)]
    assert said == [
        ("1,015 rows rejected in job 4, of 1000.csv, 4.csv, 5.csv and 1 more.", {"job": "4", "show": "Errors"}),
        ("3 rows rejected in job 3, of 3.csv.", {"job": "3", "show": "Errors"}),
        ("2 rows rejected in job 2, of 2.csv.", {"job": "2", "show": "Errors"}),
        ("1 more row of files of earlier jobs rejected.", {"job": "1", "show": "Errors"}),
    ]


def replaced(job: IngestionJob, metrics: JobMetrics) -> IngestionJob:
    return dataclasses.replace(job, metrics=metrics, error=None)


def test_a_pair_that_no_source_holds_is_on_the_overview(home: Path, full: Path, opened: Opened) -> None:
    with Workbench.open(full) as wb:
        wanted = {"start_date": "2024-03-28", "as_of": "2024-04-02", "api_backfill": False}
        wb.run(wb.plan(pairs=["SOL/USD"], intervals=[60], **wanted))
    shown = " ".join(each.value for each in opened().markdown)
    assert plain("Nothing is stored of SOL/USD: no source contains SOL/USD") in shown


def test_a_cell_of_the_matrix_leads_to_its_series() -> None:
    labels = {formatting.interval(interval): interval for interval in (1, 60)}
    pairs = ["ETH/USD", "BTC/USD"]
    cell = {"selection": {"cells": [(1, formatting.interval(60))]}}
    assert clicked(cell, pairs, labels) == BTC
    assert clicked({"selection": {"cells": [(1, "Pair")]}}, pairs, labels) == Series(BTC.pair, 1)
    assert clicked({"selection": {"cells": []}}, pairs, labels) is None
    assert clicked({"selection": {"cells": [(7, "Pair")]}}, pairs, labels) is None, "the table got shorter meanwhile"


def test_a_cell_is_shaded_as_complete_only_if_it_is() -> None:
    shades = {shade(Completeness(1000, covered, 1)) for covered in (1000, 999, 900, 1)}
    assert len(shades) == 4
    assert shade(None) == ""


def test_the_heatmap_leaves_empty_what_is_not_expected() -> None:
    cells = {("TIER1", 60): Completeness(4, 1, 1), ("TIER2", 1440): Completeness(2, 2, 0)}
    figure = completeness_heatmap(cells, ["TIER1", "TIER2", "TIER3"])
    [heatmap] = figure.data
    assert heatmap.y == ("TIER1", "TIER2")
    assert list(heatmap.z) == [[0.25, None], [None, 1.0]]
    assert list(heatmap.text) == [["25 %", ""], ["", "100 %"]]


def test_the_least_complete_series_show_where_something_is_missing(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        report = workbench.holdings.report(workbench.select())
    worst = report.worst[:WORST]
    figures_shown = [json.loads(each.proto.spec) for each in opened().get("plotly_chart")]
    [strips] = [each for each in figures_shown if each["data"][0].get("name") == "covered"]
    names = [f"{line.series.pair} {formatting.interval(line.series.interval)}" for line in worst]
    assert strips["layout"]["yaxis"]["ticktext"] == names
    known, _, missing = strips["data"]
    assert known["customdata"] == [[row, line.start, line.end] for row, line in enumerate(worst)]
    for row, line in enumerate(worst):
        drawn = TimeRanges.of((start, end) for of, start, end in missing["customdata"] if of == row)
        gaps = TimeRanges.of((gap.start, gap.end) for gap in report.gaps if gap.series == line.series)
        assert gaps, "it lacks something"
        assert not gaps - drawn, "every gap is drawn"


def test_completeness_over_time_has_a_point_for_each_job(full: Path, little: LittleMarket, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        workbench.run(workbench.plan(pairs=["BTC/USD"], sources=[little.first], api_backfill=False, as_of=PRESENT))
        kept = workbench.run_records.completeness()
    page = opened()
    figures_shown = [json.loads(each.proto.spec) for each in page.get("plotly_chart")]
    [trend] = [each["data"] for each in figures_shown if {line.get("name") for line in each["data"]} >= {"1d", "1h"}]
    hours = next(line for line in trend if line["name"] == "1h")
    assert hours["y"] == [each.counts.completeness for each in kept if each.interval == 60]
    assert len(hours["x"]) == 2
