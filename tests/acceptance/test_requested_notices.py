"""A test notice that a signal requests of a watch or a live history, whatever that is at just then."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import KrakenError
from kraken_core.workbench.live import state as live_state
from kraken_core.workbench.live.live import LiveHistory
from kraken_core.workbench.watch import state as watch_state
from kraken_core.workbench.watch.notices import Notice
from kraken_core.workbench.watch.watch import Watch
from tests.support.command_line import Kraken
from tests.support.little_market import FIRST_DAY, PRESENT, LittleMarket


def one_round(wb: Workbench, little: LittleMarket, sent: list[Notice]) -> Watch:
    request = {"tier": "ALL", "sources": [little.folder], "start_date": FIRST_DAY, "as_of": PRESENT}
    return Watch(wb, {**request, "api_backfill": False}, 60, 0, lambda _: True, lambda: False, [sent.append])


def interrupting(monkeypatch: pytest.MonkeyPatch, module: Any, changed: str, handler: Callable[[], None]) -> None:
    """Once, as a state changes, a signal arrives: its handler interrupts between what is computed and written."""
    left = [handler]

    def interrupted(state: Any, **changes: Any) -> Any:
        found = replace(state, **changes)
        if changed in changes and left and threading.current_thread() is threading.main_thread():
            left.pop()()
        return found

    monkeypatch.setattr(module, "replace", interrupted)


def test_one_before_the_first_round_is_sent_and_recorded(kraken: Kraken, little: LittleMarket) -> None:
    sent: list[Notice] = []
    with Workbench.open(kraken.home) as wb:
        watch = one_round(wb, little, sent)
        watch.test_notice()
        list(watch.rounds())
        state = wb.schedule.state
    assert sorted(notice.kind for notice in sent) == ["gaps", "test"]
    assert state is not None
    assert sorted(notice.kind for notice in state.notices) == ["gaps", "test"]


@pytest.mark.parametrize("changed", ["round_began", "rounds", "notices"])
def test_one_while_the_state_is_written_is_recorded_with_all_else(
    kraken: Kraken, little: LittleMarket, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    sent: list[Notice] = []
    with Workbench.open(kraken.home) as wb:
        watch = one_round(wb, little, sent)
        interrupting(monkeypatch, watch_state, changed, watch.test_notice)
        list(watch.rounds())
        state = wb.schedule.state
    assert state is not None
    assert sorted(notice.kind for notice in state.notices) == ["gaps", "test"]
    assert len(state.rounds) == 1
    assert state.ended is not None


@pytest.mark.parametrize("changed", [None, "failed", "notices"])
def test_one_of_live_is_sent_and_recorded_whenever_it_comes(
    kraken: Kraken, monkeypatch: pytest.MonkeyPatch, changed: str | None
) -> None:
    sent: list[Notice] = []
    with Workbench.open(kraken.home) as wb:
        request = {"pairs": ["BTC/USD"], "intervals": [1], "start_date": FIRST_DAY}
        history = LiveHistory(wb, request, lambda: False, lambda _: True, notify=[sent.append])
        if changed is None:
            history.test_notice()
        else:
            interrupting(monkeypatch, live_state, changed, history.test_notice)
        with pytest.raises(KrakenError):  # nobody answers
            list(history.phases())
        state = wb.live.state
    assert sorted((notice.sender, notice.kind) for notice in sent) == [("live", "exchange"), ("live", "test")]
    assert state is not None
    assert sorted(notice.kind for notice in state.notices) == ["exchange", "test"]
    assert state.ended is not None
