"""Adjoining claims become one row that is read, and nothing is lost by it: what was known, and what can be undone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kraken_core.domain.candles import Source, Vintage, derived_rank, rank_of
from kraken_core.domain.certificates.evidence import evidence_of
from kraken_core.domain.coverage import Assertion, coverage_ranges, standing_claims
from kraken_core.domain.errors import UsageError
from kraken_core.domain.grading import grades
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.life import Life
from kraken_core.domain.market import Series
from kraken_core.domain.table_mark import TableMark
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.domain.verification.known_pair import known_pairs
from kraken_core.ledger import joined
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.ledger.undone import UNDONE
from tests.contract.ledger_records import BTC, DAYS, HOURS, NOON, SetClock, a_running_job
from tests.support.helping import folder

pytest_plugins = ["tests.support.servers", "tests.contract.ledgers"]

HOUR = 3600
HALVES = Series(BTC, 30)
SWEPT = derived_rank(rank_of(Source.TRADES))  # what the Trades endpoint gave
FILED = derived_rank(rank_of(Source.TRADES, Vintage(newest=NOON)))  # a file of trades
MANY = 4  # claims that are joined here, so that few do
ROUNDS = 3 * MANY
LIVED = TimeRanges.single(0, 2 * NOON)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joined, "MANY", MANY)


def answer(hour: int, length: int = 1, series: Series = HOURS, source: Source = Source.OHLC) -> Assertion:
    """What an answer of some hour claims: so many hours up to it."""
    start = NOON + (hour - length) * HOUR
    rank = derived_rank(rank_of(Source.OHLC if source is Source.DERIVED else source))
    return Assertion(series, start, NOON + hour * HOUR, source, rank, f"{source} {series} at {hour}")


def sweep(hour: int, length: int = 1, series: Series = HOURS, *, proved: bool = False) -> Assertion:
    """What a sweep of trades claims that began so many hours before; another one from there has the same evidence."""
    claim = answer(hour, length, series, Source.TRADES)
    return claim._replace(rank=SWEPT, evidence=f"Trades XBTUSD from {claim.start}", proved=proved)


def streamed(hour: int, length: int = 1, series: Series = HOURS) -> Assertion:
    """What a live job claims; each streams for some hours, at every interval."""
    claim = sweep(hour, length, series, proved=True)
    return claim._replace(evidence=f"Trades XBTUSD live from {hour // 5}")


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
        ledger.add_event(jobs[left], UNDONE, "")
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


def test_files_stay_as_they_are(ledger: SqlLedger) -> None:
    archives = [answer(hour, source=Source.CSV) for hour in range(1, ROUNDS)]
    trades = [answer(hour, source=Source.TRADES)._replace(rank=FILED) for hour in range(1, ROUNDS)]
    brought(ledger, *archives, *trades)
    assert ledger.join_claims() == 0
    assert ledger.assertions() == [*archives, *trades]


def test_daily_sweeps_leave_a_bounded_number_of_rows(ledger: SqlLedger) -> None:
    most = 0
    for hour in range(1, ROUNDS + 1):
        brought(ledger, sweep(hour, proved=True), sweep(hour, series=HALVES), streamed(hour, series=DAYS))
        ledger.join_claims()
        most = max(most, len(ledger.assertions()))
    assert most <= 3 * MANY
    assert set(standing(ledger).values()) == {TimeRanges.single(NOON, NOON + ROUNDS * HOUR)}


def test_requests_of_other_kinds_are_not_joined_and_certificates_stay(ledger: SqlLedger) -> None:
    made = [(streamed if hour % 2 else sweep)(hour)._replace(proved=True) for hour in range(1, 2 * MANY)]
    brought(ledger, *made)
    before = evidence_of(ledger.assertions(), TimeRange(NOON, NOON + ROUNDS * HOUR))
    ledger.join_claims()
    assert evidence_of(ledger.assertions(), TimeRange(NOON, NOON + ROUNDS * HOUR)) == before
    assert {claim.evidence for claim in before[HOURS]} == {"Trades XBTUSD", "Trades XBTUSD live"}


def test_a_contradicted_sweep_counts_no_more_when_it_is_made_again(ledger: SqlLedger) -> None:
    made = [sweep(hour) for hour in range(1, MANY + 3)]
    for claim in made:
        brought(ledger, claim)
    assert ledger.join_claims() == len(made) - 1
    wrong = made[1]
    brought(ledger, *_against(wrong[1:3], ledger))
    brought(ledger, wrong)
    [ranges] = standing(ledger).values()
    assert ranges == TimeRanges.single(NOON, made[-1].end) - TimeRanges.single(wrong.start, wrong.end)
    assert ledger.join_claims() > 0


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


def derived(hour: int, length: int) -> Assertion:
    return answer(hour, length, source=Source.DERIVED)._replace(evidence="derived:15")


KINDS: dict[str, Callable[[int, int], list[Assertion]]] = {
    "answers": lambda hour, length: [answer(hour, length)],
    "derives": lambda hour, length: [derived(hour, length)],
    "sweeps": lambda hour, length: [sweep(hour, length)],
    "sweeps finer": lambda hour, length: [sweep(hour, length, HALVES, proved=True)],
    "streams": lambda hour, length: [streamed(hour, length), streamed(hour, length, HALVES)],
}
OTHER_STEPS = ("withdraw", "undo", "lose")
STEP = st.tuples(st.sampled_from([*KINDS, *OTHER_STEPS]), st.integers(1, 12), st.integers(1, 3))


def played(steps: list[tuple[str, int, int]], ledger: SqlLedger, clock: SetClock, *, join: bool) -> list[object]:
    """What follows from a ledger's claims after each step, and at the end of each instant."""
    found: list[object] = []
    jobs: list[int] = []
    for step, hour, length in steps:
        clock.instant += HOUR
        start, end = answer(hour, length)[1:3]
        if step in KINDS:
            jobs.append(brought(ledger, *KINDS[step](hour, length)))
        elif step == "withdraw" and (against := _against((start, end), ledger)):
            jobs.append(brought(ledger, *against))
        elif step == "lose" and jobs:
            ledger.forget_lost([], {HOURS: TimeRanges.single(start, end)}, TableMark("table", 1, ""))
        elif step == "undo" and jobs:
            found.append(_undone(ledger, jobs.pop()))
        if join:
            ledger.join_claims()
        found.append(_follows(ledger.assertions()))
    for instant in range(NOON, clock.instant + 1, HOUR):
        known = ledger.assertions_at(instant)
        found += [[claim for claim in known if not claim.withdrawn], _follows(known), _each_evidence(known)]
    return found


