"""Archives whose name or manifest states what their rows do not bear out: what is absent there is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kraken_core import Workbench
from tests.support.archive_texts import DAY, HOUR, candles, folder, slots, zipped
from tests.support.command_line import Kraken

WINDOW = ("--start-date", "2025-01-01", "--as-of", "2026-02-01T00:00:00Z")
BUSY = {
    "XBTUSD_60.csv": candles(slots("2025-10-01", "2025-11-10")),
    "XBTUSD_1440.csv": candles(slots("2025-10-01", "2025-11-10", DAY)),
}
QUIET = {"UNIUSD_60.csv": candles(slots("2025-10-01", "2025-10-20", 5 * HOUR))}


def covered_until(kraken: Kraken, pair: str, interval: int) -> str:
    *_, last = kraken.rows("coverage", "--pairs", pair, "--intervals", interval)
    return str(last["end"])


def missing(kraken: Kraken, pair: str, interval: int) -> int:
    [line] = kraken.rows("report", "--pairs", pair, "--intervals", interval)
    return int(line["missing"])


@pytest.mark.parametrize("write", [folder, zipped])
def test_a_quarter_whose_rows_end_on_9_november_in_every_member_leaves_the_rest_missing(
    kraken: Kraken, tmp_path: Path, write: Any
) -> None:
    place = write(tmp_path / f"Kraken_Q4_2025{'.zip' if write is zipped else ''}", BUSY | QUIET)
    done = kraken.ingest(place, *WINDOW, "--intervals", "1h")
    [note] = done["notes"]
    assert "it states 2025-10-01 to 2026-01-01, but its rows go from 2025-10-01" in note
    assert "to 2025-11-10T00:00:00Z only" in note
    assert covered_until(kraken, "BTC/USD", 60) <= "2025-11-10T00:00:00Z"
    assert covered_until(kraken, "UNI/USD", 60) <= "2025-10-20T00:00:00Z"
    assert missing(kraken, "BTC/USD", 60) >= 83 * 24
    assert note in kraken("ingest", "--csv-source-dir", place, "--tier", "ALL", "--no-api-backfill", "--dry-run").out
    assert note in (kraken.home / "logs" / "1.log").read_text()


def test_of_an_archive_that_bears_out_its_statement_the_quiet_pairs_are_known_to_its_end(
    kraken: Kraken, tmp_path: Path
) -> None:
    """Also where only they are asked for: the statement is the archive's, and another file of it reaches the end."""
    whole = QUIET | {"XBTUSD_60.csv": candles(slots("2025-10-01", "2026-01-01"))}
    done = kraken.ingest(folder(tmp_path / "Kraken_Q4_2025", whole), *WINDOW, "--pairs", "UNI/USD", "--intervals", "1h")
    assert done["notes"] == []
    assert covered_until(kraken, "UNI/USD", 60) >= "2025-12-31T23:00:00Z"


@pytest.mark.parametrize(
    ("name", "quarters"),
    [
        ("Kraken_OHLCVT_Q1-Q3_2025", ("2025-01-01", "2025-10-01")),
        ("Kraken_2013_to_Q3_2025", ("2024-12-30", "2025-10-01")),
    ],
)
def test_a_range_of_quarters_in_a_name_is_covered_from_its_start_to_its_end(
    kraken: Kraken, tmp_path: Path, name: str, quarters: tuple[str, str]
) -> None:
    files = {
        "XBTUSD_60.csv": candles(slots(*quarters)),
        "UNIUSD_60.csv": candles(slots("2025-02-01", "2025-08-01", 5 * HOUR)),
    }
    kraken.ingest(folder(tmp_path / name, files), *WINDOW)
    found = kraken.rows("coverage", "--pairs", "UNI/USD", "--intervals", 60)
    assert found[0]["start"] <= "2025-02-01T00:00:00Z"
    assert found[-1]["end"] >= "2025-09-30T23:00:00Z"


def test_rows_outside_what_the_name_states_void_the_statement(kraken: Kraken, tmp_path: Path) -> None:
    """A quarter that is called like the next one: its quiet pairs were not silent in the next one."""
    files = {
        "XBTUSD_60.csv": candles(slots("2025-07-01", "2025-10-01")),
        "UNIUSD_60.csv": candles(slots("2025-07-03", "2025-09-01")),
    }
    done = kraken.ingest(folder(tmp_path / "Kraken_OHLCVT_Q4_2025", files), *WINDOW)
    assert "has rows from 2025-07-01" in done["notes"][0]
    assert covered_until(kraken, "UNI/USD", 60) <= "2025-09-01T00:00:00Z"


SPARSE = candles(
    slots("2025-10-01", "2025-12-29", 97 * HOUR)
)  # 7 trades in four days; the last ones 3 days before the end
HALF = BUSY["XBTUSD_60.csv"]


