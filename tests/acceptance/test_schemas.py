"""Every document of --json is as its schema says, and every schema is published."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from typing import Any

import pytest

from kraken_core import Workbench
from kraken_core.cli.main import cli
from kraken_core.pipeline.adopt import Adopted
from kraken_core.simulator.exchange import SimulatedExchange
from kraken_core.simulator.exchange.futures import FundingFaults, SimulatedFutures
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.workbench.jobs.control import JobControl
from kraken_core.workbench.schemas.documents import DOCUMENTS, Document
from kraken_core.workbench.schemas.rows import closed
from scripts.json_schemas import SCHEMAS, schemas
from tests.support.command_line import ROOT, Kraken, asked
from tests.support.little_market import FIRST_DAY, PRESENT, LittleMarket
from tests.support.live_exchange import live_exchange
from tests.support.pocket_futures import PF_XBTUSD

pytestmark = pytest.mark.xdist_group("schemas")  # what validates takes more than a second to load: in one process
BY_NAME = {document.name: document for document in DOCUMENTS}
PRINT_NONE = {"completion": "a shell's script", "mcp": "its output is the protocol's"}
READING: list[tuple[str, str]] = [  # on a home that is full; documents and command lines
    ("jobs", "jobs"),
    ("jobs", "jobs 1"),
    ("coverage", "coverage"),
    ("gaps", "gaps"),
    ("report", "report"),
    ("expectations", "expect"),
    ("silences", "silences --at-least 5"),
    ("conditions", "conditions"),
    ("certificate", "certify"),
    ("sql", "sql 'select * from candles limit 3'"),
    ("pairs", "pairs"),
    ("tiers", "tiers"),
    ("exchanges", "exchanges"),
    ("universe", "universe --at 2024-04-01"),
    ("export", "export --to out --fill previous --intervals 1h"),
    ("copy", "copy --to copied --intervals 1d"),
    ("simulation", "simulate market"),
]


def conform(name: str, document: Any) -> None:
    """The document has what its schema describes, and nothing that it does not."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(closed(BY_NAME[name].schema), format_checker=Draft202012Validator.FORMAT_CHECKER)
    problems = [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(document)]
    assert problems == []


@pytest.mark.parametrize(("name", "line"), READING, ids=[line for _, line in READING])
def test_what_a_reading_command_prints_is_as_described(full: Kraken, name: str, line: str) -> None:
    document = full(*shlex.split(line), "--json").json
    conform(name, document)
    assert document, "an empty document would prove nothing"


