"""A watch whose ledger's database is away: a round fails, somebody is notified, and the watch goes on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import LedgerAwayError
from kraken_core.domain.jobs import JobStatus, Trigger
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.workbench.watch.notices import Notice
from kraken_core.workbench.watch.watch import Watch
from tests.support.command_line import Kraken
from tests.support.little_market import FIRST_DAY, PRESENT, LittleMarket

NO_DATABASE = "postgresql+psycopg://nobody@127.0.0.1:9/none"
WRITES = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(sys.stdin.read())"


@pytest.mark.parametrize("done", [False, True], ids=["as the round begins", "once its job is done"])
def test_a_ledger_that_is_away_fails_the_round_alone(
    full: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch, *, done: bool
) -> None:
    gaps, sent = SqlLedger.gaps, list[Notice]()

    def away_then(ledger: SqlLedger, *arguments: Any, **named: Any) -> object:
        jobs = [job for job in ledger.jobs() if job.trigger is Trigger.WATCH]
        if done and not any(job.status is JobStatus.COMPLETED for job in jobs):
            return gaps(ledger, *arguments, **named)
        raise LedgerAwayError("the ledger does not answer.")

    def wait(_: float) -> bool:
        monkeypatch.setattr(SqlLedger, "gaps", gaps)
        return sent[-1].kind == "recovery"

    request = {"tier": "ALL", "sources": [little.folder], "start_date": FIRST_DAY, "as_of": PRESENT}
    with Workbench.open(full.home) as wb:
        watch = Watch(wb, {**request, "api_backfill": False}, 60, 0, wait, lambda: False, [sent.append])
        monkeypatch.setattr(SqlLedger, "gaps", away_then)
        failed, well = watch.rounds()
    assert failed.failed == "the ledger does not answer."
    assert (failed.job is not None) == done
    assert not well.failed
    assert [notice.kind for notice in sent] == ["failure", "recovery"]


def test_a_ledger_that_is_away_from_the_start_is_notified_of(
    kraken: Kraken, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KRAKEN_LEDGER", NO_DATABASE)
    got = tmp_path / "notice.json"
    argv = f"'{sys.executable}' -c '{WRITES}' '{got}'"
    metrics = tmp_path / "kraken.prom"
    words = ("--tier", "ALL", "--rounds", "1", "--command", argv, "--metrics-file", metrics, "--json")
    [row] = kraken("watch", *words, code=1).json
    assert "does not answer" in row["failed"]
    sent = json.loads(got.read_text(encoding="utf-8"))
    assert (sent["kind"], sent["message"]) == ("failure", row["failed"])
