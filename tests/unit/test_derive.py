"""What to derive from what, compared with a plain walk over every slot (rules 6 and 7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.derive import Derivation, Levels, derivable, derivations, levels
from kraken_core.domain.market import INTERVALS
from kraken_core.domain.timerange import TimeRanges
from tests.support.ranges import LAST, from_slots, instants_of, slots_of, time_ranges

DAY_S = 86_400
DAYS = 2
BEGIN, END = 100 * DAY_S, (100 + DAYS) * DAY_S

# A claim: interval, rank, and the slots it knows.
Claim: TypeAlias = "tuple[int, int, TimeRanges]"


@st.composite
def claims(draw: st.DrawFn) -> Claim:
    """Some source knows a stretch of one interval, to rank 1 to 4."""
    interval = draw(st.sampled_from(INTERVALS))
    width = interval * 60
    slots = DAYS * DAY_S // width
    first = draw(st.integers(0, slots - 1))
    last = draw(st.integers(first + 1, slots))
    return interval, draw(st.integers(1, 4)), TimeRanges.single(BEGIN + first * width, BEGIN + last * width)


@st.composite
def lives(draw: st.DrawFn) -> TimeRanges:
    """All of both days, or some of them to the second."""
    if draw(st.booleans()):
        return TimeRanges.single(BEGIN, END)
    turns = sorted(draw(st.sets(st.integers(BEGIN, END), min_size=2, max_size=4)))
    return TimeRanges.of(zip(turns[::2], turns[1::2], strict=False))


ALLOWED = st.one_of(
    st.just(dict.fromkeys(INTERVALS, TimeRanges.single(BEGIN, END))),
    st.dictionaries(
        st.sampled_from(INTERVALS), claims().map(lambda claim: claim[2].outer(DAY_S)), min_size=1, max_size=8
    ),
)


def by_interval(known: Sequence[Claim]) -> dict[int, Levels]:
    found: dict[int, list[tuple[int, TimeRanges]]] = defaultdict(list)
    for interval, rank, ranges in known:
        found[interval].append((rank, ranges))
    return {interval: levels(ranges) for interval, ranges in found.items()}


def slot_by_slot(
    known: Sequence[Claim], life: TimeRanges, allowed: Mapping[int, TimeRanges]
) -> dict[tuple[int, int], tuple[int, int]]:
    """The interval to derive each slot from, and the rank of it: by (interval, slot)."""
    ranks: dict[int, dict[int, int]] = {interval: {} for interval in INTERVALS}
    for interval, rank, ranges in known:
        for slot in slots_of(ranges, interval * 60):
            ranks[interval][slot] = max(rank, ranks[interval].get(slot, 0))
    lived = {interval: slots_of(life.outer(interval * 60), interval * 60) for interval in INTERVALS}
    result = {}
    for interval in INTERVALS:
        for slot in slots_of(allowed.get(interval, TimeRanges()), interval * 60):
            finer, rank = best_parts(slot, interval, ranks, lived)
            if rank > ranks[interval].get(slot, 0):
                result[interval, slot] = (finer, rank)
                ranks[interval][slot] = rank
    return result


def best_parts(
    slot: int, interval: int, ranks: Mapping[int, Mapping[int, int]], lived: Mapping[int, set[int]]
) -> tuple[int, int]:
    """The finer interval that knows every lived part of a slot best, of several the coarsest, and its worst rank."""
    found = [(0, 0)]
    for finer in INTERVALS:
        if finer < interval and interval % finer == 0:
            parts = [part for part in range(slot, slot + interval * 60, finer * 60) if part in lived[finer]]
            if parts and all(part in ranks[finer] for part in parts):
                found.append((min(ranks[finer][part] for part in parts), finer))
    rank, finer = max(found)
    return finer, rank


def as_slots(found: Sequence[Derivation]) -> dict[tuple[int, int], tuple[int, int]]:
    result: dict[tuple[int, int], tuple[int, int]] = {}
    for each in found:
        for slot in slots_of(each.ranges, each.interval * 60):
            assert (each.interval, slot) not in result, "derived twice"
            result[each.interval, slot] = (each.finer, each.rank)
    return result


# Levels


@given(st.lists(st.tuples(st.integers(1, 4), time_ranges()), max_size=6))
def test_each_instant_has_the_best_rank_that_knows_it(known: list[tuple[int, TimeRanges]]) -> None:
    best: dict[int, int] = {}
    for rank, ranges in known:
        for instant in instants_of(ranges):
            best[instant] = max(rank, best.get(instant, 0))
    found = levels(known)
    assert [rank for rank, _ in found] == sorted({rank for rank, _ in found}, reverse=True)
    assert {instant: rank for rank, ranges in found for instant in instants_of(ranges)} == best
    assert sum(ranges.seconds for _, ranges in found) == len(best)


@given(
    st.lists(st.tuples(st.integers(1, 4), time_ranges()), max_size=6),
    time_ranges(),
    st.sampled_from((2, 5, 12)),
    time_ranges(),
)
def test_a_slot_can_be_derived_where_all_of_it_is_known_or_outside_life(
    known: list[tuple[int, TimeRanges]], outside: TimeRanges, width: int, asked: TimeRanges
) -> None:
    slots = asked.outer(width)
    best = {instant: rank for rank, ranges in levels(known) for instant in instants_of(ranges)}
    dead = instants_of(outside)
    expected: dict[int, list[int]] = defaultdict(list)
    for slot in range(-LAST // width * width, LAST + 20, width):
        alive = set(range(slot, slot + width)) - dead
        if alive and alive <= best.keys() and slot in slots:
            expected[min(best[instant] for instant in alive)].append(slot)
    found = derivable(levels(known), outside, width, slots)
    assert dict(found) == {rank: from_slots(slots, width) for rank, slots in expected.items()}


# Derivations


@given(st.lists(claims(), max_size=6), lives(), ALLOWED)
def test_every_slot_is_derived_from_the_finer_interval_that_knows_all_of_it_best(
    known: list[Claim], life: TimeRanges, allowed: dict[int, TimeRanges]
) -> None:
    """… at its worst part's rank, where that is better than what a source says of the slot itself."""
    found = derivations(by_interval(known), life, allowed)
    assert as_slots(found) == slot_by_slot(known, life, allowed)


