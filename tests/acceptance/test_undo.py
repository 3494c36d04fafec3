"""``kraken-history undo``: the latest job is taken back, as if it had never been, and may be done again."""

from __future__ import annotations

import pytest

from kraken_core import Workbench
from kraken_core.stores.delta.store import DeltaStore
from tests.support.command_line import Kraken, asked, refused
from tests.support.helping import in_soak
from tests.support.little_market import LittleMarket


def test_a_job_that_is_undone_leaves_all_as_it_was_before_and_can_be_done_again(
    kraken: Kraken, little: LittleMarket
) -> None:
    kraken.ingest(little.first)
    before = kraken.state()
    second = kraken.ingest(little.second)["job_id"]
    after = kraken.state()
    assert f"Job {second} is undone" in kraken("undo", second, "--yes").err
    assert kraken.state() == before
    assert kraken.ingest(little.second)["files"]["ingested"] > 0
    assert kraken.state() == after
    assert kraken("verify", "--json").json["ok"]


def test_when_the_only_job_is_undone_nothing_is_held_and_the_next_ends_as_it_did(
    full: Kraken, little: LittleMarket
) -> None:
    after = full.state()
    [job] = [row["job_id"] for row in full.rows("jobs")]
    full("undo", job, "--yes", "--quiet")
    held = full.state()
    assert (held["candles"], held["coverage"], held["gaps"], held["report"]) == ([], [], [], [])
    full.ingest(little.folder)
    assert full.state() == after


def test_jobs_are_undone_from_the_latest_backwards(kraken: Kraken, little: LittleMarket) -> None:
    first, second = (kraken.ingest(source)["job_id"] for source in (little.first, little.second))
    said = refused(kraken("undo", first, "--yes", code=2))
    assert f"job {second} did since. Undo that first, with: kraken-history undo {second}" in said
    kraken("undo", second, "--yes")
    kraken("undo", first, "--yes")
    assert kraken.state()["candles"] == []


def test_a_job_is_undone_once_and_the_list_says_so(full: Kraken) -> None:
    full("undo", 1, "--yes")
    before = full.state()

    assert "job 1 was undone already, at 20" in refused(full("undo", 1, "--yes", code=2))

    assert full.state() == before
    assert "COMPLETED, undone" in full("jobs").out
    assert full("jobs", "--json").json[0]["undone_at"] is not None


@pytest.mark.soak
def test_an_undo_that_was_interrupted_is_ended_by_saying_it_again(one_release: Kraken, little: LittleMarket) -> None:
    before = one_release.state()
    second = one_release.ingest(little.second)["job_id"]
    with Workbench.open(one_release.home) as workbench:
        workbench.ledger.undo(second)  # and here the machine went off

    one_release("undo", second, "--yes")

    assert one_release.state() == before


def test_until_an_undo_is_completed_no_command_says_how_complete_anything_is(full: Kraken) -> None:
    with Workbench.open(full.home) as workbench:
        workbench.ledger.undo(1)  # and here the machine went off
    for command in (["coverage"], ["gaps"], ["report", "--require-complete"], ["pairs"], ["verify"]):
        assert "job 1 is being undone: wait for it, or complete it" in refused(full(*command, code=1))
    full("undo", 1, "--yes")
    assert full("coverage", "--json").json == []


def test_a_job_that_changed_nothing_is_not_undone(full: Kraken, little: LittleMarket) -> None:
    again = full.ingest(little.folder)["job_id"]
    assert f"job {again} changed nothing" in refused(full("undo", again, "--yes", code=2))


@pytest.mark.soak
def test_a_job_that_named_only_a_typing_error_is_undone_and_nothing_else_with_it(
    kraken: Kraken, little: LittleMarket
) -> None:
    kraken.ingest(little.first)
    before = kraken.state()
    mistyped = kraken.ingest(little.first, "--pairs", "BTTC/USD")["job_id"]
    assert "BTTC/USD" in {row["pair"] for row in kraken.rows("report")}
    second = kraken.ingest(little.second)["job_id"]  # what it stores stays
    kraken("undo", second, "--yes")
    said = kraken("undo", mistyped, "--yes").err
    assert "it had stored no candles; pairs that only it had requested are no longer expected" in said
    assert kraken.state() == before
    assert "undone already" in refused(kraken("undo", mistyped, "--yes", code=2))


