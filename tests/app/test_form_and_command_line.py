"""Whatever ``kraken-history ingest`` can be told, the form can be, and both then ask for the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kraken_core import Workbench
from kraken_core.cli.ingest import ingest
from kraken_core.domain.errors import UsageError
from kraken_core.domain.plan import IngestionPlan
from kraken_core.domain.request import Request
from tests.app.conftest import Opened
from tests.app.test_ingest import press
from tests.support.little_market import LittleMarket

TIER = ["--tier", "TIER1"]
SAID: dict[str, tuple[list[str], dict[str, Any]]] = {  # on the command line, and in the form's address
    "tier": (["--tier", "TIER1"], {}),
    "tiers": (["--tiers", "TIER2,TIER1"], {"tier": ["TIER2", "TIER1"]}),
    "pairs": (["--pairs", "BTC/USD,ETHEUR"], {"by": "Pairs", "pair": ["BTC/USD", "ETHEUR"]}),
    "quotes": ([*TIER, "--quotes", "USD,GBP"], {"quote": ["USD", "GBP"]}),
    "intervals": ([*TIER, "--intervals", "60,1440"], {"interval": ["1h", "1d"]}),
    "start_date": ([*TIER, "--start-date", "2024-03-28"], {"from": "2024-03-28"}),
    "end_date": ([*TIER, "--end-date", "2024-03-29"], {"to": "2024-03-29"}),
    "archive_through": ([*TIER, "--archive-through", "2024-03-31"], {"through": "2024-03-31"}),
    "incremental": ([*TIER, "--incremental"], {"new": "true"}),
    "auto_gap_fill": ([*TIER, "--no-auto-gap-fill"], {"fill": "false"}),
    "api_backfill": ([*TIER, "--no-api-backfill"], {"api": "false"}),
    "trades": ([*TIER, "--no-trades"], {"trades": "false"}),
    "max_requests": ([*TIER, "--max-requests", "0"], {"most": "0"}),
    "download": ([*TIER, "--download"], {"download": "Yes"}),
    "complete": ([*TIER, "--complete"], {"complete": "true"}),
    "complete without downloads": ([*TIER, "--complete", "--no-download"], {"complete": "true", "download": "No"}),
    "complete, bounded": ([*TIER, "--complete", "--max-requests", "7"], {"complete": "true", "most": "7"}),
    "stop_on_error": ([*TIER, "--stop-on-error"], {"stop": "true"}),
    "as_of": ([*TIER, "--as-of", "2024-04-10T12:00:00Z"], {"as_of": "2024-04-10T12:00:00Z"}),
}
OTHERWISE = {
    "expected": "in the form too, and of a home that expects something: tests/app/test_ingest.py",
    "sources": "chosen of those that the settings name: no other can be read from a page",
    "workers": "chosen in the form, and no part of the request: tests/app/test_ingest.py",
    "resume": "on the page Jobs, and by Start where the same was asked before",
    "dry_run": "Preview plan",
    "evidence": "the grade that an exit code asks for; pages show all of them",
    "yes": "Start",
    "detach": "always",
    "home": "that of the dashboard",
    "as_json": "of a terminal",
    "quiet": "of a terminal",
    "verbose": "of a terminal",
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """What plans were asked for; none is made."""
    requests: list[Request] = []

    def plan(bench: Workbench, **request: Any) -> IngestionPlan:
        requests.append(bench.request(**request))
        raise UsageError("seen")

    monkeypatch.setattr(Workbench, "plan", plan)
    return requests


@pytest.mark.parametrize("said", SAID)
def test_the_form_asks_for_the_same_as_the_command_line(
    said: str, home: Path, little: LittleMarket, opened: Opened, asked: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRAKEN_CSV_SOURCE_DIRS", str(little.folder))
    words, query = SAID[said]
    with pytest.raises(UsageError, match="seen"):
        ingest.main([*words, "--dry-run", "--quiet"], standalone_mode=False)
    press(opened("ingest", **({} if "by" in query or "tier" in query else {"tier": "TIER1"}), **query), "Preview plan")
    of_command_line, of_form = asked
    assert of_form == of_command_line
    assert said in {"tier", "tiers", "pairs"} or of_form != Workbench.open().request(tier="TIER1"), (
        "and it says something"
    )


def test_no_option_of_the_command_line_is_without_its_like_in_the_dashboard() -> None:
    options = {option.name for option in ingest.params}
    assert options == {name for name in SAID if name in options} | OTHERWISE.keys()
