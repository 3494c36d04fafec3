"""What a request wants, beside what was wanted before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from kraken_core.domain.candles import Source, Vintage, derived_rank, rank_of
from kraken_core.domain.coverage import Assertion
from kraken_core.domain.exchange import Market
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.life import Life
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.request import Request, Selection
from kraken_core.domain.scope import Detection, Scope, not_assessed, wanted_before
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.timerange import TimeRange, TimeRanges, day_start

BTC, ADA, OMG, NEW = (Pair(base, "USD") for base in ("BTC", "ADA", "OMG", "NEW"))
DAYS = Series(BTC, 1440)
DAY = 86_400
JANUARY, FEBRUARY, MARCH = (day_start(date(2026, month, 1)) for month in (1, 2, 3))
BEFORE = {DAYS: Detection(TimeRange(FEBRUARY, FEBRUARY + 10 * DAY), FEBRUARY + 10 * DAY)}
KNOWN = Knowledge({BTC: (Life(0, None, assumed=False),)}, ())
REQUEST = Request(pairs=(BTC,), intervals=(1440,), start_date=date(2026, 1, 1))
TIERS = Tiers.parse('rest = "TIER4"\nfiat = ["USD"]\n[tiers]\nTIER1 = ["BTC"]\n', "tiers.toml")


def wanted(request: Request, before: dict[Series, Detection] | None = None) -> tuple[TimeRanges, int | None]:
    """The days wanted, and the instant that the detection will speak of."""
    slots, detections = Scope(request, MARCH, BEFORE if before is None else before).wanted(KNOWN, [BTC])
    return slots.get(DAYS, TimeRanges()), detections[DAYS].as_of if DAYS in detections else None


def test_a_request_wants_its_window_and_what_was_wanted_before() -> None:
    assert wanted(REQUEST) == (TimeRanges.single(JANUARY, MARCH), MARCH)
    narrow = replace(REQUEST, start_date=date(2026, 2, 20))
    assert wanted(narrow) == (TimeRanges.single(FEBRUARY, MARCH), MARCH)
    assert wanted(narrow, {}) == (TimeRanges.single(MARCH - 9 * DAY, MARCH), MARCH)


def test_an_incremental_one_goes_on_from_where_it_was_and_wants_nothing_older() -> None:
    assert wanted(replace(REQUEST, incremental=True)) == (TimeRanges.single(FEBRUARY, MARCH), MARCH)
    assert wanted(replace(REQUEST, incremental=True), {}) == (TimeRanges.single(JANUARY, MARCH), MARCH)


def test_a_backfill_wants_nothing_more_and_speaks_of_the_same_instant() -> None:
    backfill = Request(pairs=(BTC,), intervals=(1440,), backfill=True)
    assert wanted(backfill) == (TimeRanges.single(FEBRUARY, FEBRUARY + 10 * DAY), FEBRUARY + 10 * DAY)
    assert wanted(backfill, {}) == (TimeRanges(), None)


def test_one_as_of_an_earlier_instant_leaves_wanted_what_was_wanted_later() -> None:
    paused = Scope(REQUEST, FEBRUARY + 5 * DAY, BEFORE)
    slots, detections = paused.wanted(KNOWN, [BTC])
    assert slots[DAYS] == TimeRanges.single(JANUARY, FEBRUARY + 10 * DAY)
    assert detections[DAYS].as_of == FEBRUARY + 10 * DAY


def test_what_was_wanted_beyond_the_exchanges_present_is_wanted_no_longer() -> None:
    """A clock was ahead, and nobody had asked the exchange for its own."""
    slots, detections = Scope(REQUEST, FEBRUARY + 5 * DAY, BEFORE, FEBRUARY + 5 * DAY + 120).wanted(KNOWN, [BTC])
    assert slots[DAYS] == TimeRanges.single(JANUARY, FEBRUARY + 5 * DAY)
    assert detections[DAYS].as_of == FEBRUARY + 5 * DAY + 120


def test_dates_limit_what_may_be_repaired_of_what_was_ever_wanted() -> None:
    scope = Scope(replace(REQUEST, start_date=date(2026, 2, 20)), MARCH, BEFORE)
    slots, _ = scope.wanted(KNOWN, [BTC])
    assert scope.repairable(slots) == {DAYS: TimeRanges.single(MARCH - 9 * DAY, MARCH)}


def test_first_trades_are_asked_for_where_the_listing_is_not_known_and_matters() -> None:
    lives = {
        BTC: (Life(JANUARY - DAY),),  # assumed, but before all that is wanted
        ADA: (Life(FEBRUARY),),  # assumed: it may have begun earlier
        OMG: (Life(JANUARY, FEBRUARY, assumed=False),),  # was delisted, and is listed again
    }
    market = Market(MARCH, frozenset({BTC, ADA, OMG, NEW}))
    scope = Scope(replace(REQUEST, pairs=(), tiers=("ALL",)), MARCH)
    assert scope.unlisted_pairs(lives, market, TIERS) == [ADA, OMG, NEW]
    assert scope.unlisted_pairs({**lives, ADA: (Life(FEBRUARY, assumed=False),)}, market, TIERS) == [OMG, NEW]
    assert Scope(replace(scope.request, backfill=True), MARCH).unlisted_pairs(lives, market, TIERS) == []


# Rule 16: what was asked for and is not stored is missing


def test_of_a_pair_of_which_nothing_is_known_the_requested_window_is_wanted() -> None:
    slots, detections = Scope(REQUEST, MARCH).wanted(Knowledge({BTC: ()}, ()), [BTC, ADA])
    assert slots == {Series(pair, 1440): TimeRanges.single(JANUARY, MARCH) for pair in (BTC, ADA)}
    assert {series.pair for series in detections} == {BTC, ADA}
    later = Scope(REQUEST, MARCH, detections).wanted(Knowledge({BTC: (Life(FEBRUARY),), ADA: ()}, ()), [BTC])
    assert later[0] == {DAYS: TimeRanges.single(FEBRUARY, MARCH)}, "once it is known to have lived, its life is"


def test_a_request_speaks_of_pairs_that_lived_that_have_files_and_that_it_names() -> None:
    lives = {BTC: (Life(JANUARY),), NEW: ()}  # of the other, all that was stored was taken back
    tier = Scope(replace(REQUEST, pairs=(), tiers=("ALL",)), MARCH)
    assert tier.pairs(lives, {OMG}, TIERS) == [BTC, OMG]
    named = Scope(replace(REQUEST, pairs=(ADA, NEW)), MARCH)
    assert named.pairs(lives, {OMG}, TIERS) == [ADA, NEW]
    assert Scope(replace(named.request, quotes=("EUR",)), MARCH).pairs(lives, (), TIERS) == []
    backfill = Scope(Request(backfill=True), MARCH, {Series(NEW, 60): BEFORE[DAYS]})
    assert backfill.pairs(lives, (), TIERS) == [BTC, NEW]


def test_a_backfill_asks_for_the_first_trade_of_pairs_of_which_nothing_is_known() -> None:
    market = Market(MARCH, frozenset({BTC, ADA, OMG}))
    scope = Scope(Request(backfill=True), MARCH, {DAYS: BEFORE[DAYS], Series(ADA, 60): BEFORE[DAYS]})
    assert scope.unlisted_pairs({BTC: (Life(FEBRUARY),)}, market, TIERS) == [ADA]


# Every report speaks of what was wanted at the last detections


def test_what_was_wanted_before_is_told_as_far_as_the_days_and_the_life_go() -> None:
    whole = wanted_before(BEFORE, {BTC: (Life(JANUARY),)}, Selection())
    assert whole == {DAYS: TimeRanges.single(FEBRUARY, FEBRUARY + 10 * DAY)}
    some = Selection(start_date=date(2026, 2, 3), end_date=date(2026, 2, 5))
    assert wanted_before(BEFORE, {BTC: (Life(FEBRUARY + 3 * DAY),)}, some) == {
        DAYS: TimeRanges.single(FEBRUARY + 3 * DAY, FEBRUARY + 5 * DAY)
    }
    assert wanted_before(BEFORE, {BTC: ()}, some) == {DAYS: TimeRanges.single(FEBRUARY + 2 * DAY, FEBRUARY + 5 * DAY)}
    assert wanted_before(BEFORE, {}, Selection(start_date=date(2026, 2, 20))) == {DAYS: TimeRanges()}


STORED = Knowledge(
    KNOWN.lives,
    [
        Assertion(
            DAYS,
            JANUARY - 30 * DAY,
            JANUARY - 20 * DAY,
            Source.CSV,
            derived_rank(rank_of(Source.CSV, Vintage())),
            "old",
        )
    ],
)


def test_what_is_covered_outside_of_the_window_is_expected_with_all_that_lies_between() -> None:
    """Else a report of those days would speak of a part, or say that nothing is stored there."""
    slots, detections = Scope(REQUEST, MARCH).wanted(STORED, [BTC])
    assert slots[DAYS] == TimeRanges.single(JANUARY - 30 * DAY, MARCH)
    assert detections[DAYS].wanted == TimeRange(JANUARY - 30 * DAY, MARCH)


def test_what_is_covered_before_a_pair_was_listed_makes_nothing_expected() -> None:
    """An archive that states its dates claims silence there; a listing that turns out earlier changes nothing then."""
    listed = Knowledge({BTC: (Life(JANUARY - 25 * DAY, None, assumed=True),)}, STORED.claims)
    _, detections = Scope(REQUEST, MARCH).wanted(listed, [BTC])
    assert detections[DAYS].wanted == TimeRange(JANUARY - 25 * DAY, MARCH)


def test_of_what_is_covered_only_the_window_is_repaired() -> None:
    scope = Scope(REQUEST, MARCH)
    slots, _ = scope.wanted(STORED, [BTC])
    assert scope.repairable(slots)[DAYS] == TimeRanges.single(JANUARY, MARCH)


def test_days_that_no_job_looked_at_are_named_where_a_selection_speaks_of_them() -> None:
    now = BEFORE[DAYS].as_of + 2 * DAY + 3600

    def beyond(start_date: date | None = None, end_date: date | None = None) -> dict[Series, TimeRange]:
        return not_assessed(BEFORE, KNOWN.lives, Selection(start_date=start_date, end_date=end_date), now)

    assert beyond(start_date=date(2026, 1, 31)) == {DAYS: BEFORE[DAYS].wanted}
    assert beyond(end_date=date(2026, 1, 5)) == {DAYS: BEFORE[DAYS].wanted}
    assert beyond(start_date=date(2026, 2, 1), end_date=date(2026, 2, 10)) == {}
    assert beyond(end_date=date(2026, 2, 11)) == {DAYS: BEFORE[DAYS].wanted}
    assert beyond(start_date=date(2026, 2, 1)) == {}  # to whatever day it was
    assert beyond() == {}  # it speaks of what was assessed


def test_days_before_a_pair_was_listed_need_no_assessing() -> None:
    lives = {BTC: (Life(FEBRUARY, None, assumed=False),)}
    assert not_assessed(BEFORE, lives, Selection(start_date=date(2026, 1, 1)), MARCH) == {}
