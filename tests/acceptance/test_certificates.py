"""Certificates as a user makes, checks and cites them: of a home, a copy of it, and exports."""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kraken_core import Workbench
from kraken_core.domain.certificates.certificate import parse
from kraken_core.domain.errors import CertificateMismatchError, UsageError
from kraken_core.domain.market import Series
from kraken_core.domain.timerange import TimeRanges, iso
from kraken_core.ports import never_stop
from kraken_core.stores.delta import compaction
from kraken_core.stores.files.candle_files import CandleFiles
from kraken_core.workbench.certificates import hashing
from tests.support.command_line import Kraken, refused
from tests.support.little_market import BTC_USD, FIRST_HOLE, LittleMarket
from tests.support.questdb_server import QuestDB

pytest_plugins = ["tests.support.servers"]

CHOSEN = ("--pairs", "BTC/USD,PEPE/USD", "--intervals", "60,1440")


@pytest.fixture
def certificate(full: Kraken, tmp_path: Path) -> Path:
    full("certify", *CHOSEN, "--output", tmp_path / "c.json", "--quiet")
    return tmp_path / "c.json"


def checked(kraken: Kraken, certificate: Path, *words: object) -> dict[str, Any]:
    """What differs, where something does."""
    found = kraken("check-certificate", certificate, *words, "--json", code=1).json
    assert not found["equal"]
    return dict(found)


def file_of(kraken: Kraken, series: Series) -> str:
    """A file with candles of a series."""
    with Workbench.open(kraken.home) as workbench:
        return str(next(iter(workbench.store.files_of([series])[series])))  # type: ignore[attr-defined]


def spoil(kraken: Kraken, statement: str) -> None:
    with sqlite3.connect(kraken.home / "ledger.db") as ledger:
        assert ledger.execute(statement).rowcount > 0


# ---------------------------------------------------------------------------------------------------- one root


def test_a_certificate_says_what_is_stored_on_what_evidence_and_what_is_missing(full: Kraken) -> None:
    found = full("certify", *CHOSEN).json
    assert found["format"] == "kraken-history certificate 1"
    series = {(each["pair"], each["interval"]): each for each in found["series"]}
    assert set(series) == {(pair, interval) for pair in ("BTC/USD", "PEPE/USD") for interval in (60, 1440)}
    hours = series["BTC/USD", 60]
    assert [FIRST_HOLE[0], FIRST_HOLE[1]] in hours["gaps"]
    assert {claim["source"] for claim in hours["claims"]} == {"csv"}
    counted = full.rows("sql", "select count(*) n from candles where pair = 'BTC/USD' and interval_minutes = 60")
    assert sum(month["candles"] for month in hours["months"]) == counted[0]["n"]


def test_nothing_of_a_machine_is_in_a_certificate(full: Kraken, little: LittleMarket) -> None:
    text = full("certify").out
    assert str(little.folder) not in text
    assert str(full.home) not in text


def test_a_selection_of_days_is_certified_alone(full: Kraken) -> None:
    found = full("certify", *CHOSEN, "--start-date", "2024-03-28", "--end-date", "2024-03-30").json
    assert (found["start"], found["end"]) == ("2024-03-28T00:00:00Z", "2024-03-31T00:00:00Z")
    hours = next(each for each in found["series"] if each["interval"] == 60)
    stored = full.rows(
        "sql",
        "select count(*) n from candles where pair = 'BTC/USD' and interval_minutes = 60 "
        "and time >= '2024-03-28' and time < '2024-03-31'",
    )
    assert [month["candles"] for month in hours["months"]] == [stored[0]["n"]]


