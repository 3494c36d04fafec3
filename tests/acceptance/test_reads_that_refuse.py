"""Reads that refuse what is not complete, and say what is missing as data; and what is known slot by slot."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import IncompleteError, IncompleteRange, StoreError, UsageError
from kraken_core.pipeline.detect import GapRecorder
from tests.support.command_line import Kraken, refused
from tests.support.little_market import FIRST_HOLE, PRESENT, LittleMarket

HOLE = tuple(int(pd.Timestamp(each).timestamp()) for each in FIRST_HOLE)
WITHIN = ("2024-03-31", "2024-04-05")  # the hole lies in there
WHOLE = ("2024-03-28", "2024-03-31")
CALL = "select count(*) n from complete_candles('BTC/USD', 60, '{}', '{}')"


@pytest.fixture
def bench(full_home: Path) -> Iterator[Workbench]:
    with Workbench.open(full_home) as opened:
        yield opened


READS: dict[str, Callable[[Workbench, Path], object]] = {
    "candles": lambda bench, _: bench.candles("BTC/USD", 60, *WITHIN, require_complete=True),
    "sql": lambda bench, _: bench.sql(CALL.format(*WITHIN)),
    "export": lambda bench, out: bench.export(
        out,
        bench.select(pairs=["BTC/USD"], intervals=[60], start_date=WITHIN[0], end_date="2024-04-04"),
        require_complete=True,
    ),
    "freqtrade": lambda bench, out: bench.export(
        out,
        bench.select(pairs=["BTC/USD"], intervals=[60], start_date=WITHIN[0], end_date="2024-04-04"),
        kind="feather",
        require_complete=True,
    ),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
def test_what_is_missing_is_data_on_the_error(
    bench: Workbench, tmp_path: Path, read: Callable[[Workbench, Path], object]
) -> None:
    with pytest.raises(IncompleteError, match="BTC/USD") as refusal:
        read(bench, tmp_path / "out")
    [gap] = refusal.value.gaps
    assert gap[:5] == ("BTC/USD", 60, *HOLE, "missing")
    assert "kraken-history" in gap.fill
    assert not (tmp_path / "out").exists()


def test_weak_evidence_is_data_on_the_error(bench: Workbench) -> None:
    with pytest.raises(IncompleteError, match="not proved") as refusal:
        bench.candles("BTC/USD", 60, *WHOLE, evidence="proved")
    assert [gap.why for gap in refusal.value.gaps] == ["not proved"]
    with pytest.raises(IncompleteError) as other:
        bench.sql("from complete_candles('BTC/USD', 60, '2024-03-28', '2024-03-31', evidence := 'proved')")
    assert other.value.gaps == refusal.value.gaps


def test_a_pair_that_is_not_stored_is_missing_whole(bench: Workbench) -> None:
    with pytest.raises(IncompleteError, match="nothing is stored of SOL/USD") as refusal:
        bench.candles("SOL/USD", 60, *WHOLE, require_complete=True)
    [gap] = refusal.value.gaps
    assert gap.end - gap.start == 3 * 86_400


def test_a_copy_of_the_error_keeps_its_gaps() -> None:
    gaps = [IncompleteRange("BTC/USD", 60, 0, 3600, "missing", "get it")]
    known = copy.deepcopy(IncompleteError("not complete", gaps))
    assert (str(known), known.gaps) == ("not complete", tuple(gaps))


def test_days_that_no_job_was_ever_for_are_missing_too(full: Kraken, tmp_path: Path) -> None:
    """The pair was listed before the first of them."""
    with sqlite3.connect(full.home / "ledger.db") as ledger:
        ledger.execute("update pair_life set start = start - 10 * 86400, assumed = 0")
    chosen: dict[str, Any] = {"pairs": ["BTC/USD"], "intervals": [60], "end_date": "2024-03-30"}
    with Workbench.open(full.home) as bench:
        bench.export(tmp_path / "wanted", bench.select(**chosen), require_complete=True)
        with pytest.raises(IncompleteError) as refusal:
            bench.export(tmp_path / "out", bench.select(**chosen, start_date="2024-03-20"), require_complete=True)
    [gap] = refusal.value.gaps
    assert (pd.Timestamp(gap.start, unit="s"), gap.why) == (pd.Timestamp("2024-03-20"), "missing")


def test_a_range_without_an_end_is_checked_to_the_last_candle_though_a_job_ended_before_it_detected_gaps(
    kraken: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = ("--pairs", "BTC/USD", "--intervals", "60")
    kraken.ingest(little.first, *only, "--as-of", "2024-03-31T00:00:00Z")
    with Workbench.open(kraken.home) as bench:
        bench.candles("BTC/USD", 60, require_complete=True)
    failing = partial(refuse, "no gap was detected")
    monkeypatch.setattr(GapRecorder, "run", failing)
    kraken.ingest(little.second, *only, code=1)
    with Workbench.open(kraken.home) as bench:
        assert str(bench.candles("BTC/USD", 60).index[-1]) > FIRST_HOLE[1]
        with pytest.raises(IncompleteError):
            bench.candles("BTC/USD", 60, require_complete=True)
        with pytest.raises(IncompleteError):
            bench.scan(["BTC/USD"], 60, require_complete=True)


def refuse(why: str, *_: object) -> NoReturn:
    raise StoreError(why)


# -------------------------------------------------------------------------------------------------------------- SQL


def test_complete_candles_are_those_of_the_range(bench: Workbench) -> None:
    """By any name of the pair, once or more in a query, beside other views."""
    plain = bench.sql(
        "select * from candles where pair = 'BTC/USD' and interval_minutes = 60 and time >= '2024-03-28' "
        "and time < '2024-03-31' order by time"
    )
    call = "complete_candles('XBTUSD', 60, '2024-03-28', '2024-03-31T00:00:00Z', evidence := 'claimed')"
    assert bench.sql(f"select * from {call} order by time").equals(plain)
    joined = bench.sql(f"with h as (from {call}) select count(*) n from h join {call} o using (time), jobs")
    assert joined["n"][0] == len(plain)


def test_a_range_is_refused_wherever_it_is_in_the_query(bench: Workbench) -> None:
    """Though no row of it would be read."""
    call = CALL.format(*WITHIN)
    for query in (f"select 1 where exists ({call})", f"{call} where false", f"select 1 union all ({call})"):
        with pytest.raises(IncompleteError):
            bench.sql(query)


@pytest.mark.parametrize(
    "query",
    [
        "from complete_candles('BTC/USD', 60, '2024-03-28')",
        "from complete_candles('BTC/USD', 60, '2024-03-28', current_date)",
        "from pairs p, complete_candles(p.pair, 60, '2024-03-28', '2024-03-31')",
        "from complete_candles",
        "from complete_candles('BTC/USD', 7, '2024-03-28', '2024-03-31')",
        "from complete_candles('BTC/USD', 60, 'soon', '2024-03-31')",
        "from complete_candles('BTC/USD', 60, '2024-03-28', '2024-03-31', evidence := 'good')",
        "from complete_candles('BTC/USD', 60, '2024-03-28', '2024-03-31', proof := 'claimed')",
        "from query('from complete_candles(''BTC/USD'', 60, ''2024-04-01'', ''2024-04-02'')')",
        "explain from complete_candles('BTC/USD', 60, '2024-03-28', '2024-03-31')",
    ],
)
def test_a_call_that_cannot_be_checked_is_refused(bench: Workbench, query: str) -> None:
    with pytest.raises(UsageError):
        bench.sql(query)


def test_a_query_on_the_command_line_is_refused_in_one_line_with_exit_4(full: Kraken) -> None:
    assert "is not complete" in refused(full("sql", CALL.format(*WITHIN), code=4))
    assert full("sql", CALL.format(*WHOLE), "--json").json[0]["n"] > 0


# ----------------------------------------------------------------------------------------------------------- report


def test_a_page_is_not_written_where_anything_is_missing(full: Kraken, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    words = ("report", "--pairs", "BTC/USD", "--intervals", "60", "--html", page, "--require-complete")
    assert "less complete than 100 %" in refused(full(*words, code=4))
    assert not page.exists()
    full(*words, "--start-date", WHOLE[0], "--end-date", "2024-03-30")
    assert page.exists()


def test_a_page_is_not_written_on_weak_evidence(full: Kraken, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    words = ("--start-date", WHOLE[0], "--end-date", "2024-03-30", "--html", page, "--require-complete")
    line = refused(full("report", "--pairs", "BTC/USD", *words, "--evidence", "proved", code=4))
    assert "on evidence that is proved" in line
    assert not page.exists()


# ---------------------------------------------------------------------------------------------------- slot by slot


def test_slots_join_with_candles(bench: Workbench) -> None:
    slots = bench.coverage_of("BTC/USD", "1h", *WITHIN)
    assert list(slots.columns) == ["state", "grade"]
    candles = bench.candles("BTC/USD", 60, *WITHIN)
    joined = slots.join(candles)
    assert joined.index.equals(pd.date_range(*WITHIN, freq="1h", inclusive="left", tz="UTC", name="time", unit="us"))
    assert joined["close"].notna().equals(joined["state"] == "present")
    assert len(candles) == (slots["state"] == "present").sum()


def test_slots_say_what_is_known_of_them(bench: Workbench) -> None:
    slots = bench.coverage_of("BTC/USD", 60, *WITHIN)
    missing = slots[slots["state"] == "missing"]
    assert (missing.index[0], missing.index[-1]) == (
        pd.Timestamp(FIRST_HOLE[0]),
        pd.Timestamp(FIRST_HOLE[1]) - pd.Timedelta("1h"),
    )
    assert missing["grade"].isna().all()
    assert slots[slots["state"] == "present"]["grade"].isin(["proved", "confirmed", "claimed", "doubtful"]).all()
    minutes = bench.coverage_of("PEPE/USD", 1, *WHOLE)
    assert (minutes["state"] == "no trades").any()


def test_slots_add_up_to_the_report(bench: Workbench) -> None:
    report = bench.completeness(pairs=["BTC/USD"]).set_index("interval")
    for interval in report.index:
        line = report.loc[interval]
        counts = bench.coverage_of("BTC/USD", int(interval), line["start"], line["end"])["state"].value_counts()
        found = [counts.get(name, 0) for name in ("present", "no trades", "missing")]
        assert found == [line["present"], line["silent"], line["missing"]], interval


def test_slots_before_the_listing_are_outside(bench: Workbench) -> None:
    slots = bench.coverage_of("BTC/USD", 1440, "2020-01-01", "2020-02-01")
    assert list(slots["state"].unique()) == ["outside"]
    assert len(slots) == 31


def test_slots_reach_from_the_listing_to_the_last_detection(bench: Workbench) -> None:
    slots = bench.coverage_of("BTC/USD", 60)
    assert slots["state"].iloc[0] != "outside"
    assert slots.index[-1] == pd.Timestamp(PRESENT) - pd.Timedelta("1h")


def test_slots_of_a_pair_that_is_not_stored_are_missing(bench: Workbench) -> None:
    assert list(bench.coverage_of("SOL/USD", 1440, *WHOLE)["state"]) == ["missing"] * 3
    assert bench.coverage_of("SOL/USD", 1440).empty


def test_slots_of_an_interval_that_archives_lack_are_refused(bench: Workbench) -> None:
    with pytest.raises(UsageError, match="not an interval of the archives"):
        bench.coverage_of("BTC/USD", "2h")
