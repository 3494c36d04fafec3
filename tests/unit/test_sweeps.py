"""A sweep gives every candle once, however the trades are cut into pages, and wherever it is taken up again."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kraken_core.domain.exchange import NS, AsOf, TradesPage
from kraken_core.domain.repeated_trades import without_repeats
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.trade_spans import TradeSpan, id_before
from kraken_core.domain.trade_sweep import Sweeping
from kraken_core.domain.trades import TradeCandles
from tests.support.sweep_pages import (
    END,
    LONG_AGO,
    MINUTES,
    NOTHING,
    NOW,
    SLOTS,
    START,
    begun,
    full,
    short,
    swept,
    taken,
    trades,
)

SECONDS = st.lists(st.integers(0, (SLOTS + 3) * 60 - 1), min_size=1, max_size=60).map(sorted)


@given(SECONDS, st.lists(st.integers(1, 59), max_size=5), st.integers(-1, 5), st.integers(0, 3))
def test_cuts_repeats_and_interruptions_change_nothing(
    seconds: list[float], cuts: list[int], resumed_at: int, repeated: int
) -> None:
    tape = trades(seconds)
    candles, known = swept(tape, cuts, resumed_at, repeated)

    whole = TradeCandles.empty(MINUTES.pair, (1,)).add(tape).candles()[1]
    assert_frame_equal(candles, whole.filter(pl.col("time").dt.epoch("s") < END))
    assert known == TimeRanges.single(START, END)


def test_a_slot_is_not_given_before_the_trades_behind_it_are_read() -> None:
    [step] = taken(begun(), full(trades([5, 65, 70])))

    assert step.known == TimeRanges.single(START, START + 60)
    assert step.candles["trades"].to_list() == [1]
    assert step.sweeping is not None
    assert step.sweeping.point.known_until == START + 60


# ------------------------------------------------------------------------------------------------------------- the end


def test_a_short_page_is_no_end_and_is_gone_on_from() -> None:
    few, more = trades([5, 65]), trades([5, 65, 125, 800])
    first, second = taken(begun(), short(few), full(more))

    assert first.ending is None
    assert first.known == TimeRanges(), "it may be old, and what came a little before its last trade not visible yet"
    assert second.known == TimeRanges.single(START, END)


def test_an_empty_page_after_a_full_one_is_no_end_until_it_is_asked_for_again() -> None:
    steps = taken(begun(), full(trades([5, 65])), NOTHING, NOTHING)

    assert [bool(step.ending) for step in steps] == [False, False, True]
    assert TimeRanges.of(span for step in steps for span in step.known) == TimeRanges.single(START, START + 60)


def test_where_nothing_follows_a_sweep_knows_as_much_as_something_agrees_with() -> None:
    *_, step = taken(begun(), short(trades([5, 65])), NOTHING)
    assert step.sweeping is not None
    assert step.ending is not None

    assert step.sweeping.agreed(END).known == TimeRanges.single(START, END)
    assert step.sweeping.agreed(START).known == TimeRanges()
    assert step.sweeping.agreed(START + 200).known == TimeRanges.single(START, START + 180)


def test_a_page_without_last_leads_on_from_its_last_trade() -> None:
    tape = trades([5, 65, 125, 800])
    steps = taken(begun(), short(tape[:2]), short(tape[2:]))
    assert steps[0].sweeping is not None
    assert steps[0].sweeping.cursor == int(tape["time"][1])
    assert steps[1].sweeping is None


def test_a_short_page_whose_cursor_leads_past_its_trades_is_not_followed_there() -> None:
    [step] = taken(begun(), TradesPage(trades([5, 65]), (START + 66) * NS, is_short=True))
    assert step.sweeping is not None
    assert step.sweeping.cursor == (START + 65) * NS


def test_a_full_page_of_one_nanosecond_that_leads_nowhere_ends_the_sweep_there() -> None:
    alike = trades([5.0] * 4)
    steps = taken(begun(), full(trades([5.0] * 4)), full(alike))

    assert [step.stuck for step in steps] == [False, True]
    assert steps[-1].known == TimeRanges()


# ------------------------------------------------------------------------------------------------ what has not settled


def test_of_the_last_hour_trades_are_believed_a_settling_time_before_the_last_one() -> None:
    [step] = taken(begun(NOW), full(trades([5, 65, 300])))
    assert step.known == TimeRanges.single(START, START + 180)

    [step] = taken(begun(LONG_AGO), full(trades([5, 65, 300])))
    assert step.known == TimeRanges.single(START, START + 300)


def test_a_trade_a_settling_time_after_the_end_settles_it() -> None:
    [step] = taken(begun(NOW), full(trades([5, SLOTS * 60 + 120])))
    assert (step.known, step.sweeping) == (TimeRanges.single(START, END), None)


def test_an_end_that_may_not_have_settled_needs_something_that_agrees() -> None:
    [step] = taken(begun(NOW), full(trades([650, SLOTS * 60 + 2])))
    assert step.ending is not None
    assert step.ending.doubt == (END + 2 - 120) * NS
    assert step.ending.times.to_list() == [(START + 650) * NS]  # those after the end are nobody's business


def test_consecutive_ids_prove_an_end_that_may_not_have_settled() -> None:
    [step] = taken(begun(NOW), full(trades([590, 650, SLOTS * 60 + 2])))
    assert (step.known, step.sweeping) == (TimeRanges.single(START, END), None)

    [step] = taken(begun(NOW), full(trades([590, 650, SLOTS * 60 + 2], [7, 8, 10])))
    assert step.ending is not None


def test_where_pages_meet_in_the_last_hour_ids_prove_that_nothing_is_missing_or_nobody_does() -> None:
    seconds = [10.0, 200, 210, 400, 900]
    for ids, proved in (([1, 2, 3, 4, 5], True), ([1, 2, 0, 4, 5], False)):
        tape = trades(seconds, list(ids))
        steps = taken(begun(NOW), full(tape[:2]), full(tape[2:]))
        assert (steps[-1].ending is None) is proved


# ------------------------------------------------------------------------------------------------------ what is proved


def test_slots_between_trades_of_consecutive_ids_are_proved_silent_ones_too() -> None:
    [step] = taken(begun(), full(trades([5, 65, 250, 800])))

    assert step.known == TimeRanges.single(START, END)
    assert step.proved == TimeRanges.single(START + 60, END)  # before the first trade another may have been


@pytest.mark.parametrize(("id_before", "proved_from"), [(0, START), (None, START + 120), (7, START + 120)])
def test_the_first_slots_are_proved_where_the_id_before_them_is_known_and_follows(
    id_before: int | None, proved_from: int
) -> None:
    sweeping = Sweeping.begin(MINUTES, START, END, LONG_AGO, id_before=id_before)
    page = full(trades([65, 130, 250, 800]))
    fresh = sweeping.fresh(page)
    step = sweeping.take(page, fresh, sweeping.skipped(fresh))
    assert step.known == TimeRanges.single(START, END)
    assert step.proved == TimeRanges.single(proved_from, END)


def test_the_id_before_a_sweep_is_that_of_a_sweep_which_saw_all_ids_up_to_its_start() -> None:
    whole = TradeSpan(MINUTES.pair, START - 600, START, 3, 9, whole=True, phantoms=0)
    assert id_before([whole], START, None) == 9
    assert id_before([whole], START + 60, None) is None
    assert id_before([whole._replace(whole=False)], START, None) is None
    assert id_before([], START, START + 5) == 0
    assert id_before([], START, START - 5) is None


def test_ids_skipped_behind_the_end_are_no_phantoms_of_the_sweep() -> None:
    sweeping = begun()
    page = full(trades([5, 65, 800, 900, 1000], [1, 2, 3, 4, 9]))
    step = sweeping.take(page, page.trades, sweeping.skipped(page.trades))
    assert [span.phantoms for span in step.spans] == [0]


@pytest.mark.parametrize("ids", [[1, 2, 0, 4], [1, 2, None, 4], [1, 2, 4, 5], [1, 2, 1, 2]])
def test_unknown_skipped_and_restarted_ids_prove_nothing_around_them(ids: list[int | None]) -> None:
    sweeping = begun()
    page = full(trades([5, 65, 250, 800], ids))
    fresh = sweeping.fresh(page)
    step = sweeping.take(page, fresh, sweeping.skipped(fresh))  # those that are skipped stayed away

    assert step.known == TimeRanges.single(START, END)
    assert not step.proved.meets(START + 60, START + 300)
    assert step.candles["trades"].sum() == 3


def test_swapped_ids_prove_as_much_as_others() -> None:
    [step] = taken(begun(), full(trades([5, 65, 130, 190, 250, 800], [1, 3, 2, 5, 4, 6])))
    assert step.proved == TimeRanges.single(START + 60, END)


def test_the_proof_goes_across_pages_and_interruptions() -> None:
    tape = trades([5, 65, 130, 190, 250, 800])
    [first] = taken(begun(), full(tape[:3]))
    assert first.sweeping is not None
    resumed = Sweeping.resume(first.sweeping.point, END, LONG_AGO)
    [second] = taken(resumed, full(tape[2:]))
    assert second.proved == TimeRanges.single(START + 120, END)


def test_what_was_seen_of_ids_is_noted_for_every_range() -> None:
    tape = trades([5, 65, 130, 190, 250, 800], [1, 2, 3, 6, 7, 8])
    sweeping = begun()
    [first] = taken(sweeping, full(tape[:3]))
    assert first.sweeping is not None
    rest = full(tape[3:])
    second = first.sweeping.take(rest, rest.trades, first.sweeping.skipped(rest.trades))

    assert first.spans == (TradeSpan(MINUTES.pair, START, START + 120, 1, 2, whole=True, phantoms=0),)
    assert second.spans == (TradeSpan(MINUTES.pair, START + 120, END, 3, 7, whole=False, phantoms=2),)


# -------------------------------------------------------------------------------------------------------- boundaries


@pytest.mark.parametrize("ids", [[1, 2, 3, 4], [0, 0, 0, 0], [9, 8, 1, 2], [5, 1, 2, 3]])
def test_no_trade_is_dropped_because_of_its_id(ids: list[int | None]) -> None:
    tape = trades([5, 65, 70, 800], ids)
    steps = taken(begun(), full(tape[:2]), full(tape[1:]))
    assert sum(step.candles["trades"].sum() for step in steps) == 3


def test_a_whole_page_of_unknown_ids_is_read() -> None:
    [step] = taken(begun(), full(trades([5, 65, 800], [0, 0, 0])))
    assert step.candles["trades"].to_list() == [1, 1]


@pytest.mark.parametrize(("page", "left"), [([1, 2, 3], [1, 3]), ([2, 3, 4], [3, 4]), ([], []), ([2], [])])
def test_repeats_are_told_by_the_whole_row(page: list[int], left: list[int]) -> None:
    numbered = trades([0.0] * 4)
    repeated = without_repeats(numbered[[number - 1 for number in page]], numbered[1:2])
    assert repeated["id"].to_list() == left


@pytest.mark.parametrize(
    "change", [pl.col("price") + 0.1, pl.lit("sm").alias("kind"), pl.col("time") + 100, pl.col("time") - 100]
)
def test_a_trade_that_is_repeated_with_another_value_is_one_and_what_it_was_is_unknown(change: pl.Expr) -> None:
    tape = trades([5, 65, 70, 800])
    [first] = taken(begun(), full(tape[:2]))
    assert first.sweeping is not None
    page = full(pl.concat([tape[1:2].with_columns(change), tape[2:]]))
    assert first.sweeping.fresh(page)["id"].to_list() == [3, 4]
    assert first.sweeping.restated(page).holds(START + 65, START + 66)
    assert first.sweeping.restated(full(tape[1:])) == TimeRanges()


def test_the_id_of_a_trade_that_is_repeated_may_be_that_of_another_one_too() -> None:
    tape = trades([5, 65, 65.1, 67, 800], [1, 2, 2, 2, 3])
    [first] = taken(begun(), full(tape[:2]))
    assert first.sweeping is not None
    assert len(first.sweeping.fresh(full(tape[1:]))) == 3
    assert first.sweeping.restated(full(tape[1:])) == TimeRanges()
    assert first.sweeping.fresh(full(tape[3:]))["id"].to_list() == [2, 3]  # that much later the numbering began again


@pytest.mark.parametrize(("before", "now"), [([0, 0], [7, 8]), ([7, 8], [0, 0]), ([7, 0], [0, 8])])
def test_a_trade_whose_id_only_one_answer_knows_is_the_same(before: list[int | None], now: list[int | None]) -> None:
    alike = pl.col("price") * 0 + 5
    read, page = (trades([1, 1], ids).with_columns(price=alike) for ids in (before, now))
    assert without_repeats(page, read).is_empty()
    assert len(without_repeats(page, read[:1])) == 1


def test_trades_that_are_equal_but_for_ids_both_known_are_two() -> None:
    one, other = trades([1], [7]), trades([1], [8])
    assert len(without_repeats(other, one)) == 1


def test_equal_trades_without_ids_are_as_many_as_they_are() -> None:
    alike = trades([1, 1, 1, 1], [0] * 4).with_columns(price=pl.lit(5.0))
    assert len(without_repeats(alike, alike[:2])) == 2
    assert len(without_repeats(alike, trades([0], [0]))) == 4
    other = alike.with_columns(kind=pl.lit("sm"))
    assert len(without_repeats(other, alike[:2])) == 4


def test_skipped_trades_that_come_when_asked_for_again_are_in_their_places() -> None:
    tape = trades([5, 5, 5, 65, 800])
    sweeping = begun()
    lost = tape[[0, 2, 4]]
    skips = sweeping.skipped(lost)

    assert [(skip.first, skip.last) for skip in skips] == [(2, 2), (4, 4)]
    assert_frame_equal(sweeping.found_again(lost, tape, skips), tape)


@pytest.mark.parametrize(
    ("places", "never"),
    [
        ([0, 2, 3], True),
        ([0, 1, 2, 3], False),  # there they are
        ([], False),
        ([0], False),  # ends before them
        ([2, 3], False),  # begins behind them
    ],
)
def test_ids_never_existed_where_a_page_passes_over_them(places: list[int], never: bool) -> None:
    tape = trades([5, 65, 70, 800])
    sweeping = begun()
    page = full(tape[[0, 2, 3]])
    [skip] = sweeping.skipped(page.trades)
    assert sweeping.passed_over([skip], short(tape[places])) == ([skip] if never else [])
    unread = short(tape[places])._replace(unknown=TimeRanges.single(START + 60, START + 66))
    assert sweeping.passed_over([skip], unread) == []


def test_of_ids_skipped_at_its_start_a_sweep_does_not_expect_the_trade_before_them() -> None:
    sweeping = Sweeping.begin(MINUTES, START, END, LONG_AGO, id_before=7)
    page = full(trades([5, 65], [10, 11]))
    skips = sweeping.skipped(page.trades)
    assert sweeping.passed_over(skips, page) == skips
    assert [(skip.first, skip.last) for skip in skips] == [(8, 9)]


def test_however_many_ids_are_skipped_they_are_not_counted_one_by_one() -> None:
    sweeping = begun()
    page = full(trades([5, 65], [10, 10**15]))
    [skip] = sweeping.skipped(page.trades)
    assert sweeping.passed_over([skip], short(page.trades)) == [skip]


# -------------------------------------------------------------------------------------------------------- long tapes

DAY_S = 86_400


def test_a_page_that_reaches_days_beyond_the_end_keeps_what_was_read_before_it() -> None:
    tape = trades([5, 65, END - START + 9 * DAY_S])
    [step] = taken(begun(NOW), full(tape))
    assert step.known == TimeRanges.single(START, END)
    assert step.candles["trades"].to_list() == [1, 1]


def test_what_is_counted_of_a_long_tape_is_of_the_days_before_the_end_not_of_those_behind_it() -> None:
    end = START + 30 * DAY_S
    read = trades([5, 20 * DAY_S, 29 * DAY_S, 39 * DAY_S])
    [step] = taken(Sweeping.begin(MINUTES, START, end, AsOf(end)), full(read))
    assert step.sweeping is None
    sweeping = Sweeping.begin(MINUTES, START, end, AsOf(end))
    after = sweeping.take(full(read[:2]), sweeping.fresh(full(read[:2]))).sweeping
    assert after is not None
    [step] = taken(after, full(read[2:3]))
    assert step.sweeping is not None
    assert step.sweeping.counted_from == (START + 20 * DAY_S) * NS  # the slot of which was not given yet
    assert step.sweeping.read["time"].to_list() == [(START + day * DAY_S) * NS for day in (20, 29)]


def test_a_range_that_waited_for_days_behind_skipped_ids_is_given_all_the_same() -> None:
    end = START + 30 * DAY_S
    sweeping = Sweeping.begin(MINUTES, START, end, AsOf(end))
    waiting = trades([5, 65, 70], [1, 3, 4])  # 2 was not seen yet
    later = trades([10 * DAY_S, 10 * DAY_S + 1], [5, 6])
    steps = taken(sweeping, full(waiting), full(later), full(trades([20 * DAY_S], [1])))
    assert steps[0].known == steps[1].known == TimeRanges()
    assert sum(step.candles["trades"].sum() for step in steps) >= 3
