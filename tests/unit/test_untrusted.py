"""Texts of others are shown as they are, and neither terminals nor spreadsheets carry them out."""

from __future__ import annotations

import csv
import logging
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.gaps.table import by_hand
from kraken_core.cli.output import console, print_json, print_table
from kraken_core.domain.jobs import FileIngestionRecord
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.ohlcvt import Reject
from kraken_core.domain.untrusted import VisibleFormatter, cell, visible
from kraken_core.stores.rejects import CsvRejectLog

EVIL = "\x1b]0;owned\x07\x9b2J\u202e"


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left_and_all_else_is_as_it_was(text: str) -> None:
    shown = visible(text)
    assert all(each.isprintable() or each in "\t\n" or ord(each) > 0x9F for each in shown)
    assert visible(shown) == shown
    if text.isprintable():
        assert shown == text


def test_tables_lines_json_and_logs_show_escapes_written_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(("name",), [(f"a{EVIL}",)])
    console().print(f"[bold]b[/]{EVIL}")
    print_json({"name": EVIL})
    record = logging.LogRecord("x", logging.INFO, "", 0, "c%s", (EVIL,), None)
    said = capsys.readouterr().out + VisibleFormatter("%(message)s").format(record)
    assert not set(said) & set(EVIL[:1] + EVIL[-5:-3] + "\x07\x9b\u202e")
    assert said.count("x1b]0;owned") == 3
    assert "\\u001b]0;owned\\u0007\\u009b2J\\u202e" in said


@given(st.text())
def test_a_cell_never_begins_as_a_formula_and_loses_nothing(text: str) -> None:
    written = cell(text)
    assert written[:1] not in {"=", "+", "-", "@", "\t", "\r"}
    assert written.removeprefix("'") == text or written == text
    assert (written == text) == (not written.startswith("'"))


def test_rejected_rows_are_no_formulas_and_are_forgotten_by_their_file_all_the_same(tmp_path: Path) -> None:
    series = Series(Pair("BTC", "USD"), 60)
    records = [FileIngestionRecord(path, "a.csv", "", 1, series) for path in ("=evil", "good")]
    log = CsvRejectLog(tmp_path)
    log.add(1, [(record, [Reject(7, "=HYPERLINK(1)", "no")]) for record in records])
    rows = list(csv.reader(log.path(1).read_text().splitlines()))
    assert rows[1:] == [["'=evil/a.csv", "7", "'=HYPERLINK(1)", "no"], ["good/a.csv", "7", "'=HYPERLINK(1)", "no"]]
    log.forget(1, records[:1])
    assert [row[0] for row in csv.reader(log.path(1).read_text().splitlines())] == ["file", "good/a.csv"]


def test_the_download_list_of_the_dashboard_has_no_formulas() -> None:
    gap = {"archive": "=a", "csv_file": "@b", "pair": "+C/USD", "interval_minutes": 60, "start": 0, "end": 3600}
    row = by_hand(pl.DataFrame([{**gap, "candles": 1, "reason": "-"}])).to_dicts()[0]
    assert [row[name] for name in ("archive", "csv_file", "pair", "reason")] == ["'=a", "'@b", "'+C/USD", "'-"]
