"""A watch that begins anew, as cron has it round by round, goes on from what the one before it knew."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

from kraken_core import Workbench
from kraken_core.workbench.watch.notices import Notice
from kraken_core.workbench.watch.watch import Round, Watch
from tests.support.command_line import Kraken, process
from tests.support.little_market import FIRST_DAY, PRESENT, LittleMarket

APPENDS = "import sys, pathlib; pathlib.Path(sys.argv[1]).open('a').write(sys.stdin.read() + chr(10))"


def one_round(home: Path, source: Path, sent: list[Notice], **others: Any) -> Round:
    """A round of a process of its own."""
    request = {"tier": "ALL", "sources": [source], "start_date": FIRST_DAY, "as_of": PRESENT, "api_backfill": False}
    with Workbench.open(home) as wb:
        [done] = Watch(wb, {**request, **others}, 60, 0, lambda _: True, lambda: False, [sent.append]).rounds()
    return done


def test_rounds_that_fail_in_a_row_are_notified_of_as_those_of_one_process(full: Kraken) -> None:
    sent: list[Notice] = []
    away, table = full.home / "away", full.home / "candles"
    table.rename(away)
    table.write_text("no folder")
    for _ in range(5):
        assert one_round(full.home, full.home, sent).failed
    assert [notice.kind for notice in sent] == ["failure"] * 3
    assert sent[-1].message.endswith("4 rounds in a row failed.")


def test_the_round_that_succeeds_again_is_notified_of(kraken: Kraken, little: LittleMarket) -> None:
    sent: list[Notice] = []
    for _ in range(2):
        assert one_round(kraken.home, kraken.home / "nowhere", sent).failed
    assert not one_round(kraken.home, little.folder, sent).failed
    assert not one_round(kraken.home, little.folder, sent).failed
    recovered = [notice.message for notice in sent if notice.kind == "recovery"]
    assert recovered == ["a round succeeded again, after 2 rounds failed."]


def test_rounds_of_another_selection_are_no_recovery(kraken: Kraken, little: LittleMarket) -> None:
    sent: list[Notice] = []
    assert one_round(kraken.home, kraken.home / "nowhere", sent).failed
    assert not one_round(kraken.home, little.folder, sent, tier="TIER1").failed
    assert "recovery" not in {notice.kind for notice in sent}


def test_gaps_of_a_round_that_is_killed_are_notified_of_by_the_next(
    kraken: Kraken, little: LittleMarket, tmp_path: Path
) -> None:
    got = tmp_path / "notices"
    got.touch()
    argv = f"'{sys.executable}' -c \"{APPENDS}\" '{got}'"
    words = ("--tier", "ALL", "--csv-source-dir", little.first, "--start-date", FIRST_DAY, "--no-api-backfill")
    once = ("watch", *words, "--rounds", "1", "--command", argv)
    process(*once, code=-signal.SIGKILL, env={"KRAKEN_FAILPOINT": "report.before"})
    assert not got.read_text(encoding="utf-8")
    for _ in range(2):
        process(*once)
    [notice] = map(json.loads, got.read_text(encoding="utf-8").splitlines())
    assert notice["kind"] == "gaps"
    # Their ends go on with the clock.
    assert [(gap["id"], gap["start"]) for gap in notice["gaps"]] == [
        (gap["id"], gap["start"]) for gap in kraken.rows("gaps")
    ]


def test_gaps_of_a_round_that_fails_are_notified_of_by_the_next_that_does_not(
    kraken: Kraken, little: LittleMarket
) -> None:
    sent: list[Notice] = []
    assert one_round(kraken.home, little.first, sent, api_backfill=True).outage
    assert one_round(kraken.home, kraken.home / "nowhere", sent).failed
    for _ in range(2):
        assert not one_round(kraken.home, little.first, sent).failed
    assert [notice.kind for notice in sent] == ["exchange", "failure", "gaps", "recovery"]
    assert len(sent[2].gaps) == len(kraken.rows("gaps"))
