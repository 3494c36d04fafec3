"""``kraken-history verify`` on whole homes: clean where all is well, and where it is not, the right check says so."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest

from kraken_core import Workbench
from kraken_core.domain.candles import Source, rank_of
from kraken_core.domain.interval_text import short
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.stores.delta.store import DeltaStore
from tests.support.candle_frames import Row, frame
from tests.support.candle_tables import files_of_table
from tests.support.command_line import Kraken, refused, tree
from tests.support.little_market import BTC_EUR, BTC_USD

KEYS = ["name", "series", "checked", "failed", "examples"]
CHECKS = [
    *("table", "unique", "aligned", "sane", "closed", "life", "covered", "agreement", "silences", "vintages"),
    *("counts", "differences", "suspicious", "exchange", "trade ids"),
    *("outliers", "quotes", "extremes", "volumes", "stuck", "decimal shifts", "redenominations"),
]
HOURS = Series(BTC_USD, 60)
DAYS = Series(BTC_USD, 1440)


def verified(kraken: Kraken, *words: object, code: int = 0) -> dict[str, dict[str, Any]]:
    """The checks by name."""
    document = kraken("verify", "--json", *words, code=code).json
    assert document["ok"] is (code == 0)
    return {check["name"]: check for check in document["checks"]}


def failing(kraken: Kraken, *words: object) -> set[str]:
    return {name for name, check in verified(kraken, *words, code=1).items() if check["failed"]}


def test_what_was_ingested_is_in_order(full: Kraken) -> None:
    checks = verified(full)
    assert list(checks) == CHECKS
    assert all(list(check) == KEYS and check["failed"] == 0 for check in checks.values())
    assert checks["unique"]["series"] == 40
    assert checks["agreement"]["series"] == 35  # all but the minutes
    assert all(checks[name]["checked"] > 1000 for name in ("sane", "agreement", "silences", "suspicious"))


def test_on_a_terminal_a_table_of_checks_is_shown(full: Kraken) -> None:
    said = full("verify").out
    assert all(name in said for name in CHECKS)


def test_only_the_selection_is_looked_at(full: Kraken) -> None:
    checks = verified(full, "--pairs", "BTC/USD", "--intervals", "60,1440", "--end-date", "2024-03-28")
    assert (checks["unique"]["series"], checks["unique"]["checked"]) == (2, 2 * 24 + 2)
    assert (checks["agreement"]["series"], checks["agreement"]["checked"]) == (1, 2)


def test_files_without_the_selection_are_not_checked_and_the_verdict_says_so(full: Kraken) -> None:
    of_minutes = [path for path in files_of_table(full.home / "candles") if "interval_minutes=1/" in path]
    for path in of_minutes:
        file = full.home / "candles" / path
        content = bytearray(file.read_bytes())
        content[8] ^= 1
        file.write_bytes(content)
    document = full("verify", "--json", "--intervals", "1h").json
    assert document["ok"]
    assert document["files"]["left"] >= len(of_minutes) >= 1
    said = full("verify", "--intervals", "1h").out
    assert said.rstrip().endswith("of the table without any candle of the selection. All: kraken-history verify.")
    assert failing(full) == {"table"}
    assert full("verify", "--json", code=1).json["files"]["left"] == 0


def test_looking_changes_nothing(full: Kraken) -> None:
    before = tree(full.home / "candles"), full.state()
    verified(full)
    assert (tree(full.home / "candles"), full.state()) == before


def test_a_home_that_does_not_exist_holds_nothing_wrong_and_is_not_made(kraken: Kraken) -> None:
    assert all(check["failed"] == 0 for check in verified(kraken).values())
    assert not kraken.home.exists()


def test_wrong_use_is_refused(kraken: Kraken) -> None:
    assert "FOOBAR" in refused(kraken("verify", "--pairs", "FOOBAR", code=2))


def put(kraken: Kraken, *rows: Row) -> None:
    """Slip candles into the table behind the ledger's back."""
    with Workbench.open(kraken.home) as workbench:
        workbench.store.commit([workbench.store.stage(frame(rows))])


def slot(series: Series, time: str) -> int:
    with Workbench.open() as workbench:
        return int(workbench.sql(f"select epoch(timestamptz '{time}')::bigint", to="polars").item()) // series.width


@pytest.mark.parametrize("interval", [1, 1440])
def test_a_candle_the_ledger_knows_nothing_of_is_found(full: Kraken, interval: int) -> None:
    series = Series(BTC_EUR, interval)
    put(full, Row(series, slot(series, "2024-04-02"), rank=rank_of(Source.CSV)))
    checks = verified(full, code=1)
    assert (checks["covered"]["failed"], checks["covered"]["examples"]) == (
        1,
        [f"BTC/EUR {short(interval)} at 2024-04-02T00:00:00Z"],
    )
    assert failing(full) == {"covered"}


def test_a_candle_in_a_silent_slot_is_found_by_its_count_and_by_its_neighbours(full: Kraken) -> None:
    minutes = Series(BTC_USD, 1)
    with Workbench.open(full.home) as workbench:
        day = TimeRanges.single(*(number * 86_400 for number in (19_810, 19_811)))  # 2024-03-28
        opens = set(workbench.store.candles({minutes: day})["time"].dt.epoch("s"))
    silent = min(set(range(*day.hull, 60)) - opens) // 60
    put(full, Row(minutes, silent, value=68_000.0, rank=rank_of(Source.CSV)))
    assert failing(full) == {"counts", "agreement"}  # the five minutes around it traded less


def test_a_value_that_was_altered_is_found(full: Kraken) -> None:
    number = slot(HOURS, "2024-03-29T12:00:00Z")
    with Workbench.open(full.home) as workbench:
        here = TimeRanges.single(number * 3600, (number + 1) * 3600)
        candle = workbench.store.candles({HOURS: here})
        altered = candle.with_columns(candle["high"] * 2, candle["rank"] + (1 << 44))
        workbench.store.commit([workbench.store.stage(altered)])
    checks = verified(full, code=1)
    assert failing(full) == {"agreement"}
    assert "BTC/USD 1h at 2024-03-29T12:00:00Z has other values than its 30m candles" in checks["agreement"]["examples"]
    assert checks["agreement"]["failed"] == 2  # with its finer ones, and the coarser with it


def test_a_damaged_table_is_told_and_not_looked_into(full: Kraken) -> None:
    path = min(files_of_table(full.home / "candles"))
    (full.home / "candles" / path).write_bytes(b"PAR1")
    checks = verified(full, code=1)
    assert list(checks) == ["table"]
    assert checks["table"]["failed"] == 1
    assert checks["table"]["examples"][0].startswith(path)


def test_verifying_a_pair_reads_the_claims_and_candles_of_that_pair_alone(full: Kraken) -> None:
    with (
        Workbench.open(full.home) as workbench,
        patch.object(SqlLedger, "assertions", autospec=True, side_effect=SqlLedger.assertions) as claims,
        patch.object(DeltaStore, "candles", autospec=True, side_effect=DeltaStore.candles) as candles,
    ):
        assert workbench.verify(pairs=["PEPE/USD"], report_only=True).checks
    pepe = {Pair("PEPE", "USD")}
    assert [set(call.args[1]) for call in claims.call_args_list] == [pepe]
    assert {series.pair for call in candles.call_args_list for series in call.args[1]} == pepe
