"""What happens where two sources give a slot different values: it is counted, kept on record, and said everywhere."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import LedgerError
from kraken_core.domain.exchange import OhlcAnswer
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRange
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.pipeline.run import JobResult
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.release import DAY_S, Release
from tests.support.command_line import Kraken
from tests.support.little_market import BTC_USD, LittleMarket
from tests.support.pocket_exchange import PocketExchange, at_pocket

DAYS = Series(BTC_USD, 1440)
FINAL = {  # three days, each as the day's final row says
    1_711_756_800: "10,12,9,11,5.0,100",
    1_711_843_200: "11,20,10,19,8.0,200",
    1_711_929_600: "19,21,18,20,4.0,90",
}
LAST_DAY = 1_719_705_600  # of the second quarter


def written(folder: Path, rows: dict[int, str], name: str = "XBTUSD_1440.csv") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(f"{time},{values}\n" for time, values in rows.items()))
    return folder


@pytest.fixture
def full(tmp_path: Path) -> Path:
    folder = written(tmp_path / "Kraken_OHLCVT_Full_2024Q2", FINAL)
    return written(folder, {LAST_DAY: "5,6,4,5,100.0,10"}, "XRPUSD_1440.csv")  # which bears out how new it is


@pytest.fixture
def quarter(tmp_path: Path) -> Path:
    """The same days, of which one has 0.25 % less volume, one a trade more, and one is the same but for its noise."""
    first, second, third = FINAL
    rows = {
        first: "10,12,9,11,4.9875,100",
        second: "11,20,10,19,8.0,201",
        third: "19,21,18,20,4.000000001,90",
    }
    return written(tmp_path / "Kraken_OHLCVT_2024Q1", rows)


def said_of(kraken: Kraken, source: Path) -> tuple[dict[str, Any], str]:
    """The JSON of an ingest, and what it said."""
    said = kraken(
        *("ingest", "--csv-source-dir", source, "--tier", "ALL", "--start-date", "2024-03-01", "--no-api-backfill"),
        *("--as-of", "2024-07-02T00:00:00Z", "--yes", "--json"),
    )
    return said.json, said.err


@pytest.mark.parametrize("turned", [False, True], ids=["the newer one second", "the newer one first"])
def test_what_two_vintages_differ_in_is_counted_and_said_whichever_comes_first(
    kraken: Kraken, full: Path, quarter: Path, *, turned: bool
) -> None:
    first, second = (full, quarter) if turned else (quarter, full)
    alone, _ = said_of(kraken, first)
    both, said = said_of(kraken, second)

    assert (alone["records"]["changed"], alone["differences"]) == (0, [])
    assert both["records"]["changed"] == 2
    assert both["differences"] == [
        {
            "kept": full.name,
            "other": quarter.name,
            "series": 1,
            "slots": 2,
            "volume": pytest.approx(0.0025),
            "trades": pytest.approx(1 / 201),
            "price": 0.0,
        }
    ]
    line = f"2 slots of 1 series differ between {full.name} and {quarter.name}; {full.name} is in force"
    assert line in said
    assert line in kraken("jobs", both["job_id"]).out
    assert line in (kraken.home / "logs" / f"{both['job_id']}.log").read_text()
    assert held(kraken)["volume"].to_list() == [5.0, 8.0, 4.0]
    assert held(kraken)["trades"].to_list() == [100, 200, 90]


def held(kraken: Kraken, series: Series = DAYS) -> pl.DataFrame:
    with Workbench.open(kraken.home) as workbench:
        where = f"pair = '{series.pair}' and interval_minutes = {series.interval}"
        return workbench.sql(f"select * from candles where {where} order by time", to="polars")


def test_differences_are_in_the_report_in_verify_and_in_sql_and_make_nothing_fail(
    kraken: Kraken, full: Path, quarter: Path
) -> None:
    said_of(kraken, quarter)
    said_of(kraken, full)
    line = f"2 slots of 1 series differ between {full.name} and {quarter.name}; {full.name} is in force"

    assert line in " ".join(kraken("report").out.split())
    assert "Where sources differ" in page(kraken)
    check = next(check for check in kraken("verify", "--json").json["checks"] if check["name"] == "differences")
    assert (check["failed"], check["examples"][0].startswith(line)) == (0, True)
    [row] = kraken("sql", "select * from differences", "--json").json
    assert (row["pair"], row["interval_minutes"], row["slots"]) == ("BTC/USD", 1440, 2)
    assert (row["start_time"], row["end_time"]) == ("2024-03-30T00:00:00Z", "2024-04-01T00:00:00Z")
    assert (row["kept_path"], row["other_path"]) == (str(full), str(quarter))


def page(kraken: Kraken) -> str:
    target = kraken.home.parent / "report.html"
    kraken("report", "--html", target)
    return target.read_text()


def test_a_selection_shows_the_differences_of_its_own_series_only(kraken: Kraken, full: Path, quarter: Path) -> None:
    said_of(kraken, quarter)
    said_of(kraken, full)
    for words in (("--intervals", "60"), ("--start-date", "2024-04-01")):
        checks = kraken("verify", "--json", *words).json["checks"]
        assert [check["examples"] for check in checks if check["name"] == "differences"] == [[]]


def test_the_same_archives_again_differ_in_nothing_more(kraken: Kraken, full: Path, quarter: Path) -> None:
    said_of(kraken, full)
    said_of(kraken, quarter)
    moved = full.rename(full.with_name("Kraken_OHLCVT_Full_2024Q3"))
    again, _ = said_of(kraken, moved)
    assert (again["records"]["changed"], again["differences"]) == (0, [])


def test_a_derived_candle_never_replaces_a_differing_one_uncounted(kraken: Kraken, tmp_path: Path) -> None:
    """The day of 200 trades, and a newer archive whose half days count 100 (A 10)."""
    said_of(kraken, written(tmp_path / "a", FINAL))
    halves = {
        1_711_756_800: "10,11,9,10,2.0,40",
        1_711_800_000: "10,12,10,11,3.0,60",
        1_711_843_200: "11,13,10,12,3.0,80",
        1_711_886_400: "12,13,10,12,1.0,20",
    }
    newer = written(tmp_path / "Kraken_OHLCVT_Full_2024Q2", halves, "XBTUSD_720.csv")
    done, said = said_of(kraken, written(newer, {LAST_DAY: "5,6,4,5,100.0,10"}, "XRPUSD_1440.csv"))

    with Workbench.open(kraken.home) as workbench:
        derived = workbench.sql(
            "select count(*) from candles where source = 'derived' and interval_minutes = 1440", to="polars"
        )
    assert derived.item() == 2, "the case is not the one meant"
    assert done["records"]["changed"] == 1
    assert [(each["kept"], each["other"], each["slots"]) for each in done["differences"]] == [
        ("derived candles", "a", 1)
    ]
    assert "1 slot of 1 series differs between derived candles and a; derived candles are in force" in said


# ------------------------------------------------------------------------------------------------- answers of the API


class Correcting(PocketExchange):
    """Answers OHLC with the volumes of odd counts of trades multiplied, once it is told by how much."""

    factor = 1.0

    def ohlc(self, series: Series, as_of: int, young_s: int = 0, within: TimeRange | None = None) -> OhlcAnswer:
        answer = super().ohlc(series, as_of)
        self.last = answer.candles.with_columns(
            pl.when(pl.col("trades") % 2 == 1).then(pl.col("volume") * self.factor).otherwise("volume")
        )
        return answer._replace(candles=self.last)


def run(home: Path, exchange: PocketExchange, present: str, **request: Any) -> JobResult:
    """A job on the minutes of BTC/USD, of which OHLC answers the last 720, at a present of the exchange."""
    exchange.present = int(datetime.fromisoformat(f"2024-04-0{present}:00Z").timestamp())
    with at_pocket(home, exchange) as workbench:
        chosen = {"pairs": ["BTC/USD"], "intervals": [1], "start_date": "2024-04-04", "trades": False}
        plan = workbench.plan(**chosen, **request)
        workbench.create_home()
        return workbench.runner.run(workbench.runner.start(plan), plan)


def minutes(home: Path, before: str = "2024-04-05") -> pl.DataFrame:
    with Workbench.open(home) as workbench:
        where = f"pair = 'BTC/USD' and interval_minutes = 1 and time < '{before}'"
        return workbench.sql(f"select time, volume, trades from candles where {where} order by time", to="polars")


def test_of_two_answers_of_the_exchange_the_later_one_wins_and_the_correction_is_counted(
    little: LittleMarket, tmp_path: Path
) -> None:
    home, exchange = tmp_path / "home", Correcting(little.market)
    run(home, exchange, "5T00:00")
    before = minutes(home)
    exchange.factor = 2.0
    later = run(home, exchange, "5T02:00")

    again = minutes(home)
    said = again.join(exchange.last, on="time", suffix="_said")
    assert said.height > 100
    assert said["volume"].to_list() == said["volume_said"].to_list()
    corrected = (again["volume"] != before["volume"]).sum()
    assert corrected > 30, "the case is not the one meant"
    assert later.job.metrics.records_changed == corrected
    [found] = later.differences
    assert (found.slots, found.volume) == (corrected, 0.5)
    assert "differ between two of the exchange's OHLC answers; the later one is in force" in found.description
    with Workbench.open(home) as workbench:
        checks = {check.name: check for check in workbench.verify(report_only=True).checks}
    assert checks["differences"].examples == (found.description,)
    assert not checks["differences"].failed


def test_an_answer_that_only_repeats_changes_nothing(little: LittleMarket, tmp_path: Path) -> None:
    home, exchange = tmp_path / "home", Correcting(little.market)
    run(home, exchange, "5T00:00")
    later = run(home, exchange, "5T02:00")
    assert later.job.metrics.records_ingested > 0
    assert (later.job.metrics.records_changed, later.differences) == (0, ())


@pytest.fixture
def archive(little: LittleMarket, tmp_path: Path) -> Path:
    """Volumes that are not those that the exchange answers."""
    start = little.market.start
    release = Release("Kraken_Wrong.zip", start, start + 9 * DAY_S, manifest=True, volume_error=0.0025)
    return write_release(little.market, release, tmp_path / "archive")


def test_an_archive_that_disagrees_with_what_the_exchange_said_is_a_finding_in_either_order(
    little: LittleMarket, archive: Path, tmp_path: Path
) -> None:
    asked_first, asked_later = tmp_path / "asked first", tmp_path / "asked later"
    exchange = Correcting(little.market)
    run(asked_first, exchange, "5T02:00")
    brought = run(asked_first, exchange, "5T02:00", sources=[archive])
    run(asked_later, exchange, "5T00:00", sources=[archive])
    answered = run(asked_later, exchange, "5T02:00")

    assert minutes(asked_first).equals(minutes(asked_later))
    [one], [other] = brought.differences, answered.differences
    assert one == other
    assert (one.kept, one.other) == (archive.name, "the exchange's OHLC answers")
    assert one.slots == brought.job.metrics.records_changed == answered.job.metrics.records_changed > 100
    assert 0 < one.volume < 0.01
    assert (one.trades, one.price) == (0.0, 0.0)


def test_answers_that_disagree_with_an_archive_again_and_again_count_once(
    little: LittleMarket, archive: Path, tmp_path: Path
) -> None:
    home, exchange = tmp_path / "home", Correcting(little.market)
    run(home, exchange, "5T00:00", sources=[archive])
    first = run(home, exchange, "5T02:00")
    second = run(home, exchange, "5T04:00")

    assert first.job.metrics.records_changed > 100
    assert (second.job.metrics.records_changed, second.differences) == (0, ())
    assert second.report.differences == first.report.differences


# ------------------------------------------------------------------------------------------------------------ crashes


def test_a_crash_between_the_candles_and_the_ledger_leaves_the_difference_on_record_once(
    kraken: Kraken, full: Path, quarter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said_of(kraken, quarter)
    with monkeypatch.context() as crashing:
        crashing.setattr(SqlLedger, "record_files", crash)
        with pytest.raises(AssertionError, match="1 of"):
            said_of(kraken, full)
    assert held(kraken)["volume"].to_list() == [5.0, 8.0, 4.0], "the case is not the one meant"
    resumed, said = said_of(kraken, full)

    assert [(each["kept"], each["slots"]) for each in resumed["differences"]] == [(full.name, 2)]
    assert f"2 slots of 1 series differ between {full.name} and {quarter.name}" in said
    with Workbench.open(kraken.home) as workbench:
        assert sum(each.slots for each in workbench.ledger.differences()) == 2


def crash(*_: object) -> None:
    raise LedgerError("1 of the ledger's disks is on fire")
