"""What coverage, gaps, report, jobs, pairs and tiers say of a home that is full."""

from __future__ import annotations

import re

from kraken_core.cli.main import cli
from tests.support.command_line import Kraken
from tests.support.little_market import PRESENT, LittleMarket


def test_the_reading_commands_take_the_same_selection(full: Kraken) -> None:
    words = ("--pairs", "XBTEUR", "--intervals", "60", "--start-date", "2024-04-02", "--end-date", "2024-04-06")
    for name in ("coverage", "gaps", "report"):
        rows = full.rows(name, *words)
        assert {(row["pair"], row["interval"]) for row in rows} == {("BTC/EUR", 60)}, name
    [line] = full.rows("report", *words)
    assert (line["start"], line["end"]) == ("2024-04-02T00:00:00Z", PRESENT)
    assert (line["wanted"], line["covered"], line["missing"]) == (5 * 24, 3 * 24, 2 * 24)
    [tier] = {row["tier"] for row in full.rows("report", "--tier", "TIER2")}
    assert tier == "TIER2"
    assert {row["pair"] for row in full.rows("report", "--quotes", "EUR")} == {"BTC/EUR"}


def test_the_report_counts_silence_as_known_and_keeps_activity_apart(full: Kraken) -> None:
    rows = full.rows("report")
    assert any(row["silent"] and row["missing"] for row in rows)
    for row in rows:
        assert row["wanted"] == row["covered"] + row["missing"]
        assert row["covered"] == row["present"] + row["silent"]
        assert row["completeness"] == row["covered"] / row["wanted"]
        assert row["activity"] == row["present"] / row["covered"]


def test_a_job_shows_its_history(full: Kraken) -> None:
    assert "COMPLETED" in full("jobs", "1").out
    [job] = full.rows("jobs", "1")
    assert (job["status"], job["progress_pct"], job["tiers"]) == ("COMPLETED", 100.0, ["ALL"])


def test_the_commands_that_output_recommends_exist_and_parse(full: Kraken, little: LittleMarket) -> None:
    full.ingest(little.first, "--as-of", "2024-09-01")
    told = "\n".join(f"{said.out}\n{said.err}" for said in (full("report"), full("gaps"), full("jobs"), full("pairs")))
    recommended = re.findall(r"\bkraken-history ([a-z]+)((?: [\w./-]+)*)", told)
    assert any(" --csv-source-dir Kraken_OHLCVT" in words for _, words in recommended)
    for name, words in recommended:
        assert name in cli.commands
        options = {text: param for param in cli.commands[name].params for text in (*param.opts, *param.secondary_opts)}
        left = iter(words.split())
        for word in left:
            if not word.startswith("-"):
                break  # the sentence goes on
            assert word in options, (name, word)
            if not getattr(options[word], "is_flag", False):
                next(left)


def test_pairs_and_tiers_say_what_is_held(full: Kraken) -> None:
    pairs = {row["pair"]: row for row in full.rows("pairs")}
    assert {name: row["tier"] for name, row in pairs.items()} == {
        "BTC/EUR": "TIER1",
        "BTC/USD": "TIER1",
        "EUR/USD": None,
        "PEPE/USD": "TIER4",
        "UNI/USD": "TIER2",
    }
    [counted] = full.rows("sql", "select count(*) as n from candles where pair = 'BTC/USD'")
    assert 0 <= counted["n"] - pairs["BTC/USD"]["candles"] < 8 * 2  # provisional ones are held, not covered
    held = {row["tier"]: row["pairs_held"] for row in full.rows("tiers")}
    assert held == {"TIER1": 2, "TIER2": 1, "TIER3": 0, "TIER4": 1}
