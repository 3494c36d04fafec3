"""Adjoining claims become one row that is read, and nothing is lost by it: what was known, and what can be undone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kraken_core.domain.candles import Source
from kraken_core.domain.coverage import Assertion, standing_claims
from kraken_core.domain.errors import UsageError
from kraken_core.domain.market import Series
from kraken_core.domain.table_mark import TableMark
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.ledger import joined
from kraken_core.ledger.ledger import SqlLedger
from tests.contract.ledger_records import BTC, DAYS, HOURS, NOON, SetClock, a_running_job
from tests.support.helping import folder

pytest_plugins = ["tests.support.servers", "tests.contract.ledgers"]

HOUR = 3600
MANY = 4  # claims that are joined here, so that few do
ROUNDS = 3 * MANY
LIVED = TimeRanges.single(0, 2 * NOON)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joined, "MANY", MANY)


def answer(hour: int, length: int = 1, series: Series = HOURS, source: Source = Source.OHLC) -> Assertion:
    """What an answer of some hour claims: so many hours up to it."""
    start = NOON + (hour - length) * HOUR
    return Assertion(series, start, NOON + hour * HOUR, source, 7, f"{source} {series} at {hour}")


def brought(ledger: SqlLedger, *claims: Assertion) -> int:
    """A job that claims something and looks at it; returns its id."""
    job = a_running_job(ledger)
    ledger.record_table_version(job.id, 1)
    ledger.claim(claims)
    ledger.record_findings({}, {BTC: LIVED}, ledger.unexamined([BTC]).newest)
    ledger.move(job, job.mark_completed())
    return job.id


def standing(ledger: SqlLedger) -> dict[tuple[object, ...], TimeRanges]:
    """What is covered, by all that distinguishes claims but the moment of an answer."""
    found: dict[tuple[object, ...], TimeRanges] = {}
    for claim, ranges in standing_claims(ledger.assertions()):
        key = claim.series, claim.source, claim.rank, claim.proved
        found[key] = found.get(key, TimeRanges()) | ranges
    return found


def test_rounds_without_end_leave_a_bounded_number_of_rows(ledger: SqlLedger) -> None:
    most = 0
    for hour in range(1, ROUNDS + 1):
        brought(ledger, answer(hour), answer(hour, 24, DAYS))
        ledger.join_claims()
        most = max(most, len(ledger.assertions()))
    assert most <= 2 * MANY
    [hours] = (ranges for claim, ranges in standing(ledger).items() if claim[0] == HOURS)
    assert hours == TimeRanges.single(NOON, NOON + ROUNDS * HOUR)


def test_what_was_claimed_by_an_instant_is_told_claim_by_claim(ledger: SqlLedger, clock: SetClock) -> None:
    made = [answer(hour) for hour in range(1, ROUNDS)]
    for claim in made:
        clock.instant += HOUR
        brought(ledger, claim)
    assert ledger.join_claims() > 0
    for known in (1, MANY, len(made)):
        assert ledger.assertions_at(NOON + known * HOUR) == made[:known]
    assert ledger.assertions_at(NOON + 2 * HOUR, [BTC]) == made[:2]
    shown = ledger.evidence(HOURS, TimeRange(NOON, NOON + 2 * HOUR))
    assert shown["evidence"].to_list() == [claim.evidence for claim in reversed(made[:2])]


def test_jobs_are_undone_one_by_one_each_exactly_its_own(ledger: SqlLedger) -> None:
    jobs = [brought(ledger, answer(hour), answer(hour, series=DAYS)) for hour in range(1, MANY + 3)]
    ledger.join_claims()
    with pytest.raises(UsageError, match=f"job {jobs[0]} is not the latest .* job {jobs[-1]} did since"):
        ledger.undo(jobs[0])
    for left in range(len(jobs) - 1, 0, -1):
        assert ledger.claimed(jobs[left])
        ledger.undo(jobs[left])
        assert set(standing(ledger).values()) == {TimeRanges.single(NOON, NOON + left * HOUR)}
        ledger.join_claims()


def test_a_withdrawal_counts_against_each_claim_that_is_taken_apart(ledger: SqlLedger) -> None:
    jobs = [brought(ledger, answer(hour)) for hour in range(1, MANY + 3)]
    ledger.join_claims()
    [whole] = ledger.assertions()
    middle = TimeRange(NOON + HOUR, NOON + 3 * HOUR)
    ledger.claim([whole._replace(start=middle.start, end=middle.end, withdrawn=True)])
    expected = TimeRanges.single(NOON, NOON + (len(jobs) - 1) * HOUR) - TimeRanges.single(*middle)

    ledger.forget_lost([jobs[-1]], {}, TableMark("table", 1, ""))

    assert set(standing(ledger).values()) == {expected}


def test_lost_ranges_take_only_the_claims_that_reach_into_them(ledger: SqlLedger) -> None:
    for hour in range(1, MANY + 3):
        brought(ledger, answer(hour))
    ledger.join_claims()
    lost = TimeRanges.single(NOON + 5 * HOUR, NOON + 6 * HOUR)
    ledger.forget_lost([], {HOURS: lost}, TableMark("table", 1, ""))
    assert set(standing(ledger).values()) == {TimeRanges.single(NOON, NOON + (MANY + 2) * HOUR) - lost}


def test_files_and_sweeps_of_trades_stay_as_they_are(ledger: SqlLedger) -> None:
    made = [answer(hour, source=source) for hour in range(1, ROUNDS) for source in (Source.CSV, Source.TRADES)]
    brought(ledger, *made)
    assert ledger.join_claims() == 0
    assert ledger.assertions() == made


def test_what_was_not_looked_at_yet_is_not_joined(ledger: SqlLedger) -> None:
    ledger.claim([answer(hour) for hour in range(1, ROUNDS)])
    assert ledger.join_claims() == 0


def test_what_was_looked_at_is_not_new_once_it_is_joined(ledger: SqlLedger) -> None:
    for hour in range(1, ROUNDS):
        brought(ledger, answer(hour))
    ledger.join_claims()
    assert not ledger.unexamined([BTC]).touched
    ledger.claim([answer(ROUNDS)])
    assert ledger.unexamined([BTC]).touched == {HOURS: TimeRanges.single(*answer(ROUNDS)[1:3])}


UNHURRIED = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
STEP = st.one_of(
    st.tuples(st.just("claim"), st.integers(1, 12), st.integers(1, 3), st.sampled_from([Source.OHLC, Source.DERIVED])),
    st.tuples(st.just("withdraw"), st.integers(1, 12), st.integers(1, 3), st.none()),
    st.tuples(st.just("undo"), st.none(), st.none(), st.none()),
)


def played(
    steps: list[tuple[str, int, int, object]], ledger: SqlLedger, clock: SetClock, *, join: bool
) -> list[object]:
    """What a ledger says after each step, and of each instant at the end."""
    said: list[object] = []
    jobs: list[int] = []
    for step, hour, length, which in steps:
        clock.instant += HOUR
        if step == "claim":
            claim = answer(hour, length, source=Source(str(which)))
            claim = claim._replace(evidence="derived:15") if claim.source is Source.DERIVED else claim
            jobs.append(brought(ledger, claim))
        elif step == "withdraw" and (against := _against(answer(hour, length)[1:3], ledger)):
            jobs.append(brought(ledger, *against))
        elif step == "undo" and jobs:
            ledger.undo(jobs.pop())
            ledger.record_findings({}, {BTC: LIVED}, ledger.unexamined([BTC]).newest)
        if join:
            ledger.join_claims()
        said.append(standing(ledger))
    for instant in range(NOON, clock.instant + 1, HOUR):
        known = ledger.assertions_at(instant)
        said.append([claim for claim in known if not claim.withdrawn])
    return said


def _against(span: tuple[int, int], ledger: SqlLedger) -> list[Assertion]:
    """Counter-claims to everything that stands in a span."""
    return [
        claim._replace(start=start, end=end, withdrawn=True)
        for claim, ranges in standing_claims(ledger.assertions())
        for start, end in ranges.clip(*span)
    ]


def check(steps: list[tuple[str, int, int, object]], monkeypatch: Callable[[object, str, object], None]) -> None:
    monkeypatch(joined, "MANY", 2)
    said = []
    for join in (False, True):
        with folder() as here:
            clock = SetClock()
            ledger = SqlLedger.open(f"sqlite:///{here / 'ledger.db'}", "candles", clock)
            said.append(played(steps, ledger, clock, join=join))
            ledger.close()
    assert said[0] == said[1]


@given(steps=st.lists(STEP, min_size=3, max_size=12))
@settings(UNHURRIED, max_examples=4)
def test_joining_changes_nothing_that_a_ledger_says(
    steps: list[tuple[str, int, int, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    check(steps, monkeypatch.setattr)


@pytest.mark.soak
@given(steps=st.lists(STEP, min_size=3, max_size=25))
@settings(UNHURRIED, max_examples=1000)
def test_joining_changes_nothing_in_a_thousand_histories(
    steps: list[tuple[str, int, int, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    check(steps, monkeypatch.setattr)
