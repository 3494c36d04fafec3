from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from app.gaps.in_window import candles_inside
from app.gaps.quality import silence_rows
from app.gaps.source_differences import source
from app.gaps.table import by_hand
from app.shared.time_window import window_filters
from kraken_core import Workbench
from kraken_core.domain.audit import AuditedSpan, AuditVerdict
from kraken_core.domain.gaps import OPEN, GapRecord, GapStatus, Route
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange
from kraken_core.domain.verification.silences import Silence
from kraken_core.pipeline.download_list import COLUMNS, write_download_list
from kraken_core.workbench.charts.downloadable import downloadable
from tests.app.conftest import Opened, figures, told

BTC = Pair("BTC", "USD")


def chart(shown: AppTest) -> dict[str, Any]:
    [found] = shown.get("plotly_chart")
    spec: dict[str, Any] = json.loads(found.proto.spec)
    return spec


def button(shown: AppTest, label: str) -> Any:
    return next(each for each in shown.button if each.label.startswith(label))


def test_an_empty_home_says_what_to_do(opened: Opened) -> None:
    page = opened("gaps")
    assert page.info[0].value == "Nothing is stored in this home yet."
    assert page.get("page_link")[0].proto.page == "ingest"


def test_a_selection_without_gaps_says_so(full: Path, opened: Opened) -> None:
    shown = opened("gaps", **{"from": "2024-03-28", "to": "2024-03-29"})
    assert "missing" in shown.success[0].value


