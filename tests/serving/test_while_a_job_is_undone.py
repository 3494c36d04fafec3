"""While a job is being undone nobody knows what is complete, and nothing is called so: reads wait for its end."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from kraken_core import Workbench
from kraken_core.domain.errors import JobRunningError
from kraken_core.serving.assistants.tools import Tools
from kraken_core.serving.http.application import application
from kraken_core.serving.http.endpoints import ENDPOINTS
from kraken_core.serving.http.guard import AccessRules
from kraken_core.workbench.queries.holdings import Holdings
from kraken_core.workbench.queries.required import Required
from tests.serving.conftest import URL

QUERIES = {
    "/candles": "?pair=BTC/USD&interval=1h&limit=100000",
    "/evidence": "?pair=BTC/USD&interval=1h&at=2024-03-28",
}
OF_HISTORY = [each.path + QUERIES.get(each.path, "") for each in ENDPOINTS if each.path != "/jobs"]
DAY = ("BTC/USD", "1h", "2024-03-28", "2024-03-29")


@pytest.mark.parametrize("completed", [False, True])
def test_what_is_said_of_the_history_is_said_once_the_undo_is_completed(kraken_home: Path, *, completed: bool) -> None:
    with Workbench.open(kraken_home, read_only=True) as reader, Workbench.open(kraken_home) as writer:
        client = TestClient(application(reader, AccessRules()), URL)
        assert {client.get(url).status_code for url in OF_HISTORY} == {200}
        job = writer.jobs()[0].id
        writer.ledger.undo(job)  # and here the machine went off
        if completed:
            writer.undo(job)
        assert client.get("/jobs").json()["total"] == 1
        answers = {url: client.get(url) for url in OF_HISTORY}
    if completed:
        assert answers["/coverage"].json()["total"] == 0
        return
    assert {answer.status_code for answer in answers.values()} == {503}
    said = (
        f"job {job} is being undone: wait for it, or complete it where it was interrupted, with: kraken-history undo "
    )
    assert {answer.json()["error"] for answer in answers.values()} == {f"{said}{job}"}


def test_an_undo_that_begins_while_an_answer_is_made_is_noticed(
    kraken_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workbench.open(kraken_home, read_only=True) as reader, Workbench.open(kraken_home) as writer:
        client, read = TestClient(application(reader, AccessRules()), URL), Holdings.coverage
        url, job = "/coverage", writer.jobs()[0].id

        def undone_before(*arguments: object) -> object:
            monkeypatch.setattr(Holdings, "coverage", read)
            writer.undo(job)
            return read(*arguments)  # type: ignore[arg-type] # as it was called

        monkeypatch.setattr(Holdings, "coverage", undone_before)
        refused = client.get(url)
        assert (refused.status_code, refused.json()["error"]) == (
            503,
            f"job {job} was undone while this was read: read it again.",
        )
        assert client.get(url).status_code == 200


def test_no_read_of_the_workbench_calls_anything_complete_meanwhile(kraken_home: Path, tmp_path: Path) -> None:
    with Workbench.open(kraken_home) as workbench:
        workbench.ledger.undo(workbench.jobs()[0].id)
        reads = (
            lambda: workbench.candles(*DAY, require_complete=True),
            lambda: workbench.candles(*DAY),
            lambda: workbench.incomplete(*DAY),
            lambda: workbench.scan("BTC/USD", "1h", require_complete=True),
            lambda: workbench.sql("select * from complete_candles('BTC/USD', '1h', '2024-03-28', '2024-03-29')"),
            lambda: workbench.export(tmp_path / "to", workbench.select(), require_complete=True),
            workbench.coverage,
            workbench.completeness,
            workbench.gaps,
            workbench.metrics,
            workbench.certificates.certify,
            lambda: Tools(workbench).is_complete(),
            lambda: Tools(workbench).is_complete("BTC/USD", "1h"),
            lambda: Tools(workbench).candles("BTC/USD", "1h"),
        )
        for read in reads:
            with pytest.raises(JobRunningError, match="is being undone"):
                read()
    assert not (tmp_path / "to").exists()


def test_candles_that_had_to_be_complete_are_not_given_where_they_went_meanwhile(
    kraken_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workbench.open(kraken_home) as workbench:
        check = Required.check

        def undone_after(*arguments: object) -> None:
            check(*arguments)  # type: ignore[arg-type] # as it was called
            monkeypatch.setattr(Required, "check", check)
            workbench.undo(workbench.jobs()[0].id)

        monkeypatch.setattr(Required, "check", undone_after)
        with pytest.raises(JobRunningError, match="was undone while this was read"):
            workbench.candles(*DAY, require_complete=True)
