"""What archives and the exchange are called and say is shown, and no terminal carries it out."""

from __future__ import annotations

import zipfile
from pathlib import Path

from kraken_core import Workbench
from kraken_core.domain.errors import ExchangeError
from kraken_core.domain.market import Series
from tests.support.command_line import Kraken
from tests.support.layouts import write_zip
from tests.support.little_market import LittleMarket

EVIL = "\x1b]0;owned\x07\x9b2J"
HOURS = b"1711497600,1,1,1,1,1.5,7\n1711501200,1,1,1,1,1.5,7\n"


def test_names_of_members_errors_of_the_exchange_and_rejected_rows_are_written_out(
    kraken: Kraken, tmp_path: Path
) -> None:
    members = {f"{EVIL}/XBTUSD_60.csv": HOURS, "ETHUSD_60.csv": HOURS + EVIL.encode() + b"\n"}
    place = write_zip(tmp_path / "a.zip", members, zipfile.ZIP_STORED)
    said = kraken("ingest", "--csv-source-dir", place, "--tier", "ALL", "--no-api-backfill", "--yes",
                  "--start-date", "2024-03-27", "--as-of", "2024-04-07")  # fmt: skip
    with Workbench.open(kraken.home) as bench:
        bench.ledger.add_event(1, "exchange", str(ExchangeError(f"EGeneral:{EVIL}")))
    told = [said, kraken("jobs", 1), kraken("jobs", 1, "--json"), kraken("report"), kraken("gaps"), kraken("verify")]
    everything = "".join(each.out + each.err for each in told) + (kraken.home / "logs" / "1.log").read_text()
    assert not {"\x1b", "\x07", "\x9b"} & set(everything)
    assert "EGeneral:\\x1b]0;owned\\x07\\x9b2J" in everything


def test_what_fails_by_a_hostile_name_is_said_without_it_being_carried_out(
    kraken: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    said = kraken("report", "--pairs", f"BTC/{EVIL}", code=2)
    other = kraken("ingest", "--csv-source-dir", tmp_path / EVIL, "--tier", "ALL", "--yes", code=2)
    assert not {"\x1b", "\x07", "\x9b"} & set(said.err + other.err)
    assert "\\x1b" in said.err
    assert "\\x1b" in other.err


def test_a_pair_stored_with_a_hostile_name_is_shown_and_not_obeyed(kraken: Kraken, little: LittleMarket) -> None:
    kraken.ingest(little.first, "--pairs", "BTC/USD", "--intervals", "1440")
    with Workbench.open(kraken.home) as bench:
        [found, *_] = [record for record in bench.ledger.pairs() if record.lives]
        hostile = Series(found.pair._replace(base=f"B{EVIL}"), 1440).pair
        bench.ledger.record_pairs([found._replace(pair=hostile)])
    for words in (("pairs",), ("pairs", "--json"), ("sql", "select pair from pairs")):
        told = kraken(*words)
        assert not {"\x1b", "\x07", "\x9b"} & set(told.out + told.err)