@pytest.mark.soak
def test_what_others_stored_stays_when_a_typing_error_is_undone_later(kraken: Kraken, little: LittleMarket) -> None:
    mistyped = kraken.ingest(little.first, "--pairs", "BTTC/USD")["job_id"]
    kraken.ingest(little.first)
    candles = kraken.state()["candles"]
    kraken("undo", mistyped, "--yes")
    after = kraken.state()
    assert after["candles"] == candles
    assert not {row["pair"] for row in after["report"] + after["gaps"]} & {"BTTC/USD"}


@pytest.mark.soak
def test_a_typing_error_beside_a_right_name_is_undone_with_it_unless_another_job_named_it_too(
    kraken: Kraken, little: LittleMarket
) -> None:
    both = kraken.ingest(little.first, "--pairs", "BTC/USD,BTTC/USD")["job_id"]
    kraken("undo", both, "--yes")
    assert kraken.state()["report"] == []
    kraken.ingest(little.first, "--pairs", "BTTC/USD")
    both = kraken.ingest(little.first, "--pairs", "BTC/USD,BTTC/USD")["job_id"]
    kraken("undo", both, "--yes")
    assert {row["pair"] for row in kraken.state()["report"]} == {"BTTC/USD"}


def test_a_job_that_may_go_on_has_to_be_given_up_first(full: Kraken, little: LittleMarket) -> None:
    with Workbench.open(full.home) as workbench:
        plan = workbench.plan(sources=[little.first], tier="TIER1")
        job = workbench.runner.start(plan)
        workbench.ledger.move(job, job.mark_failed("on purpose"))
    assert f"first, with: kraken-history cancel {job.id}" in refused(full("undo", job.id, "--yes", code=2))


def test_without_a_terminal_or_yes_nothing_is_undone(full: Kraken) -> None:
    assert "add --yes" in refused(full("undo", 1, code=2))
    assert "there is no job 99" in refused(full("undo", 99, "--yes", code=2))


def test_once_the_candles_before_it_are_gone_a_job_stays(
    one_release: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = one_release.ingest(little.second)["job_id"]
    before = one_release.state()
    monkeypatch.setattr("kraken_core.stores.delta.store.DeltaStore.keeps", lambda *_: False)
    assert "can no longer be undone" in refused(one_release("undo", job, "--yes", code=1))
    assert one_release.state() == before


@pytest.mark.parametrize(
    "step",
    [
        "kraken_core.stores.delta.store.DeltaStore.restore",
        *in_soak("kraken_core.workbench.jobs.undo.detect_anew"),
    ],
)
def test_an_undo_that_is_interrupted_ends_when_it_is_said_again(
    step: str, one_release: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = one_release.state()
    job = one_release.ingest(little.second)["job_id"]

    def crash(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as broken:
        broken.setattr(step, crash)
        with pytest.raises(SystemExit):
            one_release("undo", job, "--yes")
    assert f"complete it where it was interrupted, with: kraken-history undo {job}" in refused_ingest(
        one_release, little
    )
    one_release("undo", job, "--yes")
    assert one_release.state() == before
    assert one_release.ingest(little.second)["files"]["ingested"] > 0


def test_no_job_begins_while_another_is_undone(
    one_release: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take candles for stored that are about to go."""
    before = one_release.state()
    job = one_release.ingest(little.second)["job_id"]
    restore, refusals = DeltaStore.restore, []

    def watched(store: DeltaStore, version: int) -> None:
        refusals.append(refused_ingest(one_release, little))
        restore(store, version)

    monkeypatch.setattr(DeltaStore, "restore", watched)
    one_release("undo", job, "--yes")
    assert [f"job {job} is being undone: wait for it" in said for said in refusals] == [True]
    assert one_release.state() == before
    assert [row["job_id"] for row in one_release.rows("jobs")] == [job, 1]  # what was refused leaves no trace


def test_an_undo_that_is_completed_when_what_was_before_is_gone_claims_nothing_of_what_stays(
    one_release: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = one_release.state()
    job = one_release.ingest(little.second)["job_id"]
    with Workbench.open(one_release.home) as workbench:
        workbench.ledger.undo(job)
    with monkeypatch.context() as week_later:
        week_later.setattr(DeltaStore, "keeps", lambda *_: False)
        one_release("undo", job, "--yes")
    after = one_release.state()
    assert len(after.pop("candles")) > len(before.pop("candles"))
    assert after == before
    one_release.ingest(little.second)


def refused_ingest(kraken: Kraken, little: LittleMarket) -> str:
    """What is said to who would ingest, in one line."""
    *_, line = kraken(*asked(little.first, "--pairs", "UNI/USD", "--intervals", "1"), code=1).err.splitlines()
    return line