def test_the_figures_are_those_of_the_gaps(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        gaps = workbench.gaps()
    told = figures(opened("gaps"))
    assert told["Gaps"] == f"{len(gaps):,}"
    assert told["Missing"] == f"{gaps['candles'].sum():,}"
    assert told["Not fillable"] == f"{(gaps['route'] == 'none').sum():,}"


def test_the_heatmap_has_pairs_or_tiers_as_rows(full: Path, opened: Opened) -> None:
    pairs, tiers = opened("gaps"), opened("gaps", rows="Tiers")
    assert set(chart(pairs)["layout"]["yaxis"]["ticktext"]) == {"BTC/EUR", "BTC/USD", "EUR/USD", "PEPE/USD", "UNI/USD"}
    assert set(chart(tiers)["layout"]["yaxis"]["ticktext"]) == {"TIER1", "TIER2", "TIER4", "no tier"}


def test_the_table_lists_gaps_with_route_reason_and_cost_the_largest_first(full: Path, opened: Opened) -> None:
    table = opened("gaps", pair="BTC/USD").dataframe[0].value
    assert list(table["Missing"]) == sorted(table["Missing"], reverse=True)
    assert {"Route", "Reason", "Requests", "Archive"} < set(table.columns)
    assert set(table["Pair"]) == {"BTC/USD"}


def test_filters_and_window_of_the_url_hold(full: Path, opened: Opened) -> None:
    shown = opened("gaps", pair="BTC/USD", interval="1h", start="2024-04-01T00:00", end="2024-04-01T12:00")
    assert figures(shown)["Gaps"] == "1"
    assert len(chart(shown)["data"][0]["x"]) == 12, "hours, so close"


def test_what_is_missing_in_a_window_ends_with_it_though_gaps_are_listed_whole(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        gaps = workbench.charts.gaps(workbench.select(pairs=["BTC/USD"], intervals=[60])).to_dicts()
    gap = max(gaps, key=lambda each: each["candles"])
    assert gap["candles"] > 3
    window = window_filters(TimeRange(gap["start"], gap["start"] + 3 * 3_600))
    shown = opened("gaps", pair="BTC/USD", interval="1h", **window)
    assert figures(shown)["Missing"] == "3"
    assert list(shown.dataframe[0].value["Missing"]) == [gap["candles"]]
    assert "1 gap of this window goes on outside of it: listed, and filled, whole." in {e.value for e in shown.caption}
    every = opened("gaps", pair="BTC/USD", interval="1h")
    assert not any("outside" in each.value for each in every.caption)


def test_what_archives_contain_of_a_window_ends_with_it() -> None:
    hours = {"pair": ["BTC/USD"], "interval_minutes": [60], "start": [0], "end": [36_000], "candles": [10]}
    found = candles_inside(pl.DataFrame(hours), TimeRange(7_200, 14_400))
    assert found["candles"].to_list() == [2]
    assert not candles_inside(pl.DataFrame(hours), TimeRange(36_000, 39_600)).height


def test_what_no_route_fills_is_not_offered_for_backfill(full: Path, opened: Opened) -> None:
    hour = {"pair": "BTC/USD", "interval": "1h"}
    assert "Preview backfill of all 2 fillable" in {each.label for each in opened("gaps", **hour).button}
    with Workbench.open(full) as workbench:
        lost, other = workbench.ledger.gaps([Series(BTC, 60)])
        stays = workbench.ledger.detections()[lost.series]
        unfillable = lost._replace(route=Route.NONE, status=GapStatus.UNFILLABLE)
        workbench.ledger.record_gaps({lost.series: stays}, [unfillable, other], [])
        shown = opened("gaps", **hour)
        assert not button(shown, "Preview backfill of all 1 fillable").disabled
        workbench.ledger.record_gaps({lost.series: stays}, [unfillable], [other])
    shown = opened("gaps", **hour)
    assert button(shown, "Preview backfill of all 0").disabled
    [link] = [each.proto.label for each in opened("candles", **hour).get("page_link") if "missing" in each.proto.label]
    assert link.startswith("See "), "nor is it elsewhere"


def test_of_a_gap_that_the_exchanges_candles_reach_into_only_those_are_fillable(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        gap, other = workbench.ledger.gaps([Series(BTC, 60)])
        stays = workbench.ledger.detections()[gap.series]
        reached = gap._replace(route=Route.OHLC, fillable=1, overflow=gap.candles - 1)
        workbench.ledger.record_gaps({gap.series: stays}, [reached, other], [])
        gaps = [each for each in workbench.ledger.gaps() if each.status in OPEN]
    reached_into = [each for each in gaps if each.route is Route.OHLC]
    partly = sum(each.fillable < each.candles for each in reached_into)
    slots = sum(each.fillable if each in reached_into else each.candles for each in gaps)
    assert gap.candles > 1
    assert figures(opened("gaps", pair="BTC/USD", interval="1h"))["Fillable gaps"] == "2, 1 partly"
    [said] = [told(each.value) for each in opened().markdown if "can be filled" in told(each.value)]
    assert said == f"{len(gaps)} gaps can be filled, {partly} of them in part: up to {slots:,} candles."


def test_where_no_archive_has_it_there_is_no_download_list(full: Path, opened: Opened) -> None:
    shown = opened("gaps")
    assert not shown.get("download_button")
    assert "No published archive is known" in " ".join(each.value for each in shown.caption)


def test_the_download_list_is_the_one_that_a_job_writes(tmp_path: Path) -> None:
    """Of a gap that no single archive holds, a row for each archive that holds a part of it."""
    january, june, as_of = 1_767_225_600, 1_780_272_000, 1_783_468_800  # of 2026; July 8
    whole = GapRecord(Series(BTC, 60), january, january + 7_200, 2, 0, 2, reason="old", csv_file="XBTUSD_60.csv")
    records = [
        whole._replace(archive="Q1.zip", status=GapStatus.UNFILLABLE),
        whole._replace(start=january - 86_400, end=june, candles=(june - january + 86_400) // 3_600),
        whole._replace(csv_file="", route=Route.DERIVE),
        whole._replace(route=Route.OHLC, reason="within the last 720 candles: 2 of 9"),  # the rest is in an archive
    ]
    path = write_download_list(tmp_path / "list.csv", records, as_of)
    assert path
    columns = [name for name in GapRecord._fields if name not in {"series", "id"}]
    gaps = pl.DataFrame(
        [
            {"gap_id": n, "pair": "BTC/USD", "interval_minutes": 60, **{name: getattr(gap, name) for name in columns}}
            for n, gap in enumerate(records)
        ],
        infer_schema_length=None,
    )
    listed = by_hand(downloadable(gaps, as_of))
    assert tuple(listed.columns) == COLUMNS
    assert listed["archive"].n_unique() > 1
    assert sorted(listed.write_csv().splitlines()) == sorted(path.read_text().splitlines())


def test_a_backfill_is_previewed_before_it_can_be_started(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        jobs = len(workbench.jobs())
    before = opened("gaps", pair="BTC/USD", interval="1h")
    assert not [each for each in before.button if each.label == "Start"]
    planned = button(before, "Preview backfill of all").click().run()
    assert planned.header[0].value == "Plan"
    assert [each for each in planned.button if each.label == "Start"]
    with Workbench.open(full) as workbench:
        assert len(workbench.jobs()) == jobs


def test_verify_runs_from_the_page_and_says_what_it_checked(full: Path, opened: Opened) -> None:
    shown = opened("gaps", tab="Quality", pair="BTC/USD")
    assert "was not verified yet" in " ".join(each.value for each in shown.caption)
    button(shown, "Verify").click().run(timeout=60)
    verified = opened("gaps", tab="Quality", pair="BTC/USD")  # in another session: it is kept
    with Workbench.open(full) as workbench:
        found = workbench.verify(pairs=["BTC/USD"])
    assert bool(verified.success) is found.ok
    table = verified.dataframe[0].value
    assert [name.split(maxsplit=1)[-1] for name in table["Check"]] == [check.name for check in found.checks]
    assert all(table["Rule"]), "each is explained"
    assert list(table["Outcome"]) == [check.outcome for check in found.checks]
    ids = table[table["Check"].str.endswith("trade ids")].to_dict("records")
    assert [(row["Check"], row["Outcome"], row["Checked"]) for row in ids] == [("– trade ids", "not checked", 0)]
    success = told(verified.success[0].value)
    assert "Not checked, as there was nothing to compare:" in success
    assert "trade ids" in success
    assert "Suspicious silences" in {each.value for each in verified.subheader}
    assert "verify again" not in " ".join(each.value for each in verified.info)
    with Workbench.open(full) as workbench:
        workbench.verify(pairs=["BTC/USD"], intervals=[60])
    later = opened("gaps", tab="Quality", pair="BTC/USD")
    history = next(each.value for each in later.dataframe if "Selection" in each.value)
    assert list(history["Selection"]) == ["BTC/USD; 1h", "BTC/USD", "BTC/USD"]
    [trend] = later.get("plotly_chart")
    assert [len(line["x"]) for line in json.loads(trend.proto.spec)["data"]] == [3, 3]
    assert list(table["Failed"]) == [check.failed for check in found.checks]


def test_audits_are_listed_with_what_they_prove_and_what_differs(
    full: Path, tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "audited"
    shutil.copytree(full, home)
    monkeypatch.setenv("KRAKEN_HOME", str(home))
    shown = opened("gaps", tab="Quality", pair="BTC/USD")
    assert "kraken-history audit" in " ".join(each.value for each in shown.caption)
    with Workbench.open(home) as wb:
        series = Series(BTC, 60)
        known = next(c for c in wb.ledger.coverage() if c.series == series)
        span = AuditedSpan(series, known.start, known.end, 1, 9, 0, 8, AuditVerdict.PROVED, audited_at=known.end)
        less = span._replace(start=known.start - 3600, end=known.start, stored=5, verdict=AuditVerdict.MORE)
        wb.ledger.record_audits(wb.jobs()[0].id, [span, less])
    shown = opened("gaps", tab="Quality", pair="BTC/USD")
    tables = [each.value for each in shown.dataframe]
    [audits] = [table for table in tables if "Last audit (UTC)" in table]
    [row] = audits.to_dict("records")
    assert (row["Pair"], row["Interval"], row["Audited"], row["More by ids"]) == ("BTC/USD", "1h", span.slots + 1, 1)
    [differing] = [table for table in tables if "Trades by ids" in table]
    assert list(differing["Trades stored"]) == [5]
    assert list(differing["Trades by ids"]) == [8]


def test_sources_that_differ_are_listed_with_the_one_in_force_and_by_how_much(
    home: Path, tmp_path: Path, opened: Opened
) -> None:
    days = {1_711_756_800: "10,12,9,11,5.0,100", 1_711_843_200: "11,20,10,19,8.0,200"}
    one, other = (tmp_path / name for name in ("Kraken_OHLCVT_Full_2024Q2", "Kraken_OHLCVT_2024Q1"))
    for folder, volume in ((one, "5.0"), (other, "4.9875")):
        folder.mkdir()
        rows = "".join(f"{time},{values.replace('5.0', volume)}\n" for time, values in days.items())
        (folder / "XBTUSD_1440.csv").write_text(rows)
    (one / "XRPUSD_1440.csv").write_text("1719705600,5,6,4,5,100.0,10\n")  # which bears out how new it is
    with Workbench.open(home) as wb:
        wanted = {"start_date": "2024-03-01", "as_of": "2024-07-02", "tier": "ALL", "api_backfill": False}
        wb.run(wb.plan(sources=[one, other], **wanted))
    shown = opened("gaps", tab="Quality")
    assert "Differences between sources" in {each.value for each in shown.subheader}
    [row] = next(each.value for each in shown.dataframe if "In force" in each.value).to_dict("records")
    assert (row["Pair"], row["Interval"], row["Candles"]) == ("BTC/USD", "1d", 1)
    assert (row["In force"], row["Differs"]) == (one.name, other.name)
    assert (round(row["Volume ≤"], 4), row["Price ≤"], row["Trades ≤"]) == (0.25, 0, 0)
    other_pair = opened("gaps", tab="Quality", pair="XRP/USD")
    assert not [each for each in other_pair.dataframe if "In force" in each.value]


@pytest.mark.parametrize(
    ("paths", "shown"),
    [
        (("/a/Kraken_1.zip", "/b/Kraken_2.zip"), ("Kraken_1.zip", "Kraken_2.zip")),
        (("/a/Kraken.zip", "/b/Kraken.zip"), ("/a/Kraken.zip", "/b/Kraken.zip")),
        (("/a/Kraken.zip", "/a/Kraken.zip"), ("Kraken.zip", "Kraken.zip")),
        (("/a/Kraken.zip", ""), ("Kraken.zip", "OHLC")),
        ((None, ""), ("OHLC", "OHLC")),
    ],
)
def test_two_sources_of_one_name_are_listed_by_their_paths(
    paths: tuple[str | None, str | None], shown: tuple[str, str]
) -> None:
    kinds = {"kept_source": ["OHLC"], "other_source": ["OHLC"]}
    frame = pl.DataFrame(
        {"kept_path": [paths[0]], "other_path": [paths[1]]}, {"kept_path": pl.String, "other_path": pl.String}
    )
    found = frame.with_columns(**{name: pl.Series(values) for name, values in kinds.items()})
    assert found.select(source("kept", "other").alias("kept"), source("other", "kept").alias("other")).row(0) == shown


def test_revisions_are_those_of_the_selection(full: Path, opened: Opened) -> None:
    with sqlite3.connect(full / "ledger.db") as ledger:
        ledger.execute(
            "update file_ingestion_record set records_changed = 3 where member like '%XBTUSD_60.csv' or member like "
            "'%EURUSD_1440.csv'"
        )

    def revised(**filters: str) -> list[tuple[str, str]]:
        tables = [each.value for each in opened("gaps", tab="Quality", **filters).dataframe]
        return [
            (row["Pair"], row["Interval"])
            for table in tables
            if "Candles changed" in table
            for row in table.to_dict("records")
        ]

    assert set(revised()) == {("BTC/USD", "1h"), ("EUR/USD", "1d")}
    assert set(revised(pair="BTC/USD")) == {("BTC/USD", "1h")}
    assert not revised(interval="5m")


def test_a_suspicious_silence_is_a_row_with_the_trades_that_did_not_come() -> None:
    start = 1_711_497_600  # 2024-03-27
    [row] = silence_rows([Silence(Series(Pair("BTC", "USD"), 60), start, start + 90_000, 412.3)])
    assert row == {
        "Pair": "BTC/USD",
        "Interval": "1h",
        "From (UTC)": "2024-03-27 00:00",
        "To (UTC)": "2024-03-28 01:00",
        "Lasting": "1 d 1 h",
        "Trades expected": 412,
    }


def test_known_silences_of_the_exchange_are_listed(full: Path, opened: Opened) -> None:
    shown = opened("gaps", tab="Quality")
    assert "2018-01-11 05:00 UTC" in list(shown.dataframe[-1].value["From"])