def stating(rows: int, **files: bytes) -> dict[str, bytes]:
    """Files beside a manifest that lists so many rows."""
    listed = {
        "product": "ohlcvt",
        "schema_version": 1,
        "coverage": {"start": "2025-10-01", "end": "2025-12-31"},
        "files": len(files),
        "rows": rows,
    }
    texts = {f"{name}.csv": text for name, text in files.items()}
    return {"MANIFEST.json": json.dumps(listed).encode(), **texts}


@pytest.mark.parametrize("write", [folder, zipped])
@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("Kraken_OHLCVT_2025Q4", stating(SPARSE.count(b"\n"), XBTUSD_60=SPARSE)),
        ("Kraken_OHLCVT_2025Q4", {"XBTUSD_60.csv": SPARSE}),
        ("mine", stating(HALF.count(b"\n"), XBTUSD_60=HALF)),
    ],
)
def test_where_all_rows_are_there_or_the_pair_is_as_quiet_as_ever_a_quarter_is_believed_to_its_end(
    kraken: Kraken, tmp_path: Path, write: Any, name: str, files: dict[str, bytes]
) -> None:
    done = kraken.ingest(
        write(tmp_path / f"{name}{'.zip' if write is zipped else ''}", files), *WINDOW, "--intervals", "1h"
    )
    assert not [note for note in done["notes"] if "it states" in note]
    assert covered_until(kraken, "BTC/USD", 60) == "2025-12-31T23:00:00Z", (
        "the last slot is nobody's where it is absent"
    )


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("Kraken_OHLCVT_2025Q4", {"XBTUSD_60.csv": HALF}),
        ("mine", stating(HALF.count(b"\n") + 1, XBTUSD_60=HALF)),
        ("mine", {**stating(HALF.count(b"\n"), XBTUSD_60=HALF), "ETHUSD_60.csv": HALF}),
        ("Kraken_OHLCVT_2025Q4", {"XBTUSD_60.csv": candles(slots("2025-10-01", "2025-11-09", 97 * HOUR))}),
    ],
)
def test_where_rows_are_gone_or_trades_were_likely_what_follows_the_last_row_is_missing(
    kraken: Kraken, tmp_path: Path, name: str, files: dict[str, bytes]
) -> None:
    done = kraken.ingest(folder(tmp_path / name, files), *WINDOW, "--intervals", "1h")
    assert [note for note in done["notes"] if "it states" in note]
    assert covered_until(kraken, "BTC/USD", 60) <= "2025-11-10T00:00:00Z"


def test_a_date_that_the_user_gives_is_held_against_the_rows_too(kraken: Kraken, tmp_path: Path) -> None:
    done = kraken.ingest(folder(tmp_path / "mine", BUSY), *WINDOW, "--archive-through", "2025-12-31")
    assert "its rows go from" in done["notes"][0]
    assert covered_until(kraken, "BTC/USD", 60) <= "2025-11-10T00:00:00Z"


@pytest.mark.parametrize("asked", [("UNI/USD", "BTC/USD"), ("BTC/USD", "UNI/USD"), ("BTC/USD,UNI/USD",)])
def test_what_is_known_does_not_depend_on_which_files_are_asked_for_first(
    kraken: Kraken, tmp_path: Path, asked: tuple[str, ...]
) -> None:
    place = folder(tmp_path / "Kraken_Q4_2025", BUSY | QUIET, dated="2026-01-20")
    for pairs in asked:
        kraken.ingest(place, *WINDOW, "--pairs", pairs)
    found = kraken.rows("coverage", "--intervals", 60)
    assert [(row["pair"], row["start"], row["end"], row["candles"]) for row in found] == [
        ("BTC/USD", "2025-10-01T00:00:00Z", "2025-11-09T23:00:00Z", 40 * 24 - 1),
        ("UNI/USD", "2025-10-01T00:00:00Z", "2025-10-19T23:00:00Z", 91),
    ]


def test_rows_of_a_file_that_repeat_others_are_counted_in_the_events_of_the_job(kraken: Kraken, tmp_path: Path) -> None:
    """Fifty rows lie where fifty others were: those are missing, and the rows beside them are not sure."""
    lines = candles(slots("2025-10-01", "2025-11-10")).splitlines(keepends=True)
    lines[300:350] = lines[250:300]
    kraken.ingest(folder(tmp_path / "mine", {"XBTUSD_60.csv": b"".join(lines)}), *WINDOW, "--intervals", "1h")
    with Workbench.open(kraken.home) as workbench:
        [message] = [event.message for event in workbench.ledger.events(1) if event.kind == "statement"]
    assert message.startswith("XBTUSD_60.csv in ")
    assert message.endswith(" repeats 50 rows, which count once")
