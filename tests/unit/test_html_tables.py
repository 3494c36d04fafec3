"""Plans, jobs, reports and workbenches in a notebook: tables in which nothing from data is markup."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kraken_core import Workbench
from kraken_core.domain.completeness import Completeness
from kraken_core.domain.html_tables import facts, grid
from kraken_core.domain.jobs import IngestionJob, JobMetrics, JobStatus
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.plan import IngestionPlan
from kraken_core.domain.report import Report, SeriesReport
from kraken_core.domain.request import Request
from kraken_core.pipeline.run import JobResult

TAGS = {"p", "b", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}
EVIL = '<img src=x onerror="alert(1)">&'
BTC = Pair("BTC", "USD")
REPORT = Report(
    1_700_000_000,
    (
        SeriesReport(Series(BTC, 60), "TIER1", 0, 1, Completeness(12_345, 12_000, 10_000), "asked <b>nobody</b>"),
        SeriesReport(Series(BTC, 1440), "TIER1", 0, 1, Completeness(10, 10, 10)),
    ),
    (),
)
JOB = IngestionJob(
    7,
    JobStatus.FAILED,
    Request(pairs=(Pair("<B>", "USD"),)),
    1_700_000_000,
    datetime(2024, 1, 1, tzinfo=UTC),
    error=EVIL,
    metrics=JobMetrics(total_files=4, files_ingested=2, files_failed=1, records_ingested=12_345),
)


class Read(HTMLParser):
    """The tags of a piece of HTML, which must all be closed, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert all(name == "style" for name, _ in attrs)
        self.tags.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@given(st.text(min_size=1), st.text(min_size=1))
def test_whatever_is_put_into_a_table_is_text(name: str, value: str) -> None:
    for html in (facts(name, {name: value}, [value]), grid([name], [[value, value]])):
        assert Read(html).tags <= TAGS


def test_a_job_shows_its_state_and_what_it_did() -> None:
    read = Read(JOB._repr_html_())
    assert read.tags <= TAGS
    assert {"Job 7", "FAILED, 75 %", "<B>/USD", "2 read, 0 skipped, 1 failed", "12,345 new, 0 changed", EVIL} <= {
        *read.text
    }
    assert "error" not in Read(replace(JOB, error=None)._repr_html_()).text


def test_a_report_shows_each_interval_and_the_least_complete_series() -> None:
    read = Read(REPORT._repr_html_())
    assert read.tags <= TAGS
    assert {"1h", "97.21 %", "345", "2,000", "1d", "100 %", "BTC/USD 1h", "asked <b>nobody</b>"} <= {*read.text}
    assert "BTC/USD 1d" not in read.text
    assert read.text[0] == REPORT.answer.text
    assert Read(Report(0, (), ())._repr_html_()).text == ["Nothing is expected yet, so nothing can be complete."]


def test_a_result_shows_its_job_and_its_report() -> None:
    assert JobResult(JOB, REPORT, None)._repr_html_() == JOB._repr_html_() + REPORT._repr_html_()


def test_a_plan_shows_what_it_reads_and_what_is_to_be_known() -> None:
    plan = IngestionPlan(Request(), 0, (), (), (), 0, 0, notes=(EVIL,), unreached={"kraken": "connection <refused>"})
    read = Read(plan._repr_html_())
    assert read.tags <= TAGS
    assert {EVIL, "the exchange was not reached: connection <refused>", "0 (0 B of text), 0 skipped"} <= {*read.text}
    assert "downloads" not in read.text


def test_a_workbench_shows_how_complete_its_home_is(full_home: Path) -> None:
    with Workbench.open(full_home) as workbench:
        read = Read(workbench._repr_html_())
        report = workbench.holdings.report(workbench.select())
    assert f"Workbench of {full_home.name}" in read.text
    assert repr(workbench) == f"<Workbench of {full_home.name}>"
    assert report.answer.text in read.text
    for counts in report.by_interval.values():
        assert {f"{counts.wanted:,}", f"{counts.missing:,}", f"{counts.silent:,}"} <= {*read.text}


def test_a_workbench_without_anything_says_so_and_makes_nothing(tmp_path: Path) -> None:
    with Workbench.open(tmp_path / "<b>") as workbench:
        assert Read(workbench._repr_html_()).text == ["Workbench of <b>", "stored", "nothing yet"]
    assert not (tmp_path / "<b>").exists()
