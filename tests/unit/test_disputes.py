"""Which slots are in dispute where intervals of a pair disagree: those of which nobody knows what is true."""

from __future__ import annotations

from collections.abc import Mapping

from kraken_core.domain.candles import Source, rank_of
from kraken_core.domain.coverage import Assertion
from kraken_core.domain.disputes import described, disputed
from kraken_core.domain.findings import Findings
from kraken_core.domain.grading import grades
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRanges

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
DAY = 86_400
DAYS, HALVES, FOURS, HOURS, HALF_HOURS, QUARTERS = (Series(BTC, minutes) for minutes in (1440, 720, 240, 60, 30, 15))
FIVES, MINUTES = Series(BTC, 5), Series(BTC, 1)
WHOLE = TimeRanges.single(0, DAY)
ALL = {
    DAYS: {720: WHOLE},
    HALVES: {240: WHOLE},
    FOURS: {60: WHOLE},
    HOURS: {30: WHOLE},
    HALF_HOURS: {15: WHOLE},
    QUARTERS: {5: WHOLE},
    FIVES: {1: WHOLE},
}


def hours(start: int, end: int) -> TimeRanges:
    return TimeRanges.single(start * 3600, end * 3600)


def where(*disagreed: Series) -> dict[Series, TimeRanges]:
    """What is in dispute of a day of which all but these series agree with the next finer interval."""
    agreed = {series: by_finer for series, by_finer in ALL.items() if series not in disagreed}
    return disputed(agreed, {series: ALL[series] for series in disagreed})


def test_where_all_agree_nothing_is_in_dispute() -> None:
    assert where() == {}


def test_of_two_that_disagree_neither_is_known_to_be_right() -> None:
    assert disputed({}, {FOURS: {60: hours(4, 8)}}) == {FOURS: hours(4, 8), HOURS: hours(4, 8)}


def test_who_disagrees_with_a_finer_one_that_a_third_confirms_is_alone() -> None:
    assert where(DAYS) == {DAYS: WHOLE}
    assert where(HOURS, FOURS) == {FOURS: WHOLE, HOURS: WHOLE}


def test_a_finer_one_that_none_confirms_is_in_dispute_with_the_coarser() -> None:
    assert where(FIVES) == {FIVES: WHOLE, MINUTES: WHOLE}


def test_where_each_side_has_a_witness_all_intervals_are_in_dispute() -> None:
    """Half of a pair's files may be another pair's; or a close is wrong that no coarser candle has."""
    assert where(HOURS) == {Series(BTC, interval): WHOLE for interval in INTERVALS}
    one = {**ALL, HOURS: {30: hours(0, 5) | hours(6, 24)}}
    found = disputed(one, {HOURS: {30: hours(5, 6)}})
    assert found[MINUTES] == found[HOURS] == hours(5, 6)
    assert found[FOURS] == hours(4, 8)
    assert found[DAYS] == WHOLE


def test_two_wrong_ones_that_agree_are_no_witnesses_of_each_other() -> None:
    assert where(DAYS, FOURS).keys() >= {HALVES, FOURS}  # of another pair, say: both agree, and with nobody else


def test_a_line_names_who_disagrees_the_most_first() -> None:
    assert described({}) == described({FOURS: {60: TimeRanges()}}) == ""
    ether = Series(ETH, 60)
    many = {FOURS: {60: hours(0, 8)}, ether: {30: WHOLE}, DAYS: {720: WHOLE}, HALVES: {240: WHOLE}}
    assert described(many) == (
        "ETH/USD 1h and 30m disagree in 24 slots; BTC/USD 4h and 1h disagree in 2 slots; BTC/USD 12h and 4h disagree "
        "in 2 slots, and 1 more pair of intervals: doubtful until they agree"
    )


# --------------------------------------------------------------------------------------------------------------- grades


def claim(series: Series, evidence: str, *, source: Source = Source.CSV, proved: bool = False) -> Assertion:
    rank = rank_of(Source.CSV if source is Source.DERIVED else source)
    return Assertion(series, 0, DAY, source, rank, evidence, proved=proved)


def doubtful(claims: list[Assertion], findings: Mapping[Series, Findings]) -> dict[Series, TimeRanges]:
    alive = {Series(BTC, interval): WHOLE for interval in INTERVALS}
    return {series: of.doubtful for series, of in grades(claims, alive, findings).items() if of.doubtful}


def test_what_is_in_dispute_is_doubtful_and_so_is_what_was_derived_of_it() -> None:
    claims = [claim(HOURS, "a"), claim(FOURS, "b"), claim(DAYS, "derived:240", source=Source.DERIVED)]
    found = doubtful(claims, {FOURS: Findings({60: hours(8, 24)}, disagreed={60: hours(4, 8)})})
    assert found == {HOURS: hours(4, 8), FOURS: hours(4, 8), DAYS: WHOLE}


def test_trade_ids_settle_it_for_the_series_that_they_prove() -> None:
    claims = [claim(HOURS, "sweep", source=Source.TRADES, proved=True), claim(FOURS, "b")]
    findings = {FOURS: Findings({60: hours(8, 24)}, disagreed={60: hours(4, 8)})}
    assert doubtful(claims, findings) == {FOURS: hours(4, 8)}


def test_of_a_file_that_mostly_disagrees_the_rest_is_doubtful_too_unless_another_covers_it() -> None:
    """Of the day's last hours, say, nothing else is known."""
    findings = {FOURS: Findings({60: hours(12, 16)}, disagreed={60: hours(0, 12)})}
    assert doubtful([claim(HOURS, "a")], findings) == {HOURS: WHOLE}
    later = claim(HOURS, "newer")._replace(start=12 * 3600)
    assert doubtful([claim(HOURS, "a"), later], findings) == {HOURS: hours(0, 12)}


def test_of_a_file_that_mostly_agrees_the_rest_is_as_good_as_before() -> None:
    findings = {FOURS: Findings({60: hours(8, 16)}, disagreed={60: hours(0, 4)})}
    assert doubtful([claim(HOURS, "a")], findings) == {HOURS: hours(0, 4)}


def test_what_is_compared_again_disagrees_only_where_it_does_now() -> None:
    before = Findings(disagreed={60: hours(0, 12), 30: hours(20, 24)})
    now = before.compared(hours(4, 8), {60: hours(4, 6)}, {15: hours(6, 8)})
    assert now.disagreed == {15: hours(6, 8), 30: hours(20, 24), 60: hours(0, 4) | hours(8, 12)}
    assert before.compared(hours(0, 24), {}).disagreed == {}
