"""Metrics as Prometheus reads them, from the server and from a file, and a dashboard that asks for nothing else."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families as parsed
from starlette.testclient import TestClient

from kraken_core import Workbench
from kraken_core.domain.errors import StoreError, UsageError
from kraken_core.domain.metrics import CONTENT_TYPE, Metric, MetricKind, Sample, exposition
from kraken_core.workbench.monitoring.metrics_file import MetricsFile
from tests.support.command_line import ROOT

DASHBOARD = ROOT / "docs" / "grafana" / "kraken-history.json"
QUERY = re.compile(r"kraken_history_\w+")
FUNCTIONS = {"min", "max", "sum", "rate", "time", "by", "label_values"}


def values(text: str) -> dict[tuple[str, str], float]:
    """Each sample by its name, and by the value of its only label."""
    found = {}
    for family in parsed(text):
        assert family.documentation
        for sample in family.samples:
            found[sample.name, "".join(sample.labels.values())] = sample.value
    return found


@pytest.fixture(scope="module")
def text(client: TestClient) -> str:
    answer = client.get("/metrics")
    assert answer.headers["content-type"] == CONTENT_TYPE
    return answer.text


def test_the_figures_are_those_of_the_report(text: str, reader: Workbench) -> None:
    found = values(text)
    report = reader.holdings.report(reader.select())
    for interval, name in ((1, "1m"), (60, "1h"), (1440, "1d")):
        counts = report.by_interval[interval]
        assert found["kraken_history_completeness_ratio", name] == counts.completeness
        assert found["kraken_history_missing_candles", name] == counts.missing > 0
        assert found["kraken_history_gaps_open", name] == sum(gap.series.interval == interval for gap in report.gaps)
    assert found["kraken_history_detection_timestamp_seconds", ""] == report.as_of
    [job] = reader.jobs()
    assert job.finished_at is not None
    assert found["kraken_history_last_completed_job_timestamp_seconds", ""] == job.finished_at.timestamp()
    assert found["kraken_history_last_job_status", "COMPLETED"] == 1
    assert found["kraken_history_last_job_status", "FAILED"] == 0
    assert found["kraken_history_api_requests_total", ""] == 0
    ages = reader.holdings.ages(reader.select(), int(found["kraken_history_metrics_timestamp_seconds", ""]))
    assert found["kraken_history_oldest_series_age_seconds", ""] == max(ages.values())


def test_of_a_home_without_anything_nothing_is_claimed(tmp_path: Path) -> None:
    with Workbench.open(tmp_path / "none") as workbench:
        found = values(exposition(workbench.metrics()))
    assert {name for name, _ in found} == {
        *("kraken_history_jobs_total", "kraken_history_api_requests_total", "kraken_history_api_retries_total"),
        "kraken_history_metrics_timestamp_seconds",
    }


@given(st.dictionaries(st.from_regex("[a-z]+", fullmatch=True), st.text(), max_size=3), st.floats(allow_nan=False))
def test_whatever_is_in_labels_is_read_as_it_was(labels: dict[str, str], value: float) -> None:
    metric = Metric("things_total", MetricKind.COUNTER, "a backslash \\ and\na line", [Sample(value, labels)])
    [family] = parsed(exposition([metric]))
    [sample] = family.samples
    assert (sample.name, sample.labels, sample.value) == ("things_total", labels, value)
    assert family.documentation == "a backslash \\ and\na line"


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return found


def expressions() -> list[str]:
    document = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in document["panels"] for target in panel["targets"]]
    return asked + [each["query"] for each in document["templating"]["list"] if each["type"] == "query"]


def test_the_dashboard_asks_for_metrics_that_there_are(reader: Workbench) -> None:
    metrics = {metric.name for metric in reader.metrics()}
    named = {name for expression in expressions() for name in QUERY.findall(expression)}
    assert named <= metrics
    assert metrics <= named, "and shows each of them"


def test_the_dashboard_asks_by_labels_that_there_are(reader: Workbench) -> None:
    labels = {
        metric.name: {label for sample in metric.samples for label in sample.labels} for metric in reader.metrics()
    }
    for panel in panels():
        for target in panel["targets"]:
            known = {"instance"}.union(*(labels[name] for name in QUERY.findall(target["expr"])))
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            grouped = {label for group in re.findall(r"by \((\w+)\)", target["expr"]) for label in group.split(",")}
            assert shown | grouped <= known, target


def test_its_queries_are_made_of_functions_that_prometheus_has() -> None:
    for expression in expressions():
        bare = re.sub(r'\{instance=~"\$instance"\}|\[\$__rate_interval\]', "", expression)
        words = set(re.findall(r"[a-z_]+", bare)) - {"instance", "interval"}
        assert {word for word in words if not word.startswith("kraken_history_")} <= FUNCTIONS, expression
        assert bare.count("(") == bare.count(")")


def test_every_panel_has_a_place_of_its_own() -> None:
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels())
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_the_file_is_whole_and_readable_by_others_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        MetricsFile(tmp_path / "kraken.prom", lambda: [Metric("a", MetricKind.GAUGE, "b", [Sample(1)])]).begin()
    finally:
        os.umask(before)
    [written] = tmp_path.iterdir()
    assert written.read_text(encoding="utf-8") == "# HELP a b\n# TYPE a gauge\na 1.0\n"
    assert stat.S_IMODE(written.stat().st_mode) == 0o644, "the collector is another user"


def test_a_file_that_cannot_be_written_is_refused_at_the_start_and_later_only_said(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    file = MetricsFile(folder / "kraken.prom", list)
    with pytest.raises(UsageError, match="Choose another --metrics-file"):
        file.begin()
    assert "could not be written: No such file or directory" in file.update()
    folder.mkdir()
    assert file.update() == ""


def test_while_nothing_can_be_read_the_file_stays_as_it_is(tmp_path: Path) -> None:
    file = MetricsFile(tmp_path / "kraken.prom", lambda: [Metric("a", MetricKind.GAUGE, "b", [Sample(1)])])
    file.begin()

    def failing() -> list[Metric]:
        raise StoreError("the disk is not mounted.")

    assert "was not written: the disk is not mounted" in MetricsFile(file.path, failing).update()
    assert "a 1.0" in file.path.read_text(encoding="utf-8")
