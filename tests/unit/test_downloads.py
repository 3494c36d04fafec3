"""The route download: the members of published archives that fill what is missing, for the fewest bytes."""

from __future__ import annotations

from datetime import date
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.archives import Archive, ArchiveFile, ZipEntry, quarters_between
from kraken_core.domain.candles import Vintage
from kraken_core.domain.coverage import ArchiveStatement
from kraken_core.domain.download_route import Offer, cheapest_members
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges, day_start

HOURLY, DAILY = Series(Pair("BTC", "USD"), 60), Series(Pair("BTC", "USD"), 1440)
HOUR = 3600
Q1, Q2, Q3 = (day_start(date(2026, month, 1)) for month in (1, 4, 7))


def archive(start: int | None, end: int | None, nbytes: int, *series: Series) -> Archive:
    entry = ZipEntry(0, nbytes, 8, 0, "v1")
    files = tuple(ArchiveFile("http://host/a.zip", s.file_name, s, 5 * nbytes, "stamp", entry) for s in series)
    return Archive(
        "http://host/a.zip", ArchiveStatement(start, end), Vintage(end), complete=False, identity="", files=files
    )


def cost(offers: list[Offer]) -> int:
    return sum(offer.nbytes for offer in offers)


def filled(offers: list[Offer]) -> TimeRanges:
    return TimeRanges.of(piece for offer in offers for piece in offer.fills)


def test_a_quarter_that_is_missing_is_taken_from_its_own_release_not_from_the_full_one() -> None:
    archives = [archive(None, Q3, 1000, HOURLY), archive(Q1, Q2, 30, HOURLY), archive(Q2, Q3, 40, HOURLY)]
    (offer,) = cheapest_members({HOURLY: TimeRanges.single(Q2, Q3)}, archives)[HOURLY]
    assert (offer.archive, offer.nbytes, offer.fills) == (2, 40, TimeRanges.single(Q2, Q3))


def test_a_member_that_was_read_is_not_offered_for_what_it_did_not_cover() -> None:
    """The absent last slot of an archive would be downloaded again by every job, for ever."""
    quarter, full = archive(Q1, Q2, 30, HOURLY), archive(None, Q3, 1000, HOURLY)
    last = {HOURLY: TimeRanges.single(Q2 - HOUR, Q2)}
    assert cheapest_members(last, [quarter], quarter.files) == {}
    (offer,) = cheapest_members(last, [quarter, full], quarter.files)[HOURLY]
    assert offer.archive == 1


def test_where_the_full_release_is_needed_anyway_no_other_is_that_it_holds() -> None:
    archives = [archive(None, Q2, 1000, HOURLY), archive(Q1, Q2, 30, HOURLY), archive(Q2, Q3, 40, HOURLY)]
    offers = cheapest_members({HOURLY: TimeRanges.single(Q1 - HOUR, Q3)}, archives)[HOURLY]
    assert [offer.archive for offer in offers] == [0, 2]


def test_the_provisional_slot_at_the_end_of_a_coarse_member_is_not_promised() -> None:
    (offer,) = cheapest_members({DAILY: TimeRanges.single(Q1, Q3)}, [archive(Q1, Q2, 10, HOURLY, DAILY)])[DAILY]
    assert offer.fills == TimeRanges.single(Q1, Q2 - 24 * HOUR)


def test_only_series_that_are_missing_and_only_archives_with_a_stated_end_are_looked_at() -> None:
    archives = [archive(Q1, None, 10, HOURLY), archive(Q1, Q2, 10, DAILY)]
    assert cheapest_members({HOURLY: TimeRanges.single(Q1, Q2)}, archives) == {}
    assert cheapest_members({HOURLY: TimeRanges.single(Q2, Q3)}, [archive(Q1, Q2, 10, HOURLY)]) == {}


def test_quarters_of_a_range() -> None:
    assert quarters_between(Q1, Q3) == [(2026, 1), (2026, 2)]
    assert quarters_between(Q1 - 1, Q2 + 1) == [(2025, 4), (2026, 1), (2026, 2)]
    assert quarters_between(Q1, Q1) == []


slots = st.integers(0, 12)
spans = st.tuples(slots, slots).map(sorted).filter(lambda span: span[0] < span[1])


@given(
    missing=st.lists(spans, min_size=1, max_size=4),
    held=st.lists(st.tuples(spans, st.integers(1, 9)), min_size=1, max_size=6),
)
def test_nobody_finds_cheaper_members_that_fill_as_much(
    missing: list[list[int]], held: list[tuple[list[int], int]]
) -> None:
    wanted = {HOURLY: TimeRanges.of((start * HOUR, end * HOUR) for start, end in missing)}
    archives = [archive(start * HOUR, end * HOUR, nbytes, HOURLY) for (start, end), nbytes in held]
    chosen = cheapest_members(wanted, archives).get(HOURLY, [])
    single = [offer for each in archives for offer in cheapest_members(wanted, [each]).get(HOURLY, [])]
    most = filled(single)
    assert filled(chosen) == most
    every = (list(few) for count in range(len(single) + 1) for few in combinations(single, count))
    assert cost(chosen) == min(cost(few) for few in every if filled(few) == most)
