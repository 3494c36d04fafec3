"""Which notices a live history sends, and which it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kraken_core.workbench.live.health import GRACE_S, WAITING_S, LiveHealth
from kraken_core.workbench.live.state import LivePair, LiveState

NOW = 1_774_800_000
WELL = LiveState(
    "worker",
    "TIER1; 1m",
    1,
    NOW,
    as_of=NOW,
    connections=2,
    open_connections=2,
    system="online",
    pairs=(LivePair("BTC/USD"), LivePair("ETH/USD")),
)
AWAY = replace(WELL, open_connections=1)
MAINTENANCE = replace(WELL, system="maintenance")
UNANSWERED = replace(WELL, pairs=(LivePair("BTC/USD", waiting_since=NOW - WAITING_S), LivePair("ETH/USD")))


def kinds(health: LiveHealth, state: LiveState, now: float) -> list[str]:
    return [notice.kind for notice in health.notices_of_state(state, now)]


@pytest.mark.parametrize(
    ("degraded", "why"),
    [
        (AWAY, "1 of 2 connections"),
        (MAINTENANCE, "the exchange is in maintenance"),
        (UNANSWERED, "are missing of 1 pair: BTC/USD"),
    ],
    ids=["connection", "maintenance", "missing trades"],
)
def test_a_stream_that_stays_degraded_is_one_notice_and_its_recovery_another(degraded: LiveState, why: str) -> None:
    health = LiveHealth()
    assert kinds(health, degraded, 0) == []
    [notice] = health.notices_of_state(degraded, GRACE_S)
    assert notice.kind == "degraded"
    assert why in notice.message
    assert kinds(health, degraded, 10 * GRACE_S) == []
    assert kinds(health, WELL, 11 * GRACE_S) == ["recovery"]
    assert kinds(health, WELL, 12 * GRACE_S) == []


def test_what_is_over_within_the_grace_is_no_notice_however_often_it_happens() -> None:
    health = LiveHealth()
    for turn in range(5):
        assert kinds(health, AWAY, turn * GRACE_S) == []
        assert kinds(health, WELL, (turn + 0.9) * GRACE_S) == []


def test_a_pair_that_waits_a_little_degrades_nothing() -> None:
    waiting = replace(WELL, pairs=(LivePair("BTC/USD", waiting_since=NOW - WAITING_S + 1),))
    health = LiveHealth()
    assert kinds(health, waiting, 0) == kinds(health, waiting, 2 * GRACE_S) == []


def test_pairs_of_which_nothing_comes_are_named_once_and_again_when_they_are_back() -> None:
    halted = replace(WELL, pairs=(LivePair("BTC/USD", problem="halted (cancel_only)"), LivePair("ETH/USD")))
    health = LiveHealth()
    [notice] = health.notices_of_state(halted, 0)
    assert (notice.kind, notice.message) == ("pairs", "nothing is streamed of 1 pair: BTC/USD: halted (cancel_only).")
    assert kinds(health, halted, 1) == []
    delisted = replace(WELL, pairs=(LivePair("BTC/USD", problem="delisted"), LivePair("ETH/USD")))
    assert kinds(health, delisted, 2) == ["pairs"]
    [notice] = health.notices_of_state(WELL, 3)
    assert (notice.kind, notice.message) == ("recovery", "streamed again: BTC/USD.")


def test_a_delisted_pair_that_is_followed_no_more_has_not_recovered() -> None:
    health = LiveHealth()
    health.notices_of_state(replace(WELL, pairs=(LivePair("BTC/USD", problem="delisted"),)), 0)
    assert kinds(health, replace(WELL, pairs=(LivePair("ETH/USD"),)), 1) == []


def test_of_many_pairs_a_few_are_named() -> None:
    pairs = tuple(LivePair(f"T{number}/USD", problem="delisted") for number in range(40))
    [notice] = LiveHealth().notices_of_state(replace(WELL, pairs=pairs), 0)
    assert "of 40 pairs" in notice.message
    assert "and 35 more" in notice.message
    assert len(notice.message) < 300


def test_of_jobs_that_fail_one_after_the_other_some_are_notices_and_the_first_that_succeeds() -> None:
    health = LiveHealth()
    sent = [[each.kind for each in health.notices_of_job("no route", outage=True)] for _ in range(8)]
    assert [place for place, found in enumerate(sent, start=1) if found] == [1, 2, 4, 8]
    assert sent[0] == ["exchange"]
    assert [each.kind for each in health.notices_of_job("", outage=False)] == ["recovery"]
    assert health.notices_of_job("", outage=False) == []
    assert [each.kind for each in health.notices_of_job("disk full", outage=False)] == ["failure"]
