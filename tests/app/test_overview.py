from __future__ import annotations

from pathlib import Path

from kraken_core import Workbench
from tests.app.conftest import Opened


def test_an_empty_home_says_so(opened: Opened) -> None:
    assert "Nothing is held" in opened().info[0].value


def test_the_figures_are_those_of_the_report(full: Path, opened: Opened) -> None:
    with Workbench.open(full) as workbench:
        overall = workbench.held.report(workbench.select()).overall
    figures = {each.label: each.value for each in opened().metric}
    assert figures["Missing"] == f"{overall.missing:,}"
    assert figures["Candles wanted"] == f"{overall.wanted:,}"