@given(st.lists(claims(), max_size=6), lives(), st.data())
def test_the_order_in_which_sources_came_makes_no_difference(
    known: list[Claim], life: TimeRanges, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(known))
    allowed = dict.fromkeys(INTERVALS, life.outer(DAY_S))
    assert derivations(by_interval(shuffled), life, allowed) == derivations(by_interval(known), life, allowed)


@given(st.lists(claims(), max_size=6), lives(), ALLOWED)
def test_derivations_are_whole_slots_finest_first_that_build_on_what_is_there(
    known: list[Claim], life: TimeRanges, allowed: dict[int, TimeRanges]
) -> None:
    """Done in their order, none ever reads a slot that nobody knows: its candles would silently lack trades."""
    there: dict[int, TimeRanges] = defaultdict(TimeRanges)
    for interval, _, ranges in known:
        there[interval] |= ranges
    found = derivations(by_interval(known), life, allowed)
    assert [each.interval for each in found] == sorted(each.interval for each in found)
    for each in found:
        assert each.interval % each.finer == 0
        assert each.ranges == each.ranges.inner(each.interval * 60)
        assert not (each.ranges & life) - there[each.finer]
        there[each.interval] |= each.ranges


# Rule 10: the only free way to 720


def whole(interval: int, rank: int) -> Claim:
    return interval, rank, TimeRanges.single(BEGIN, END)


def plan_of(*known: Claim) -> list[tuple[int, int, int]]:
    """Interval, finer interval and rank of what is derived of two whole days."""
    everywhere = dict.fromkeys(INTERVALS, TimeRanges.single(BEGIN, END))
    found = derivations(by_interval(known), TimeRanges.single(BEGIN, END), everywhere)
    return [(each.interval, each.finer, each.rank) for each in found if each.ranges.seconds == END - BEGIN]


def test_minutes_alone_give_every_other_interval_each_from_the_one_before() -> None:
    assert plan_of(whole(1, 2)) == [
        (5, 1, 2),
        (15, 5, 2),
        (30, 15, 2),
        (60, 30, 2),
        (240, 60, 2),
        (720, 240, 2),
        (1440, 720, 2),
    ]


def test_nothing_is_derived_of_slots_a_source_knows_as_well() -> None:
    assert plan_of(*(whole(interval, 2) for interval in INTERVALS)) == []


def test_better_finer_knowledge_replaces_what_a_source_says_of_the_coarse_slot() -> None:
    assert plan_of(whole(720, 3), whole(1440, 2)) == [(1440, 720, 3)]


def test_the_worst_part_decides_the_rank() -> None:
    half = (720, 1, TimeRanges.single(BEGIN, BEGIN + DAY_S // 2))
    rest = (720, 4, TimeRanges.single(BEGIN + DAY_S // 2, END))
    known = by_interval([half, rest])
    everywhere = dict.fromkeys(INTERVALS, TimeRanges.single(BEGIN, END))
    assert derivations(known, TimeRanges.single(BEGIN, END), everywhere) == [
        Derivation(1440, 720, 4, TimeRanges.single(BEGIN + DAY_S, END)),
        Derivation(1440, 720, 1, TimeRanges.single(BEGIN, BEGIN + DAY_S)),
    ]


@given(st.lists(claims(), max_size=6), claims(), lives(), ALLOWED)
def test_nothing_derived_gives_way_to_something_worse_as_more_gets_known(
    known: list[Claim], more: Claim, life: TimeRanges, allowed: dict[int, TimeRanges]
) -> None:
    """A candle that was outranked is gone: what outranked it has to stay, or to be outranked in turn."""

    def best(claims_known: list[Claim]) -> dict[tuple[int, int], int]:
        own = {
            (i, slot): rank for i, rank, r in sorted(claims_known, key=lambda c: c[1]) for slot in slots_of(r, i * 60)
        }
        made = as_slots(derivations(by_interval(claims_known), life, allowed))
        return own | {key: rank for key, (_, rank) in made.items()}

    before, after = best(known), best([*known, more])
    assert all(after[key] >= rank for key, rank in before.items())


# Rule 2: slots outside life count as covered when a coarser slot is derived


def test_the_day_of_the_listing_is_derived_from_the_hours_since() -> None:
    listing = BEGIN + 13 * 3600 + 120
    hours = (60, 2, TimeRanges.single(BEGIN + 13 * 3600, END))
    everywhere = dict.fromkeys(INTERVALS, TimeRanges.single(BEGIN, END))
    found = derivations(by_interval([hours]), TimeRanges.single(listing, END), everywhere)
    days = [each.ranges for each in found if each.interval == 1440]
    assert days == [TimeRanges.single(BEGIN, END)]


def test_a_slot_wholly_outside_life_is_not_derived() -> None:
    life = TimeRanges.single(BEGIN + DAY_S, END)
    everywhere = dict.fromkeys(INTERVALS, TimeRanges.single(BEGIN, END))
    found = derivations(by_interval([whole(60, 2)]), life, everywhere)
    assert {each.ranges for each in found} == {life}
