"""Counts of trades against ids: what is proved, where differences are found, and in how many requests."""

from __future__ import annotations

from bisect import bisect_left
from math import ceil, log2

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.audit import (
    AuditedSpan,
    AuditVerdict,
    Locator,
    Phantoms,
    TradeCounts,
    audited_slots,
    stretches,
    verdict,
)
from kraken_core.domain.audit_summary import AuditCounts, by_month, findings, newest, summaries
from kraken_core.domain.exchange import NS
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.domain.trade_numbers import IdMark, id_marks, points
from kraken_core.domain.trade_spans import TradeSpan
from kraken_core.domain.trades import PAGE

MINUTES = Series(Pair("BTC", "USD"), 1)
START = 1_420_070_400  # 2015-01-01
TEN_YEARS = 10 * 365 * 1_440  # minutes
END = START + TEN_YEARS * 60
NONE = Phantoms([])


def slot(number: int) -> int:
    return START + number * 60


# -------------------------------------------------------------------------------- what is stored, by ids


class Tape:
    """Trades of a few minutes out of ten years, numbered from 1 on; each question about it is counted."""

    def __init__(self, trades: dict[int, int]) -> None:
        self.trades = trades
        self.places = sorted(trades)
        self.requests = 0

    def asked(self, at: int) -> dict[int, int]:
        """The id of the first trade at or after a slot's open, and from where to where that is so."""
        self.requests += 1
        number = 1 + sum(self.trades[place] for place in self.places[: bisect_left(self.places, (at - START) // 60)])
        return {at: number}

    def stored(self, altered: dict[int, int]) -> TradeCounts:
        """What is stored, where it is something else in some slots."""
        kept = {place: count for place, count in {**self.trades, **altered}.items() if count}
        opens = [slot(place) for place in sorted(kept)]
        return TradeCounts.of(np.array(opens, np.int64), np.array([kept[p] for p in sorted(kept)], np.int64))

    def located(self, counts: TradeCounts, most: int | None = None) -> Locator:
        locator = Locator(MINUTES, counts, NONE, {**self.asked(START), **self.asked(END)})
        while (at := locator.next()) is not None and (most is None or self.requests < most):
            locator.learn(at, self.asked(at))
        return locator


PLACES = st.integers(0, TEN_YEARS - 1)
TAPES = st.dictionaries(PLACES, st.integers(1, 300), min_size=1, max_size=40)


@given(TAPES)
def test_what_is_stored_whole_is_proved_by_two_requests(trades: dict[int, int]) -> None:
    tape = Tape(trades)
    [span] = tape.located(tape.stored({})).spans()
    assert (span.verdict, span.start, span.end, tape.requests) == (AuditVerdict.PROVED, START, END, 2)
    assert span.by_ids == span.stored == sum(trades.values())


@given(TAPES, PLACES, st.integers(0, 400))
def test_an_altered_or_removed_minute_anywhere_in_ten_years_is_located_in_30_requests(
    trades: dict[int, int], place: int, stored: int
) -> None:
    tape = Tape(trades)
    true = trades.get(place, 0)
    spans = tape.located(tape.stored({place: stored})).spans()
    differing = findings(spans)
    assert tape.requests <= 30
    if stored == true:
        assert not differing
    else:
        [found] = differing
        assert (found.start, found.end, found.stored, found.by_ids) == (slot(place), slot(place + 1), stored, true)
        assert found.verdict is (AuditVerdict.MORE if stored < true else AuditVerdict.FEWER)
    assert TimeRanges.of((s.start, s.end) for s in spans) == TimeRanges.single(START, END)


@given(TAPES, st.data())
def test_every_minute_that_lacks_trades_is_located_in_so_many_requests_each(
    trades: dict[int, int], data: st.DataObject
) -> None:
    tape = Tape(trades)
    lost = data.draw(st.sets(st.sampled_from(tape.places), max_size=6))
    spans = tape.located(tape.stored(dict.fromkeys(lost, 0))).spans()
    assert {span.start for span in findings(spans)} == {slot(place) for place in lost}
    assert tape.requests <= 2 + len(lost) * (ceil(log2(TEN_YEARS)) + 3)
    proved = TimeRanges.of((span.start, span.end) for span in spans if span.verdict is AuditVerdict.PROVED)
    assert proved == TimeRanges.single(START, END) - TimeRanges.of((slot(p), slot(p + 1)) for p in lost)


def test_with_few_requests_years_and_months_are_told_apart_before_days_are() -> None:
    """As of the real BTC/USD, whose archive and ids differ in many places: most of it is proved all the same."""
    tape = Tape(dict.fromkeys(range(0, TEN_YEARS, 997), 7))
    lost = dict.fromkeys(range(0, TEN_YEARS // 6, 997 * 40), 0)  # many, of the first twenty months
    counts = tape.stored(lost)
    spans = tape.located(counts, most=60).spans()
    shares = by_month(spans)
    assert tape.requests == 60
    assert all(month < "2016-10" for _, month in shares)
    proved = sum(span.slots for span in spans if span.verdict is AuditVerdict.PROVED)
    assert proved >= TEN_YEARS * 0.8
    assert {s.start for s in findings(spans) if s.slots > 1}


def test_ids_that_are_known_nowhere_in_a_span_end_the_search_there() -> None:
    tape = Tape({0: 5, 1000: 5, 2000: 5})
    locator = Locator(MINUTES, tape.stored({1000: 3}), NONE, {START: 1, slot(3000): 16})
    asked = 0
    while (at := locator.next()) is not None:
        locator.learn(at, {})
        asked += 1
    assert 0 < asked <= 8
    [span] = locator.spans()
    assert (span.verdict, span.stored, span.by_ids) == (AuditVerdict.MORE, 13, 15)


def test_ids_that_go_back_are_compared_with_nothing() -> None:
    locator = Locator(MINUTES, Tape({0: 5}).stored({}), NONE, {START: 900, slot(60): 6})
    assert [span.verdict for span in locator.spans()] == [AuditVerdict.UNKNOWN]


@pytest.mark.parametrize(
    ("by_ids", "stored", "expected"),
    [(5, 5, "proved"), (6, 5, "more"), (4, 5, "fewer"), (None, 5, "unknown"), (-1, 5, "unknown"), (0, 0, "proved")],
)
def test_two_counts_of_the_same_trades_say(by_ids: int | None, stored: int, expected: str) -> None:
    assert verdict(by_ids, stored) == expected


def test_ids_that_sweeps_found_never_to_be_given_are_not_counted() -> None:
    sweep = TradeSpan(MINUTES.pair, slot(10), slot(11), 4, 9, whole=False, phantoms=3)
    again = sweep._replace(phantoms=7)  # an earlier one of the same time
    phantoms = Phantoms([sweep, again, sweep._replace(start=slot(20), end=slot(40), phantoms=2)])
    assert phantoms.unconfirmed(slot(0), slot(30)) == 3
    assert phantoms.unconfirmed(slot(10), slot(40)) == 5
    phantoms.confirm(TimeRange(slot(20), slot(40)), 7)
    assert (phantoms.within(slot(0), slot(40)), phantoms.unconfirmed(slot(0), slot(40))) == (2, 3)


@pytest.mark.parametrize(
    ("seen", "came", "phantoms"),
    [(3, AuditVerdict.PROVED, 3), (0, AuditVerdict.MORE, 0), (None, AuditVerdict.UNKNOWN, 0)],
)
def test_ids_that_only_a_sweep_found_never_to_be_given_prove_nothing_until_the_audit_sees_them(
    seen: int | None, came: AuditVerdict, phantoms: int
) -> None:
    swept = TradeSpan(MINUTES.pair, slot(10), slot(11), 4, 9, whole=False, phantoms=3)
    locator = Locator(MINUTES, Tape({10: 3}).stored({}), Phantoms([swept]), {slot(0): 4, slot(12): 10})
    assert [span.verdict for span in locator.spans()] == [AuditVerdict.UNKNOWN]
    assert locator.next() is None
    assert locator.to_confirm() == TimeRange(slot(10), slot(11))
    locator.phantoms.confirm(TimeRange(slot(10), slot(11)), seen)
    assert locator.to_confirm() is None
    [span] = locator.spans()
    assert (span.verdict, span.phantoms) == (came, phantoms)


# -------------------------------------------------------------------------------- counts, stretches


@given(TAPES, PLACES, st.integers(1, 500))
def test_a_page_that_reaches_back_so_many_trades_begins_there(trades: dict[int, int], place: int, many: int) -> None:
    counts = Tape(trades).stored({})
    end = slot(place)
    at = counts.reaching_back(end, many)
    traded = [each for each in sorted(trades) if each < place]
    if not traded:
        assert at == end
    elif trades[traded[-1]] > many:
        assert at == slot(traded[-1])
    else:
        assert counts.between(at, end) <= many
        before = [each for each in traded if slot(each) < at]
        assert not before or counts.between(slot(before[-1]), end) > many


def test_every_stretch_is_audited_at_the_finest_interval_that_covers_it() -> None:
    day = 86_400
    found = stretches(
        {
            60: TimeRanges.single(0, 10 * day),
            1: TimeRanges.of([(2 * day, 3 * day), (4 * day + 60, 5 * day)]),
            1440: TimeRanges.single(0, 20 * day),
        }
    )
    assert found == [
        (60, TimeRange(0, 2 * day)),
        (1, TimeRange(2 * day, 3 * day)),
        (60, TimeRange(3 * day, 4 * day)),
        (1, TimeRange(4 * day + 60, 5 * day)),
        (60, TimeRange(5 * day, 10 * day)),
        (1440, TimeRange(10 * day, 20 * day)),
    ]


# -------------------------------------------------------------------------------- what counts


def audited(start: int, end: int, came: AuditVerdict, **more: object) -> AuditedSpan:
    span = AuditedSpan(MINUTES, slot(start), slot(end), 1, 9, 0, 8, came)
    return span._replace(**more)  # type: ignore[arg-type]


def test_of_the_same_slot_the_newest_audit_counts_unless_it_has_lapsed() -> None:
    spans = [
        audited(0, 10, AuditVerdict.MORE),
        audited(5, 20, AuditVerdict.PROVED),
        audited(0, 40, AuditVerdict.LAPSED),
        audited(18, 30, AuditVerdict.FEWER),
        audited(25, 50, AuditVerdict.PROVED),
        audited(60, 70, AuditVerdict.UNKNOWN),
    ]
    found = audited_slots(spans)
    assert found.doubtful == TimeRanges.single(slot(0), slot(10))
    assert found.proved == TimeRanges.of([(slot(10), slot(20)), (slot(30), slot(50))])
    assert newest(spans) == [spans[0], spans[1], spans[2], spans[4], spans[5]]


def test_counts_by_series_and_by_month() -> None:
    january = 31 * 1_440
    spans = [audited(0, january + 10, AuditVerdict.PROVED), audited(january + 10, january + 30, AuditVerdict.MORE)]
    assert summaries(spans) == {MINUTES: AuditCounts(january + 30, january + 10, 20)}
    assert by_month(spans) == {(MINUTES, "2015-02"): AuditCounts(30, 10, 20)}


# -------------------------------------------------------------------------------- pages


def page(seconds: list[float], ids: list[int | None]) -> pl.DataFrame:
    rows = {
        "time": [START * NS + round(second * NS) for second in seconds],
        "price": [1.0] * len(ids),
        "volume": ["1"] * len(ids),
        "id": ids,
        "kind": ["bl"] * len(ids),
    }
    return pl.DataFrame(rows, schema={**PAGE, "volume": pl.String}).cast(PAGE)  # type: ignore[arg-type]


LONG_AGO = (START + 10**6) * NS


def known(seconds: list[float], ids: list[int | None], settled: int = LONG_AGO) -> dict[int, int]:
    """What a page that was asked for from START on shows, by minute."""
    found = points(id_marks(page(seconds, ids), START * NS, settled), 60)
    return {(at - START) // 60: number for at, number in found.items()}


def test_a_page_shows_the_ids_at_slots_between_consecutive_trades() -> None:
    assert known([70, 80, 130, 310], [4, 5, 6, 7]) == {0: 4, 1: 4, 2: 6, 3: 7, 5: 7}


@pytest.mark.parametrize("ids", [[0, 0, 0, 0], [None] * 4, [4, 0, 6, 0], [4, 5, 8, 9], [9, 6, 5, 2], [4, 5, 0, 1]])
def test_ids_that_are_not_consecutive_for_three_trades_show_nothing(ids: list[int | None]) -> None:
    assert known([70, 80, 130, 310], ids) == {}


def test_behind_unknown_or_skipped_ids_a_page_shows_what_follows_them() -> None:
    assert known([70, 80, 130, 190, 250], [0, 9, 10, 11, 12]) == {2: 10, 3: 11, 4: 12}
    assert known([70, 80, 130, 190, 250], [4, 9, 10, 11, 12]) == {2: 10, 3: 11, 4: 12}


def test_before_the_first_trade_of_a_recent_page_another_one_may_come_late() -> None:
    assert known([70, 80, 130], [4, 5, 6], settled=START * NS) == {2: 6}


def test_a_tape_of_one_trade_or_two_is_believed_as_there_are_no_more() -> None:
    assert known([70], [1]) == {0: 1, 1: 1}
    assert known([70, 130], [1, 2]) == {0: 1, 1: 1, 2: 2}
    assert known([], []) == {}


def test_of_a_silence_what_is_wanted_inside_it_is_known_too() -> None:
    marks = [IdMark(START * NS - 1, slot(50) * NS, 7)]
    assert points(marks, 60, (slot(20), slot(90))) == {slot(0): 7, slot(20): 7, slot(50): 7}
    assert points([IdMark.at(slot(3), 5)], 3600) == {}
