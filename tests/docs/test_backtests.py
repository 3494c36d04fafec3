"""The recipe for backtests, with the tool that it is for."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import IncompleteError
from tests.docs.documents import ROOT, blocks
from tests.support.little_market import FIRST_HOLE

WHOLE = ("2024-03-28", "2024-03-31")  # of the little market; all of it is known


def recipe() -> str:
    """The block of the guide that runs a backtest."""
    [found] = [
        block.text for block in blocks(ROOT / "docs" / "guide" / "sql-and-python.md") if "Backtest(" in block.text
    ]
    return found


def results(workbench: Workbench, first: str, last: str) -> tuple[pd.DataFrame, Any]:
    """The candles that the recipe takes, and what its backtest comes to, over other days than the guide's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tool, about itself
        from backtesting import Strategy

        class EveryThirdHour(Strategy):  # type: ignore[misc]  # has no types
            """Buys and sells in turn: whatever it earns is by the candles alone."""

            def init(self) -> None:
                """Needs nothing."""

            def next(self) -> None:
                """Act on every third candle."""
                if len(self.data) % 3 == 0:
                    self.position.close() if self.position else self.buy(size=1)

        *setup, run = recipe().strip().splitlines()
        text = "\n".join([*setup, f"result = {run}"])
        text = re.sub(r'"2026-01-01", "2026-04-01"', f'"{first}", "{last}"', text)
        names: dict[str, Any] = {"wb": workbench, "MyStrategy": EveryThirdHour}
        exec(compile(text, "recipe", "exec"), names)  # noqa: S102 - our own example
    return names["hours"], names["result"]


def test_a_backtest_trades_at_the_candles_prices(full_home: Path) -> None:
    with Workbench.open(full_home) as workbench:
        hours, result = results(workbench, *WHOLE)
    trades = result["_trades"]
    assert len(trades) > 5
    opens = hours["open"].to_numpy()  # what is decided at a close is traded at the next open
    assert list(trades["EntryPrice"]) == list(opens[trades["EntryBar"]])
    assert list(trades["ExitPrice"]) == list(opens[trades["ExitBar"]])
    assert result["Start"] == hours.index[0].tz_convert(None)


def test_a_backtest_over_a_gap_is_refused(full_home: Path) -> None:
    before, after = (pd.Timestamp(at) for at in FIRST_HOLE)
    with Workbench.open(full_home) as workbench, pytest.raises(IncompleteError, match="BTC/USD 1h is not complete"):
        results(workbench, f"{before - pd.Timedelta(days=2):%Y-%m-%d}", f"{after + pd.Timedelta(days=1):%Y-%m-%d}")