def _undone(ledger: SqlLedger, job: int) -> bool:
    try:
        ledger.undo(job)
        ledger.add_event(job, UNDONE, "")
    except UsageError:
        return False
    ledger.record_findings({}, {BTC: LIVED}, ledger.unexamined([BTC]).newest)
    return True


def _follows(claims: list[Assertion]) -> tuple[object, ...]:
    """Grades, coverage, certificates, where one interval may confirm another, and where answers were contradicted."""
    series = (HALVES, HOURS)
    known = Knowledge({BTC: (Life(0, None),)}, claims)
    of_pair = known_pairs(known, series, TimeRange(0, 2 * NOON))[BTC]
    lives = dict.fromkeys(series, LIVED)
    return (
        grades(claims, lives, {}),
        coverage_ranges(claims, lives),
        evidence_of(claims, TimeRange(0, 2 * NOON)),
        of_pair.independent(HOURS.interval, HALVES.interval),
        {series: ranges for series, ranges in known.refuted_answers.items() if ranges},
    )


def _each_evidence(claims: list[Assertion]) -> dict[tuple[object, ...], TimeRanges]:
    return {(claim.series, claim.evidence, claim.rank, claim.proved): r for claim, r in standing_claims(claims)}


def _against(span: tuple[int, int], ledger: SqlLedger) -> list[Assertion]:
    """Counter-claims to everything that stands in a span."""
    return [
        claim._replace(start=start, end=end, withdrawn=True)
        for claim, ranges in standing_claims(ledger.assertions())
        for start, end in ranges.clip(*span)
    ]


def check(steps: list[tuple[str, int, int]], monkeypatch: Callable[[object, str, object], None]) -> None:
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
    steps: list[tuple[str, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    check(steps, monkeypatch.setattr)


@pytest.mark.soak
@given(steps=st.lists(STEP, min_size=3, max_size=25))
@settings(UNHURRIED, max_examples=1000)
def test_joining_changes_nothing_in_a_thousand_histories(
    steps: list[tuple[str, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    check(steps, monkeypatch.setattr)