def test_the_same_sources_in_another_order_give_the_same_root(
    full: Kraken, little: LittleMarket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And with small files merged in between; random markets are in judging.py."""
    monkeypatch.setattr(compaction, "FEWEST", 2)
    other = tmp_path / "other"
    for release in (little.second, little.first):
        full.ingest(release, "--home", other)
        with Workbench.open(other) as workbench:
            workbench.store.compact(never_stop)
    assert full("certify", "--home", other).json["root"] == full("certify").json["root"]


@pytest.mark.questdb
def test_the_same_sources_give_the_same_root_on_questdb(
    full: Kraken, little: LittleMarket, tmp_path: Path, questdb: QuestDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = tmp_path / "c.json"
    full("certify", "--pairs", "PEPE/USD", "--output", certificate)
    monkeypatch.setenv("KRAKEN_STORE", questdb.url)
    other = tmp_path / "other"
    for release in (little.second, little.first):
        full.ingest(release, "--pairs", "PEPE/USD", "--home", other)
    assert full("check-certificate", certificate, "--home", other).out.startswith("equal: ")
    assert full("certify", "--home", other).json["root"] == json.loads(certificate.read_text())["root"]


def test_when_it_is_certified_changes_no_root(full: Kraken, little: LittleMarket) -> None:
    """A job that finds nothing new looks for gaps as of a later time."""
    before = full("certify", *CHOSEN).json
    full.ingest(little.folder, "--as-of", "2024-04-20T00:00:00Z")
    after = full("certify", *CHOSEN).json
    assert after["as_of"] != before["as_of"]
    assert after["root"] == before["root"]


# ------------------------------------------------------------------------------------------------------- checking


def test_a_home_and_a_copy_of_it_are_equal(full: Kraken, certificate: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(full.home, tmp_path / "copy")
    for home in (full.home, copy):
        found = full("check-certificate", certificate, "--home", home)
        assert found.out.startswith("equal: candles, coverage, claims and gaps in ")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("fill", [(), ("--fill", "previous")], ids=["as stored", "filled"])
def test_an_export_is_equal(full: Kraken, certificate: Path, tmp_path: Path, kind: str, fill: tuple[str, ...]) -> None:
    full("export", "--to", tmp_path / "out", "--format", kind, *fill)
    nowhere = ("--home", tmp_path / "nowhere")
    assert full("check-certificate", certificate, "--data", tmp_path / "out", *nowhere).out.startswith("equal: candles")
    assert not (tmp_path / "nowhere").exists()


def test_one_digit_of_an_exported_candle_is_found_and_named(full: Kraken, certificate: Path, tmp_path: Path) -> None:
    full("export", *CHOSEN, "--to", tmp_path / "out", "--format", "csv")
    path = tmp_path / "out" / "XBTUSD_60.csv"
    lines = path.read_text().splitlines()
    time, open_, *rest = lines[30].split(",")
    lines[30] = ",".join([time, f"{float(open_) + 1e-8!r}", *rest])
    path.write_text("\n".join(lines) + "\n")
    found = checked(full, certificate, "--data", path.parent)
    [difference] = found["differences"]
    assert (difference["pair"], difference["interval"], difference["exact"]) == ("BTC/USD", 60, True)
    assert difference["first"] == iso(int(time))
    line = full("check-certificate", certificate, "--data", path.parent, code=1).out
    assert len(line.splitlines()) == 1
    assert f"first at {difference['first']}" in line


def test_a_row_less_of_an_export_is_found_and_named(full: Kraken, certificate: Path, tmp_path: Path) -> None:
    full("export", *CHOSEN, "--to", tmp_path / "out")
    path = tmp_path / "out" / "PEPEUSD_60.parquet"
    rows = pl.read_parquet(path)
    rows[[n for n in range(rows.height) if n != 7]].write_parquet(path)
    [difference] = checked(full, certificate, "--data", path.parent)["differences"]
    assert difference["certified"] == difference["found"] + 1
    assert difference["first"] == rows["time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")[7]


def test_a_series_that_was_not_exported_differs(full: Kraken, certificate: Path, tmp_path: Path) -> None:
    full("export", "--pairs", "BTC/USD", "--intervals", "60", "--to", tmp_path / "out")
    found = checked(full, certificate, "--data", tmp_path / "out")
    assert {(each["pair"], each["interval"]) for each in found["differences"]} == {
        *(("BTC/USD", 1440), ("PEPE/USD", 60), ("PEPE/USD", 1440)),
    }


def test_a_candle_altered_on_the_disk_is_found_and_named(full: Kraken, certificate: Path) -> None:
    """Though the file has the name that it had: its checksum is another."""
    file = full.home / "candles" / file_of(full, Series(BTC_USD, 60))
    rows = pl.read_parquet(file, hive_partitioning=False)
    row = rows["pair"].index_of("BTC/USD")
    close = pl.when(pl.int_range(pl.len()) == row).then(pl.col("close") * 2).otherwise("close")
    footer = {k: v for k, v in pl.read_parquet_metadata(file).items() if k.startswith("kraken")}
    rows.with_columns(close.alias("close")).write_parquet(file, metadata=footer)
    [difference] = checked(full, certificate)["differences"]
    assert (difference["pair"], difference["interval"], difference["exact"]) == ("BTC/USD", 60, True)
    assert difference["first"] == rows["time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")[row or 0]


def test_a_file_that_cannot_be_read_any_more_is_not_certified_from_what_is_remembered(
    full: Kraken, certificate: Path
) -> None:
    file = full.home / "candles" / file_of(full, Series(BTC_USD, 60))
    whole, when = file.read_bytes(), file.stat()
    file.write_bytes(whole[:900] + b"XXXX" + whole[904:])
    for _ in range(2):
        said = refused(full("certify", *CHOSEN, "--quiet", code=1))
        assert "cannot be certified, being lost or not as it was written: interval_minutes=60/" in said
    assert full("certify", "--pairs", "BTC/USD", "--intervals", "1440").json["series"]
    file.unlink()
    assert "of the candle table" in refused(full("certify", *CHOSEN, "--quiet", code=1))
    file.write_bytes(whole)
    assert file.stat().st_mtime_ns != when.st_mtime_ns
    assert full("certify", *CHOSEN).json == json.loads(certificate.read_text())


def test_one_claim_that_is_changed_is_found(full: Kraken, certificate: Path) -> None:
    spoil(
        full,
        "update assertion set evidence = 'f' || substr(evidence, 2) "
        "where id = (select min(assertion.id) from assertion join pair on pair.id = pair_id "
        "join asset on asset.id = asset_id "
        "where interval = 60 and assertion.source = 'csv' and ticker = 'BTC' and quote = 'USD')",
    )
    found = checked(full, certificate)
    assert found["statements"] == [{"pair": "BTC/USD", "interval": 60, "what": "claims"}]
    assert found["months"]["differing"] == 0


def test_a_gap_that_is_hidden_is_found(full: Kraken, certificate: Path) -> None:
    """Whoever stretches the coverage over a gap."""
    start = "(select cast(strftime('%s', '2024-04-01') as integer))"
    spoil(full, f'update data_coverage_range set "end" = {start} + 3600 where "end" = {start} and interval = 60')
    found = checked(full, certificate)
    assert {each["what"] for each in found["statements"]} >= {"gaps", "coverage"}


def test_an_altered_certificate_is_none(full: Kraken, certificate: Path) -> None:
    document = json.loads(certificate.read_text())
    document["series"][0]["gaps"] = []
    certificate.write_text(json.dumps(document))
    line = refused(full("check-certificate", certificate, code=2))
    assert "does not give its root: it was altered" in line


def test_a_certificate_that_hides_a_gap_with_a_root_of_its_own_is_found(full: Kraken, certificate: Path) -> None:
    known = parse(json.loads(certificate.read_text()))
    forged = replace(known, series=(replace(known.series[0], gaps=TimeRanges()), *known.series[1:]))
    certificate.write_text(json.dumps(forged.document))
    found = checked(full, certificate)
    assert [(each["interval"], each["what"]) for each in found["statements"]] == [(60, "gaps")]
    assert found["months"]["differing"] == 0


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": "kraken-history certificate 2"}'])
def test_what_is_no_certificate_is_refused_in_one_line(kraken: Kraken, tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    for command in ("check-certificate", "cite"):
        assert "x.json is no certificate" in refused(kraken(command, tmp_path / "x.json", code=2))


def test_a_folder_without_exports_is_refused(full: Kraken, certificate: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "XBTUSD_60.csv" in refused(full("check-certificate", certificate, "--data", tmp_path / "empty", code=2))


def test_what_is_not_stored_cannot_be_certified(full: Kraken) -> None:
    assert "No data of DOGE/USD" in refused(full("certify", "--pairs", "DOGE/USD", code=2))


# ---------------------------------------------------------------------------------------------------- once is enough


def test_months_that_did_not_change_are_not_read_again(
    full: Kraken, certificate: Path, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Series] = []
    looked_at: list[str] = []
    real = hashing.Hashing._hashed

    def noting(self: hashing.Hashing, batch: Any) -> Any:
        read.extend(batch)
        return real(self, batch)

    def looking(_: CandleFiles, path: str, __: int) -> bool:
        looked_at.append(path)
        return True

    monkeypatch.setattr(hashing.Hashing, "_hashed", noting)
    monkeypatch.setattr(CandleFiles, "is_whole", looking)
    again = full("certify", *CHOSEN).json
    assert (read, looked_at) == ([], [])
    assert again == json.loads(certificate.read_text())
    full("certify", "--pairs", "BTC/USD", "--intervals", "30,60")
    assert read == [Series(BTC_USD, 30)]


def test_what_changes_while_it_is_read_is_not_certified(full: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    real = hashing.Hashing._hashed

    def meanwhile(self: hashing.Hashing, batch: Any) -> Any:
        stored = self.store.candles({Series(BTC_USD, 60): TimeRanges.single(0, 2**33)}).head(1)
        self.store.commit([self.store.stage(stored.with_columns(high=pl.col("high") + 1, rank=pl.col("rank") + 1))])
        return real(self, batch)

    monkeypatch.setattr(hashing.Hashing, "_hashed", meanwhile)
    assert "the history changed while it was read" in refused(full("certify", "--quiet", code=1))


def test_a_spoiled_cache_costs_time_alone(full: Kraken, certificate: Path) -> None:
    for content in (b"", b"PAR1", b"[]"):
        for name in ("months.parquet", "files.json"):
            (full.home / "certificates" / name).write_bytes(content)
        assert full("certify", *CHOSEN).json == json.loads(certificate.read_text())


# --------------------------------------------------------------------------------------------------- citing, reading


def test_a_citation_names_the_root(full: Kraken, certificate: Path) -> None:
    root = json.loads(certificate.read_text())["root"]
    assert root in full("cite", certificate).out
    assert full("cite", certificate, "--json").json["root"] == root
    assert full("cite", certificate, "--bibtex").out.startswith(f"@misc{{kraken-history-{root[:12]},")


def test_candles_are_read_only_as_they_were_certified(full: Kraken, certificate: Path) -> None:
    with Workbench.open(full.home) as workbench:
        whole = workbench.candles("BTC/USD", 60)
        assert workbench.candles("BTC/USD", 60, certificate=certificate).equals(whole)
        week = ("2024-03-28", "2024-03-30")
        assert len(workbench.candles("BTC/USD", 60, *week, certificate=certificate)) <= 48
        stored = workbench.store.candles({Series(BTC_USD, 60): TimeRanges.single(0, 2**33)})
        other = stored.head(1).with_columns(close=pl.col("high"), open=pl.col("low"), rank=pl.col("rank") + 1)
        workbench.store.commit([workbench.store.stage(other)])
        with pytest.raises(CertificateMismatchError, match="first at 2024-03-2"):
            workbench.candles("BTC/USD", 60, certificate=certificate)


def test_candles_that_are_not_certified_are_refused(full: Kraken, certificate: Path) -> None:
    with Workbench.open(full.home) as workbench:
        for pair, interval, start in (("BTC/EUR", 60, None), ("BTC/USD", 120, None), ("BTC/USD", 60, "2020-01-01")):
            with pytest.raises(UsageError, match="does not certify"):
                workbench.candles(pair, interval, start, certificate=certificate)