def test_funding_rates(kraken: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    contract = Listing(PF_XBTUSD, 0.001, 70_000, 1, 0.05, charted=True)
    with SimulatedFutures(SimulatedMarket.make(1, [contract], 0, 86_400)) as futures:
        monkeypatch.setenv("KRAKEN_EXCHANGE_URLS", f"kraken-futures={futures.url}")
        futures.api.funding_faults = FundingFaults(absent=frozenset({3_600}))
        for words in (("--pairs", str(PF_XBTUSD), "--update"), ()):
            document = kraken("funding-rates", *words, "--json").json
            assert document[0]["gaps"]
            conform("funding-rates", document)


def test_doctor(full: Kraken) -> None:
    conform("diagnosis", full("doctor", "--json", code=None).json)
    conform("diagnosis", full("doctor", "--repair", "--json", code=None).json)


def test_a_report_beside_an_earlier_one(one_release: Kraken, little: LittleMarket) -> None:
    earlier = one_release.home / "earlier.json"
    earlier.write_text(one_release("report", "--json").out, encoding="utf-8")
    one_release.ingest(little.second)
    changes = one_release("report", "--compare", earlier, "--json").json
    assert changes
    conform("report-changes", changes)


def test_a_certificate_checked_and_cited(full: Kraken) -> None:
    file = full.home / "certificate.json"
    full("certify", "--output", file)
    conform("citation", full("cite", file, "--json").json)
    conform("certificate-check", full("check-certificate", file, "--json").json)
    conform("job", full("undo", 1, "--yes", "--json").json)
    differing = full("check-certificate", file, "--json", code=1).json
    assert differing["differences"]
    conform("certificate-check", differing)


def test_a_backup_and_its_way_back(full: Kraken) -> None:
    saved, other = full.home.with_name("saved"), full.home.with_name("restored")
    conform("backup", full("backup", saved, "--json").json)
    conform("backup", full("restore", saved, "--home", other, "--json").json)


def test_jobs_of_every_kind_and_what_controls_them(
    full: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    conform("plan", full(*asked(little.folder), "--dry-run").json)
    conform("result", full.ingest(little.folder))
    with SimulatedExchange(little.market, limits=None) as exchange:
        monkeypatch.setenv("KRAKEN_API_URL", exchange.url)
        words = ("--pairs", "BTC/USD", "--intervals", "1h", "--yes", "--json")
        plan = full("backfill", *words, "--dry-run").json
        assert plan["gaps"]
        conform("plan", plan)
        conform("result", full("backfill", *words).json)
        conform("audit-plan", full("audit", "--pairs", "BTC/USD", "--dry-run", "--json").json)
        found = full("audit", "--pairs", "BTC/USD", "--json", code=None).json
        assert found["series"]
        conform("audit", found)
    conform("verification", full("verify", "--json", code=None).json)
    with Workbench.open(full.home) as workbench:
        plan_of = workbench.plan(
            tier="ALL", sources=[little.folder], start_date=FIRST_DAY, as_of=PRESENT, api_backfill=False
        )
        job = workbench.runner.start(plan_of)
    conform("job", full("cancel", job.id, "--json").json)
    known = JobControl.known
    for command in ("pause", "resume"):
        monkeypatch.setattr(JobControl, command, lambda control, number, *_: known(control, number))
        conform("job", full(command, job.id, "--json").json)


def test_a_watch_and_its_test_notice(kraken: Kraken, little: LittleMarket) -> None:
    words = ("--csv-source-dir", little.first, "--tier", "ALL", "--start-date", FIRST_DAY, "--no-api-backfill")
    rounds = kraken("watch", *words, "--rounds", 1, "--json").json
    assert rounds[0]["job"]
    conform("rounds", rounds)
    conform("test-notice", kraken("watch", "--test-notice", "--command", "true", "--json").json)


def test_a_phase_of_a_live_history(kraken: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch) -> None:
    with live_exchange(little.market, little.market.end, monkeypatch):
        words = ("--pairs", "BTC/USD", "--intervals", "1h", "--start-date", "2024-04-05")
        phases = kraken("live", *words, "--phases", 1, "--json").json
    assert phases[0]["job"]
    conform("phases", phases)


def test_what_servers_print_before_they_begin(full: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    def began_at_once(_bench: object, listening: Any, _rules: object, began: Callable[[], None]) -> None:
        listening.close()
        began()

    monkeypatch.setattr("kraken_core.serving.http.server.serve", began_at_once)
    conform("server", full("serve", "--port", 0, "--json").json)
    monkeypatch.setattr("kraken_core.cli.app._become", lambda *_: None)
    conform("dashboard", full("app", "--json").json)


def test_a_table_that_was_taken_over() -> None:
    """Its command needs QuestDB; what it prints are these counts."""
    conform("import-assetprice", Adopted(1, 2, 3, 4)._asdict())


def test_every_command_has_a_schema() -> None:
    described = {line.split()[0] for document in DOCUMENTS for line in document.printed_by}
    assert described | PRINT_NONE.keys() == cli.commands.keys()


def test_the_published_schemas_are_those_in_force() -> None:
    stored = {path.name: path.read_text(encoding="utf-8") for path in SCHEMAS.glob("*.json")}
    assert stored == schemas(), "write them again: python scripts/json_schemas.py"


def test_the_guide_names_each_with_what_prints_it() -> None:
    guide = (ROOT / "docs" / "guide" / "programs.md").read_text(encoding="utf-8")
    for document in DOCUMENTS:
        lines = ", ".join(f"`{line}`" for line in document.printed_by)
        assert f"| [{document.name}](../schemas/{document.name}.json) | {lines} |" in guide


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.name)
def test_a_schema_is_valid_and_lets_later_versions_add_keys(document: Document) -> None:
    from jsonschema import Draft202012Validator

    published = json.loads(json.dumps(document.published))
    Draft202012Validator.check_schema(published)
    assert '"additionalProperties": false' not in json.dumps(published)


@pytest.mark.parametrize("wrong", [{}, [{}], [{"job_id": "one"}], None])
def test_another_document_does_not_conform(wrong: Any) -> None:
    with pytest.raises(AssertionError):
        conform("jobs", wrong)
