"""A tape that lies about its ends, swept: nothing is claimed that is not so, whatever the exchange answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from kraken_core.domain.candles import Source
from kraken_core.domain.exchange import NS, SETTLING_S, AsOf, TradesPage
from kraken_core.domain.market import Pair
from kraken_core.domain.missing import Repair
from kraken_core.domain.sweep_plan import Sweep
from kraken_core.domain.timerange import TimeRanges, floor
from kraken_core.pipeline.ask import Before, answers
from kraken_core.pipeline.request_budget import Budget
from kraken_core.simulator.exchange import TapeFaults
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.tape import Tape
from tests.support.helping import in_soak
from tests.support.pocket_exchange import PocketExchange
from tests.support.swept_tapes import BTC, DAY_S, FROZEN_S, HOUR_S, START, Swept, market_of, sweep

FOUR_DAYS = market_of(1.5, 4 * DAY_S)
FROZEN = TapeFaults(stale=1.0, stale_candles=1.0, stale_s=FROZEN_S)


def test_an_honest_tape_is_known_to_its_end_and_proved_but_for_where_it_begins() -> None:
    done = sweep(FOUR_DAYS)

    done.assert_true()
    assert not done.missing
    assert not done.problems
    assert TimeRanges.single(START + 300, done.end - 300) - done.proved == TimeRanges()
    assert done.requests <= -(-len(FOUR_DAYS.tapes[BTC]) // 1_000) + 2


@pytest.mark.parametrize("page", [2, 3, 5])
def test_one_empty_page_in_the_middle_of_four_days_loses_nothing(page: int) -> None:
    done = sweep(FOUR_DAYS, TapeFaults(empty=1.0, from_page=page, to_page=page))
    done.assert_true()
    assert not done.missing


def test_one_page_of_997_rows_loses_nothing() -> None:
    done = sweep(FOUR_DAYS, TapeFaults(short=1.0, short_rows=997, from_page=2, to_page=2))
    done.assert_true()
    assert not done.missing


def test_pages_that_end_early_all_the_time_lose_nothing() -> None:
    done = sweep(FOUR_DAYS, TapeFaults(seed=3, short=0.4, empty=0.2))
    done.assert_true()
    assert TimeRanges.single(START, done.end) - done.known == done.missing


def test_trades_that_are_twenty_minutes_old_are_made_up_for_by_candles() -> None:
    done = sweep(FOUR_DAYS, TapeFaults(stale=1.0, stale_s=20 * 60))

    done.assert_true()
    assert not done.missing
    assert {answer.source for answer in done.found} == {Source.TRADES, Source.OHLC}
    [why] = done.problems
    assert "its Trades endpoint answered 0" in why


def test_where_candles_are_old_too_the_end_stays_a_gap_with_its_reason() -> None:
    done = sweep(FOUR_DAYS, TapeFaults(stale=1.0, stale_candles=1.0, stale_s=20 * 60))

    done.assert_true()
    assert 15 * 60 <= done.missing.seconds <= 25 * 60  # and what had not settled twenty minutes ago
    assert done.missing.hull.end == done.end
    [why] = done.problems
    assert "no candle of the exchange confirms that nothing is missing from" in why


@pytest.mark.parametrize("interval", [1, 60])
def test_an_end_that_is_frozen_for_longer_than_an_hour_is_no_silence(interval: int) -> None:
    """Though so few trades would be expected of a quiet pair that there might have been none."""
    done = sweep(market_of(8 / 60, 3 * DAY_S), FROZEN, interval=interval)
    done.assert_true()
    assert done.missing.seconds >= floor(FROZEN_S, interval * 60)
    [why] = done.problems
    assert "no candle of the exchange confirms that nothing is missing from" in why


def test_what_came_late_when_an_end_was_frozen_is_not_given() -> None:
    """An hour and a half ago trades of the last minute were not all visible yet."""
    late = TapeFaults(6, stale=1.0, stale_candles=1.0, stale_s=FROZEN_S, late=0.5, late_s=60)
    busy = market_of(3.0, 5 * HOUR_S, 6)
    sweep(busy, late, present=busy.end - 102).assert_true()


def test_empty_answers_of_both_endpoints_are_no_silence() -> None:
    rare = market_of(0.005, 10 * DAY_S)  # seven trades a day
    done = sweep(rare, TapeFaults(empty=1.0, empty_candles=1.0), interval=60, start=START + 8 * DAY_S)
    assert not done.known
    [why] = done.problems
    assert "it answers no trades, and no candle of the exchange confirms" in why


def test_candles_that_cannot_be_read_confirm_nothing_and_are_said() -> None:
    """Trades are twenty minutes old, and of ten candles nine cannot be read."""
    done = sweep(market_of(0.3, DAY_S), TapeFaults(stale=1.0, stale_s=1200, odd_candles=0.9))
    done.assert_true()
    assert done.missing
    [why] = done.problems
    assert "of them could not be read: [17" in why


def test_a_quiet_end_is_complete_once_candles_agree() -> None:
    quiet = market_of(0.002, 3 * DAY_S)
    done = sweep(quiet)
    done.assert_true()
    assert not done.missing
    assert done.requests <= 4  # the page, again, and candles of one or two intervals


@pytest.mark.parametrize("interval", [1, 1440])
@pytest.mark.parametrize("seed", [0, *in_soak(*range(1, 6))])
def test_weeks_with_days_between_trades_are_known_and_proved_in_between(interval: int, seed: int) -> None:
    """Whatever of the trades read is kept for later, those of slots that were not given yet are."""
    rare = market_of(0.0003, 40 * DAY_S, seed)
    for end in range(30, 41):
        done = sweep(rare, interval=interval, present=START + end * DAY_S + HOUR_S)
        done.assert_true()
        assert not done.missing


@pytest.mark.parametrize("seed", [0, *in_soak(*range(1, 6))])
def test_a_sweep_whose_end_is_days_before_the_next_trade_ends_there(seed: int) -> None:
    rare = market_of(0.0003, 40 * DAY_S, seed)
    exchange = PocketExchange(rare, rare.end)
    for day in range(1, 40):
        repair = Repair(BTC, 60, sweeps=(Sweep(START, START + day * DAY_S, 1),))
        found = list(answers(exchange, repair, AsOf(exchange.present - SETTLING_S), Before(), Budget(None)))
        done = Swept(rare, 60, START + day * DAY_S, found, 0)
        done.assert_true()
        assert not done.missing


def test_a_sweep_that_begins_within_the_slot_of_a_candle_counts_the_trades_before_it_too() -> None:
    """The first slot of five minutes counts a trade: that of the minute where the sweep begins, or one before it."""
    quiet = market_of(0.05, DAY_S + 15 * HOUR_S)  # the exchange has minutes of the last twelve hours
    traded = quiet.truth(BTC, 1)["time"].dt.epoch("s").to_list()
    start = next(minute for minute in traded if minute > START + 15 * HOUR_S and minute % 300)

    stopped = sweep(quiet, TapeFaults(empty=1.0, to_page=2), start=start)
    stopped.assert_true()
    assert start not in stopped.known

    whole = sweep(quiet, start=start + 60)
    whole.assert_true()
    assert not TimeRanges.single(start + 60, whole.end) - whole.known


def test_without_a_request_left_for_candles_nothing_is_claimed_of_the_end() -> None:
    quiet = market_of(0.002, 3 * DAY_S)
    done = sweep(quiet, budget=2)
    done.assert_true()
    assert done.missing


@pytest.mark.parametrize("interval", [1, 5, 60, 240, 720, 1440])
def test_trades_that_come_late_leave_no_short_candle(interval: int) -> None:
    for seed in range(5):
        done = sweep(market_of(2.0, DAY_S + 1800, seed), TapeFaults(seed, late=0.3, late_s=30), interval=interval)
        done.assert_true()


IDS = {
    "unknown": TapeFaults(1, unknown=0.3),
    "all unknown": TapeFaults(1, unknown=30.0),
    "restarted": TapeFaults(1, restarts=0.002),
    "swapped": TapeFaults(1, swapped=0.05),
    "phantoms": TapeFaults(1, phantoms=0.002),
    "lost": TapeFaults(1, lost=0.3),
    "without last": TapeFaults(1, no_last=0.5),
}


@pytest.mark.parametrize("faults", IDS.values(), ids=IDS.keys())
def test_odd_ids_cost_no_trade(faults: TapeFaults) -> None:
    done = sweep(FOUR_DAYS, faults)
    done.assert_true()
    assert not done.missing


def test_phantoms_are_counted_and_break_the_proof_where_they_are() -> None:
    done = sweep(FOUR_DAYS, TapeFaults(1, phantoms=0.002))
    spans = [span for answer in done.found for span in answer.spans]
    ids = TapeFaults(1, phantoms=0.002).ids(FOUR_DAYS.tapes[BTC])
    skipped = int(np.diff(ids).sum() - (len(ids) - 1))
    assert 0 < sum(span.phantoms for span in spans) <= skipped
    assert done.known - done.proved != TimeRanges()


LEFT_OUT = {"lost": TapeFaults(5, lost=1.0), "elsewhere": TapeFaults(5, elsewhere=1.0)}


@pytest.mark.parametrize("faults", LEFT_OUT.values(), ids=LEFT_OUT.keys())
@pytest.mark.parametrize("page", [2, 4])
@pytest.mark.parametrize("empty_again", [0.0, 0.4])
def test_what_a_page_left_out_is_read_when_its_ids_are_requested(
    faults: TapeFaults, page: int, empty_again: float
) -> None:
    done = sweep(FOUR_DAYS, replace(faults, empty_again=empty_again, from_page=page, to_page=page))
    done.assert_true()
    assert not done.missing


@pytest.mark.parametrize("interval", [1, 60])
@pytest.mark.parametrize("faults", LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_of_ids_that_no_answer_shows_anything_of_the_slots_are_missing_and_that_is_said(
    faults: TapeFaults, interval: int
) -> None:
    market = market_of(1.5, 40 * DAY_S)  # of the pages' slots there are no candles any more
    done = sweep(market, replace(faults, empty_again=1.0, from_page=3, to_page=3), interval=interval, budget=12)
    done.assert_true()
    assert TimeRanges.single(START + DAY_S, START + 2 * DAY_S) & done.missing
    assert "trade ids are skipped, and no answer shows whether trades have them" in done.problems[0]
    spans = [span for answer in done.found for span in answer.spans]
    assert sum(span.phantoms for span in spans) == 0
    assert not any(span.whole and done.missing.meets(span.start, span.end) for span in spans)


class Unreadable(PocketExchange):
    """Of its second page one row cannot be read, and every other one is left out; asked again it is whole."""

    pages = 0

    def _page(self, pair: Pair, cursor: int, count: int) -> TradesPage:
        page = super()._page(pair, cursor, count)
        self.pages += 1
        if self.pages != 2:
            return page
        around = TimeRanges.single(*(int(page.trades["time"][place]) // NS for place in (300, 302)))
        left = page.trades.with_row_index().filter(pl.col("index") % 2 == 0, pl.col("index") != 301).drop("index")
        return page._replace(trades=left, is_short=True, skipped=("a row",), unknown=around)


def test_beside_a_row_that_cannot_be_read_skipped_ids_are_requested_too() -> None:
    exchange = Unreadable(FOUR_DAYS, FOUR_DAYS.end)
    as_of = exchange.present - SETTLING_S
    end = floor(as_of, 60)
    repair = Repair(BTC, 1, sweeps=(Sweep(START, end, 1),))
    done = Swept(FOUR_DAYS, 1, end, list(answers(exchange, repair, AsOf(as_of), Before(), Budget(None))), 0)
    done.assert_true()
    assert 0 < done.missing.seconds <= 300


def busy_instant(trades: int) -> SimulatedMarket:
    """Two hours of a trade a minute, and in the middle so many in one nanosecond."""
    market = market_of(1.0, 2 * HOUR_S)
    tape, at = market.tapes[BTC], START + HOUR_S + 30
    there = int(np.searchsorted(tape.time_ns, at * 10**9))
    times = np.insert(tape.time_ns, there, np.full(trades, at * 10**9))
    ones = np.ones(len(times), dtype=np.int64)
    busy = Tape(BTC, 1, times, ones * 970_000, ones * 1_000, ones == 1)
    return SimulatedMarket(market.start, market.end, market.listings, market.silences, {BTC: busy})


@pytest.mark.parametrize("interval", [1, 5, 15])
def test_more_trades_than_a_page_in_one_nanosecond_cost_no_slot_that_candles_have(interval: int) -> None:
    done = sweep(busy_instant(1_500), TapeFaults(coarse=True), interval=interval)
    done.assert_true()
    assert not done.missing
    assert any("share the nanosecond" in why for why in done.problems)


def test_a_sweep_goes_on_behind_a_nanosecond_that_it_cannot_read() -> None:
    market = busy_instant(1_500)
    exchange = PocketExchange(market, START + 15 * DAY_S)  # candles of a minute are gone
    exchange.tape_faults = TapeFaults(coarse=True)
    repair = Repair(BTC, 1, sweeps=(Sweep(START, START + 2 * HOUR_S - 60, 1),))
    found = list(answers(exchange, repair, AsOf(exchange.present - SETTLING_S), Before(), Budget(None)))
    known = Swept(market, 1, START, found, 0).known
    stuck = START + HOUR_S
    assert TimeRanges.single(START, START + 2 * HOUR_S - 60) - known == TimeRanges.single(stuck, stuck + 60)


@pytest.mark.parametrize("seed", [1, 6, 15])
@pytest.mark.parametrize("unknown", [0.0, 30.0])
def test_a_sweep_that_goes_on_a_day_later_does_not_trust_what_was_young_when_it_was_read(
    seed: int, unknown: float
) -> None:
    market, young = market_of(1.2, 3 * DAY_S, seed), START + DAY_S + 7 * HOUR_S + 35 * 60 + 20
    late = TapeFaults(seed, late=0.5, late_s=110, unknown=unknown)
    first = sweep(market, replace(late, stale=1.0, stale_s=1200), present=young, budget=3)
    point, known = first.found[-1].point, first.known.hull.end
    assert (point is None) == (unknown > 0)  # consecutive ids prove that nothing came late

    second = sweep(market, late, present=young + DAY_S, start=known, before=Before(point=point))
    done = replace(second, found=[*first.found, *second.found])
    done.assert_true()
    assert not done.missing


def test_a_sweep_that_goes_on_where_another_one_ended_proves_its_first_slot_too() -> None:
    first = sweep(FOUR_DAYS, present=START + DAY_S)
    spans = [span for answer in first.found for span in answer.spans]
    last = next(span for span in reversed(spans) if span.whole)
    assert last.end in sweep(FOUR_DAYS, start=last.end, before=Before(spans=spans)).proved
    assert last.end not in sweep(FOUR_DAYS, start=last.end).proved


def test_a_sweep_from_the_listing_on_proves_its_first_slot_too() -> None:
    listed = int(FOUR_DAYS.tapes[BTC].time_ns[0]) // 10**9
    assert START in sweep(FOUR_DAYS, before=Before(listed=listed)).proved
    assert START not in sweep(FOUR_DAYS).proved
    later = floor(listed, 60) + 3600
    assert later not in sweep(FOUR_DAYS, start=later, before=Before(listed=listed)).proved
