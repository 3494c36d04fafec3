"""What is wanted of pairs, what is covered, and the work that derivation leaves to do (rules 2, 3, 6 and 7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain import knowledge as knowledge_module
from kraken_core.domain.candles import Source, Vintage, derived_rank, rank_of
from kraken_core.domain.coverage import Assertion, standing_claims
from kraken_core.domain.derive import Derivation
from kraken_core.domain.knowledge import DerivationWork, Knowledge, derived_claim
from kraken_core.domain.life import Life
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, floor

DAY_S = 86_400
BEGIN, END = 19_723 * DAY_S, 19_725 * DAY_S  # the first two days of 2024
BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "EUR")
OLD, NEW = (derived_rank(rank_of(Source.CSV, Vintage(day * DAY_S))) for day in (20_000, 20_100))
RANKS = (derived_rank(rank_of(Source.OHLC)), OLD, NEW)


def whole(pair: Pair, interval: int, rank: int = OLD, evidence: str = "file") -> Assertion:
    """A claim to both days."""
    return Assertion(Series(pair, interval), BEGIN, END, Source.CSV, rank, evidence)


def everything(*pairs: Pair) -> dict[Series, TimeRanges]:
    return {Series(pair, interval): TimeRanges.single(BEGIN, END) for pair in pairs for interval in INTERVALS}


def done(knowledge: Knowledge, work: DerivationWork) -> Knowledge:
    """What is known when the work has been done and claimed."""
    made = [
        derived_claim(Series(pair, derivation.interval), span, derivation)
        for pair, derivation in work.derive
        for span in derivation.ranges
    ]
    return replace(knowledge, claims=[*knowledge.claims, *work.withdraw, *made])


# Rule 2: wanted are the slots in the pair's life and in the window


@pytest.mark.parametrize("interval", INTERVALS)
def test_wanted_begins_with_the_slot_that_holds_the_listing(interval: int) -> None:
    listing = BEGIN + 11 * 3600 + 7 * 60 + 3
    knowledge = Knowledge({BTC: [Life(listing)]}, [])
    wanted = knowledge.wanted([BTC], [interval], TimeRange(BEGIN, END))
    assert wanted == {Series(BTC, interval): TimeRanges.single(floor(listing, interval * 60), END)}


def test_an_asset_listed_later_is_not_held_to_the_full_range() -> None:
    knowledge = Knowledge({BTC: [Life(BEGIN)], ETH: [Life(END - DAY_S)]}, [])
    wanted = knowledge.wanted([BTC, ETH], [60], TimeRange(BEGIN, END))
    assert {series.pair: ranges.slots(3600) for series, ranges in wanted.items()} == {BTC: 48, ETH: 24}


def test_nothing_is_wanted_of_a_pair_between_two_lives() -> None:
    lives = [Life(BEGIN, BEGIN + 3 * 3600), Life(BEGIN + 20 * 3600)]
    wanted = Knowledge({BTC: lives}, []).wanted([BTC], [60], TimeRange(BEGIN, END))
    assert wanted[Series(BTC, 60)].slots(3600) == 3 + 28


def test_only_slots_that_have_closed_are_wanted() -> None:
    wanted = Knowledge({BTC: [Life(BEGIN)]}, []).wanted([BTC], INTERVALS, TimeRange(BEGIN, END - 1))
    assert {series.interval: END - ranges.hull.end for series, ranges in wanted.items()} == {
        interval: interval * 60 for interval in INTERVALS
    }


def test_a_pair_that_never_lived_is_not_wanted() -> None:
    assert Knowledge({ETH: []}, []).wanted([BTC, ETH], [60], TimeRange(BEGIN, END)) == {}


# Rule 3: coverage is computed from claims


def test_what_is_covered_is_what_any_claim_knows() -> None:
    claims = [whole(BTC, 60), whole(ETH, 60)._replace(end=BEGIN + 3600)]
    assert Knowledge({}, claims).covered() == {
        Series(BTC, 60): TimeRanges.single(BEGIN, END),
        Series(ETH, 60): TimeRanges.single(BEGIN, BEGIN + 3600),
    }


# Rule 7: derived bottom-up, and recomputed when its inputs change


@st.composite
def histories(draw: st.DrawFn) -> list[Assertion]:
    """Claims of files and requests to stretches of a few series, some of them withdrawn later."""
    claims: list[Assertion] = []
    for number in range(draw(st.integers(0, 6))):
        series = Series(draw(st.sampled_from((BTC, ETH))), draw(st.sampled_from(INTERVALS)))
        slots = (END - BEGIN) // series.width
        first = draw(st.integers(0, slots - 1))
        last = draw(st.integers(first + 1, slots))
        span = (BEGIN + first * series.width, BEGIN + last * series.width)
        claims.append(Assertion(series, *span, Source.CSV, draw(st.sampled_from(RANKS)), f"file {number}"))
        if draw(st.integers(0, 3)) == 0:
            claims.append(draw(st.sampled_from(claims))._replace(withdrawn=True))
    return claims


@st.composite
def wishes(draw: st.DrawFn) -> dict[Series, TimeRanges]:
    """What is wanted: some intervals of some pairs, each in its own window of days, as earlier runs left them."""
    days = st.sampled_from([(BEGIN, END), (BEGIN, BEGIN + DAY_S), (BEGIN + DAY_S, END)])
    chosen = draw(st.sets(st.tuples(st.sampled_from((BTC, ETH)), st.sampled_from(INTERVALS)), max_size=16))
    return {Series(*each): TimeRanges.single(*draw(days)) for each in sorted(chosen)}


LIVES: Mapping[Pair, Sequence[Life]] = {BTC: [Life(BEGIN)], ETH: [Life(BEGIN + 5 * 3600 + 90, END - 7 * 3600)]}


def assert_built_on_what_is_there(knowledge: Knowledge, work: DerivationWork) -> None:
    """No slot is derived from finer ones that are neither claimed nor derived before it."""
    there: dict[Series, TimeRanges] = defaultdict(TimeRanges)
    for claim, ranges in standing_claims([*knowledge.claims, *work.withdraw]):
        there[claim.series] |= ranges
    for pair, derivation in work.derive:
        life = TimeRanges.of((life.start, life.end or END) for life in knowledge.lives[pair])
        assert not (derivation.ranges & life) - there[Series(pair, derivation.finer)]
        there[Series(pair, derivation.interval)] |= derivation.ranges


@given(st.lists(st.tuples(histories(), wishes()), min_size=1, max_size=3))
def test_work_that_was_done_leaves_none_and_never_builds_on_what_is_missing(
    runs: list[tuple[list[Assertion], dict[Series, TimeRanges]]],
) -> None:
    """Run after run, whatever sources say or take back in between, and whatever is wanted each time."""
    knowledge = Knowledge(LIVES, [])
    for claims, wanted in runs:
        knowledge = replace(knowledge, claims=[*knowledge.claims, *claims])
        work = knowledge.derivation_work(wanted)
        assert_built_on_what_is_there(knowledge, work)
        knowledge = done(knowledge, work)
        assert knowledge.derivation_work(wanted) == DerivationWork((), ())


@given(histories(), st.data())
def test_where_all_is_wanted_the_end_does_not_depend_on_the_order_of_arrival(
    claims: list[Assertion], data: st.DataObject
) -> None:
    """Rule 6. One file after the other, in any order, derives what all at once do."""
    arrivals = data.draw(st.permutations([claim for claim in claims if not claim.withdrawn]))
    wanted = everything(BTC, ETH)
    apart = Knowledge(LIVES, [])
    for claim in arrivals:
        apart = replace(apart, claims=[*apart.claims, claim])
        apart = done(apart, apart.derivation_work(wanted))
    together = Knowledge(LIVES, arrivals)
    together = done(together, together.derivation_work(wanted))
    as_set = [{(a.series, a.evidence, a.rank, r) for a, r in standing_claims(k.claims)} for k in (apart, together)]
    assert as_set[0] == as_set[1]


def test_what_a_source_came_to_know_as_well_is_no_longer_derived() -> None:
    knowledge = Knowledge(LIVES, [whole(BTC, 30)])
    knowledge = done(knowledge, knowledge.derivation_work(everything(BTC)))
    knowledge = replace(knowledge, claims=[*knowledge.claims, whole(BTC, 60)])
    work = knowledge.derivation_work(everything(BTC))
    assert work.derive == ()
    assert work.withdraw == (Assertion(Series(BTC, 60), BEGIN, END, Source.DERIVED, OLD, "derived:30", withdrawn=True),)


def test_what_was_derived_is_withdrawn_when_all_it_came_from_is() -> None:
    source = whole(BTC, 60)
    knowledge = Knowledge(LIVES, [source])
    knowledge = done(knowledge, knowledge.derivation_work(everything(BTC)))
    assert len(knowledge.covered()) == 4
    knowledge = replace(knowledge, claims=[*knowledge.claims, source._replace(withdrawn=True)])
    work = knowledge.derivation_work(everything(BTC))
    assert work.derive == ()
    assert done(knowledge, work).covered() == {}


def test_a_newer_vintage_of_finer_candles_is_derived_from_anew() -> None:
    knowledge = Knowledge(LIVES, [whole(BTC, 60), whole(BTC, 240)])
    knowledge = done(knowledge, knowledge.derivation_work(everything(BTC)))
    knowledge = replace(knowledge, claims=[*knowledge.claims, whole(BTC, 60, NEW, "newer")])
    work = knowledge.derivation_work(everything(BTC))
    assert [(each.interval, each.finer, each.rank) for _, each in work.derive] == [
        (240, 60, NEW),
        (720, 240, NEW),
        (1440, 720, NEW),
    ]
    assert {(claim.series.interval, claim.rank) for claim in work.withdraw} == {(720, OLD), (1440, OLD)}


def test_a_narrower_request_takes_back_nothing_and_builds_on_nothing_that_is_missing() -> None:
    """Quarters of an hour wanted since ever, five minutes since yesterday: the former come from the minutes."""
    wanted = {
        Series(BTC, 5): TimeRanges.single(BEGIN + DAY_S, END),
        Series(BTC, 15): TimeRanges.single(BEGIN, END),
    }
    work = Knowledge(LIVES, [whole(BTC, 1)]).derivation_work(wanted)
    assert [each for _, each in work.derive] == [
        Derivation(5, 1, OLD, TimeRanges.single(BEGIN + DAY_S, END)),
        Derivation(15, 1, OLD, TimeRanges.single(BEGIN, BEGIN + DAY_S)),
        Derivation(15, 5, OLD, TimeRanges.single(BEGIN + DAY_S, END)),
    ]
    wide = Knowledge(LIVES, [whole(BTC, 1)])
    wide = done(wide, wide.derivation_work(everything(BTC)))
    assert wide.derivation_work(wanted) == DerivationWork((), ())


def test_intervals_nobody_wants_are_neither_derived_nor_touched() -> None:
    knowledge = Knowledge(LIVES, [whole(BTC, 1)])
    work = knowledge.derivation_work({Series(BTC, 1440): TimeRanges.single(BEGIN, END)})
    assert [each for _, each in work.derive] == [Derivation(1440, 1, OLD, TimeRanges.single(BEGIN, END))]


def test_work_is_ordered_finest_first_and_its_spans_are_by_series() -> None:
    work = Knowledge(LIVES, [whole(ETH, 240), whole(BTC, 240)]).derivation_work(everything(BTC, ETH))
    assert [(pair, each.interval) for pair, each in work.derive] == [(BTC, 720), (ETH, 720), (BTC, 1440), (ETH, 1440)]
    assert work.spans == {Series(pair, i): TimeRanges.single(BEGIN, END) for pair in (BTC, ETH) for i in (720, 1440)}


# What is known again, as by a job whose plan found nothing to read


def test_what_follows_from_the_same_claims_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    worked_out: list[object] = []

    def counted(*known: object) -> list[Derivation]:
        worked_out.append(known)
        return []

    monkeypatch.setattr(knowledge_module, "derivations", counted)
    planned = Knowledge({BTC: [Life(BEGIN)]}, [whole(BTC, 1)])
    read_again = Knowledge({BTC: [Life(BEGIN)]}, [whole(BTC, 1)]).same_as(planned)
    assert planned.derivation_work(everything(BTC)) == read_again.derivation_work(everything(BTC))
    assert len(worked_out) == 1


def test_other_slots_are_worked_out_anew() -> None:
    knowledge = Knowledge({BTC: [Life(BEGIN)]}, [whole(BTC, 1)])
    some = {series: ranges.clip(BEGIN, END - DAY_S) for series, ranges in everything(BTC).items()}
    of_some, of_all = knowledge.derivation_work(some), knowledge.derivation_work(everything(BTC))
    assert of_some == Knowledge(knowledge.lives, knowledge.claims).derivation_work(some)
    assert of_all == Knowledge(knowledge.lives, knowledge.claims).derivation_work(everything(BTC)) != of_some


@pytest.mark.parametrize(
    "other", [Knowledge({BTC: [Life(BEGIN)]}, []), Knowledge({BTC: [Life(BEGIN, END)]}, [whole(BTC, 1)]), None]
)
def test_knowledge_that_differs_takes_nothing_over(other: Knowledge | None) -> None:
    knowledge = Knowledge({BTC: [Life(BEGIN)]}, [whole(BTC, 1)])
    assert knowledge.same_as(other) is knowledge
