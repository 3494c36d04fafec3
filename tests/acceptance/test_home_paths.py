"""Homes whose paths have marks in them that addresses, patterns and shells take for something else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.command_line import Kraken, asked
from tests.support.little_market import LittleMarket

ODD = ["a?b", "100%", "%4", "a#b", "[x]", "a*b", "{x}", "a'b", 'a"b', "a;b", "$HOME", "a:b", "a=b", "é ü"]
ONE = ("--pairs", "BTC/USD", "--intervals", "60")


@pytest.mark.parametrize("name", ODD)
def test_everything_a_home_has_lies_in_it_and_nothing_else_is_read(
    kraken: Kraken, little: LittleMarket, tmp_path: Path, name: str
) -> None:
    home, other = tmp_path / "homes" / name, tmp_path / "homes" / name.replace("*", "X").replace("[x]", "x")
    kraken(*asked(little.folder, *ONE), "--home", home)
    assert [each.name for each in (tmp_path / "homes").iterdir()] == [name]
    assert (home / "ledger.db").exists()
    if other != home:
        shutil.copytree(home, other)  # which a pattern would find too
    [counted] = kraken.rows("sql", "select count(*) as candles from candles", "--home", home)
    [job] = kraken.rows("jobs", "--home", home)
    assert counted["candles"] == job["records"]["new"] > 0
    assert kraken("verify", "--json", "--home", home).json["ok"]
    exported, certificate = home / "out [1]?*", home / "c?.json"
    kraken("export", *ONE, "--to", exported, "--format", "parquet", "--home", home)
    kraken("certify", *ONE, "--output", certificate, "--home", home)
    kraken("check-certificate", certificate, "--data", exported, "--home", home)


@pytest.mark.parametrize("name", ["a\\b", "%41", "a\nb", "a\tb", "a\x1b[31mb"])
def test_a_path_that_cannot_work_is_refused_in_one_line(kraken: Kraken, tmp_path: Path, name: str) -> None:
    said = kraken("report", "--home", tmp_path / name, code=2)
    assert "a home cannot be in a path with" in said.err
    assert said.err.count("\n") == 1
    assert "\x1b[31m" not in said.err
    assert list(tmp_path.iterdir()) == []
