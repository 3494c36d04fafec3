"""``kraken-history undo`` of jobs between whose first and last run others stored something: their candles stay."""

from __future__ import annotations

import signal

import polars as pl
import pytest

from kraken_core import Workbench
from tests.support.command_line import Kraken, asked, process, refused
from tests.support.helping import table
from tests.support.little_market import LittleMarket

HOURS = ("--pairs", "BTC/USD", "--intervals", "60,1440")
OTHERS = ("--pairs", "UNI/USD")


def killed(little: LittleMarket, *words: str, at: str) -> None:
    process(*asked(little.folder, *words), env={"KRAKEN_FAILPOINT": at}, code=-signal.SIGKILL)


def resume(kraken: Kraken, job: int) -> None:
    kraken("ingest", "--resume", job, "--yes")


@pytest.mark.parametrize("point", ["table.commit.before:1", "table.commit.after:1"])
def test_what_another_job_stored_before_the_first_claim_of_a_resumed_one_stays(
    point: str, kraken: Kraken, little: LittleMarket
) -> None:
    killed(little, *HOURS, at=point)
    kraken.ingest(little.folder, *OTHERS)
    before = of_others(kraken)
    resume(kraken, 1)
    kraken("undo", 1, "--yes")
    assert of_others(kraken) == before
    assert before["candles"]


def test_a_resumed_job_is_undone_to_before_its_first_run_where_nobody_else_stored_anything(
    one_release: Kraken, little: LittleMarket
) -> None:
    before = one_release.state()
    killed(little, at="table.commit.after:1")
    resume(one_release, 2)
    one_release("undo", 2, "--yes")
    assert one_release.state() == before


def test_jobs_that_stored_in_turns_are_not_undone_and_both_say_why(kraken: Kraken, little: LittleMarket) -> None:
    killed(little, *HOURS, at="table.commit.after:2")
    kraken.ingest(little.folder, *OTHERS)
    resume(kraken, 1)
    state = kraken.state()
    for job, other in ((1, 2), (2, 1)):
        said = refused(kraken("undo", job, "--yes", code=2))
        assert f"job {job} cannot be undone without job {other}: they changed the candle table in turns" in said
        assert "restore a backup" in said
    assert kraken.state() == state


def test_a_home_in_which_an_earlier_version_took_note_of_the_wrong_one_refuses(
    kraken: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(little, *HOURS, at="table.commit.before:1")
    kraken.ingest(little.folder, *OTHERS)
    with monkeypatch.context() as earlier:
        earlier.setattr("kraken_core.ledger.ledger.SqlLedger.record_table_version", lambda *_: None)
        resume(kraken, 1)
    state = kraken.state()
    assert "job 1 cannot be undone without job 2" in refused(kraken("undo", 1, "--yes", code=2))
    assert kraken.state() == state


def of_others(kraken: Kraken) -> dict[str, object]:
    """The state of the pair that the resumed job has nothing of."""
    [pair] = OTHERS[1:]
    with Workbench.open(kraken.home) as workbench:
        candles = table(workbench).filter(pl.col("pair") == pair).rows()
    coverage = [row for row in kraken.rows("coverage") if row["pair"] == pair]
    return {"candles": candles, "coverage": coverage}
