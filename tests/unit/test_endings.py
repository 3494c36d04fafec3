"""Something has to agree that a tape has ended: the exchange's candles, as far as they reach."""

from __future__ import annotations

import polars as pl
import pytest

from kraken_core.domain.candles import SCHEMA
from kraken_core.domain.endings import Agreement, agreement, contradiction, counts_partly, serves, settled, witness
from kraken_core.domain.exchange import NS, AsOf, OhlcAnswer
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRanges
from kraken_core.domain.trade_sweep import Ending

BTC = Pair("BTC", "USD")
DAY_S = 86_400
AS_OF = 20_000 * DAY_S


def candles(known: TimeRanges, **counts: int) -> OhlcAnswer:
    """An answer: trades by the slot's open, in seconds after AS_OF; ``b60`` is a minute before."""
    opens = [AS_OF + int(name[1:]) * (-1 if name[0] == "b" else 1) for name in counts]
    frame = pl.DataFrame(
        {"time": opens, "trades": list(counts.values())}, schema={"time": pl.Int64, "trades": pl.Int32}
    )
    times = (pl.col("time") * 1_000_000).cast(SCHEMA["time"])
    others = [pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items() if name not in {"time", "trades"}]
    return OhlcAnswer(frame.with_columns(times, *others).select(*SCHEMA), known, known.seconds // 60)


def read(*seconds: int, until: int = END_OF_TIME, counted_from: int = 0) -> Ending:
    times = pl.Series([(AS_OF + second) * NS for second in seconds], dtype=pl.Int64)
    return Ending(0, times, counted_from * NS, until)


RATE = 0.01
NOWHERE = TimeRanges()
MINUTES = TimeRanges.single(AS_OF - 720 * 60, AS_OF)


def agrees(ending: Ending, instant: int, answer: OhlcAnswer, rate: float = RATE) -> Agreement:
    """How far an answer of Kraken spot agrees from an instant on, to the present."""
    return agreement(ending, instant, AS_OF, answer, 60, rate=rate, newest=720)


def test_candles_that_count_no_more_trades_than_were_read_agree_to_the_end() -> None:
    assert agrees(read(-170, -130), AS_OF - 130, candles(MINUTES, b180=2)) == Agreement(AS_OF)


def test_candles_that_count_more_agree_up_to_there() -> None:
    found = agrees(read(-170), AS_OF - 170, candles(MINUTES, b180=1, b60=4))
    assert found == Agreement(AS_OF - 60, theirs=4, ours=0)


@pytest.mark.parametrize("old_s", [120, 95 * 60, 700 * 60])
def test_candles_that_are_old_agree_no_further_than_they_reach(old_s: int) -> None:
    """However few trades would be expected since: whoever answers what was may answer the same for days."""
    old = TimeRanges.single(AS_OF - 720 * 60, AS_OF - old_s)
    found = agrees(read(-710 * 60), AS_OF - 710 * 60, candles(old, b42600=1), rate=1e-9)
    assert found == Agreement(AS_OF - old_s)


@pytest.mark.parametrize("instant", [AS_OF - 170, AS_OF - 30 * DAY_S])
def test_an_answer_without_rows_agrees_to_nothing(instant: int) -> None:
    assert agrees(read(), instant, candles(NOWHERE), rate=1e-9) == Agreement(instant)


@pytest.mark.parametrize(("counted", "agreed"), [(14, True), (16, False)])
def test_before_the_candles_that_the_exchange_has_left_the_rate_in_them_decides(counted: int, agreed: bool) -> None:
    instant = AS_OF - 28 * 3600  # sixteen hours of which it has none, after twelve of which it has
    found = agrees(read(-170), instant, candles(MINUTES, b180=counted)._replace(rows=721))
    assert (found.until > instant) is agreed


def test_before_an_answer_that_could_have_had_more_rows_no_rate_decides() -> None:
    """As where its first ones were cut off; a pair that was listed then had a trade read there."""
    instant, late = AS_OF - 11 * 3600, TimeRanges.single(AS_OF - 3600, AS_OF)
    assert agrees(read(-11 * 3600), instant, candles(late), rate=1e-9) == Agreement(instant)


def test_rows_that_could_not_be_read_may_have_been_of_any_slot_without_one() -> None:
    first, between = AS_OF - 720 * 60, AS_OF - 1800
    known = TimeRanges.single(first, AS_OF) - TimeRanges.single(between, between + 60)
    odd = candles(known)._replace(rows=721, skipped=("[null]",))
    assert agrees(read(), AS_OF - 3600, odd, rate=1e-9) == Agreement(between)
    assert agrees(read(), first - 3600, odd, rate=1e-9) == Agreement(first - 60), "the first of all, perhaps"
    assert agrees(read(), first - 3600, odd, rate=1.0) == Agreement(first - 3600), "which lowers what it counts"


def test_of_a_slot_of_which_a_part_was_read_nothing_agrees_before_the_rest_is_counted() -> None:
    ending = read(-170, counted_from=AS_OF - 170)  # of the slot that began at -180
    theirs = candles(MINUTES, b180=3)
    assert counts_partly(ending, AS_OF - 170, 60)
    assert agrees(ending, AS_OF - 170, theirs) == Agreement(AS_OF - 170, theirs=3, ours=1)

    earlier = read(-190, -180, -175, -170, -100).times
    whole = ending.with_earlier(earlier, (AS_OF - 180) * NS)
    assert not counts_partly(whole, AS_OF - 170, 60)
    assert whole.times.to_list() == read(-180, -175, -170).times.to_list()
    assert agrees(whole, AS_OF - 170, theirs) == Agreement(AS_OF)


@pytest.mark.parametrize(
    ("interval", "before_s", "expected"),
    [
        (1, 600, 1),
        (1, 11 * 3600, 1),
        (1, 13 * 3600, 5),
        (1, 100 * DAY_S, 240),
        (1, 2_000 * DAY_S, 1440),
        (60, 600, 60),
        (720, 600, 240),
        (1440, 600, 1440),
        (1440, 2_000 * DAY_S, 1440),
    ],
)
def test_the_witness_is_the_coarsest_that_fits_and_reaches_so_far(interval: int, before_s: int, expected: int) -> None:
    series = Series(BTC, interval)
    assert witness(series, AS_OF - before_s, END_OF_TIME, AS_OF) == Series(BTC, expected)


def test_candles_serve_series_that_are_made_of_them() -> None:
    assert serves(Series(BTC, 240), Series(BTC, 720))
    assert not serves(Series(BTC, 1440), Series(BTC, 720))


@pytest.mark.parametrize("old_s", [0, 2 * 3600, 10 * DAY_S])
def test_an_answer_that_is_old_is_known_only_as_far_as_it_had_settled_when_it_was_made(old_s: int) -> None:
    old = candles(TimeRanges.single(AS_OF - 720 * 60, AS_OF - 180), b600=5, b300=4, b240=3)
    found = settled(old, 60, AsOf(AS_OF + old_s))
    assert found.known == TimeRanges.single(AS_OF - 720 * 60, AS_OF - 300)
    assert found.candles["trades"].to_list() == [5]


def test_an_answer_that_reaches_as_far_as_asked_is_left_as_it_is() -> None:
    answer = candles(TimeRanges.single(AS_OF - 720 * 60, AS_OF), b36000=5)
    assert settled(answer, 60, AsOf(AS_OF)) is answer


# --------------------------------------------------------------- candles that leave out slots without trades


def rows(*opens: int) -> OhlcAnswer:
    """An answer with rows of these slots alone, uncounted."""
    found = candles(NOWHERE, **{f"b{-at}": 0 for at in opens})
    return found._replace(candles=found.candles.with_columns(trades=pl.lit(None, pl.Int32)))


def test_rows_of_slots_that_were_read_contradict_nothing_up_to_what_all_answers_show() -> None:
    found = contradiction(read(-7100), AS_OF - 7100, AS_OF - 3600, rows(-7140), 60, rate=1e-4)
    assert found == Agreement(AS_OF - 3600)


def test_a_row_where_no_trade_was_read_contradicts_from_there_on() -> None:
    found = contradiction(read(-7100), AS_OF - 7100, AS_OF - 3600, rows(-7140, -5400), 60, rate=1e-4)
    assert found == Agreement(AS_OF - 5400, theirs=1, ours=0)
    later = contradiction(read(-7100), AS_OF - 7100, AS_OF - 3600, rows(-1800), 60, rate=1e-4)
    assert later == Agreement(AS_OF - 3600), "that is not asked yet"


def test_where_many_trades_would_be_expected_no_rows_confirm_nothing() -> None:
    found = contradiction(read(-7100), AS_OF - 7100, AS_OF - 3600, rows(), 60, rate=1.0)
    assert found == Agreement(AS_OF - 7100)


def test_a_row_that_cannot_be_read_may_be_of_any_slot() -> None:
    odd = rows(-7140)._replace(skipped=("[null]",))
    assert contradiction(read(-7100), AS_OF - 7100, AS_OF - 3600, odd, 60, rate=1e-9) == Agreement(AS_OF - 7100)


@pytest.mark.parametrize(
    ("before_s", "expected"), [(3 * 3600, 1), (8 * 3600, 5), (9 * DAY_S, 60), (3000 * DAY_S, 1440)]
)
def test_candles_of_any_time_are_requested_as_fine_as_one_answer_shows_all(before_s: int, expected: int) -> None:
    series = Series(Pair("BTC", "USD", "coinbase:BTC-USD"), 1)
    assert witness(series, AS_OF - before_s, END_OF_TIME, AS_OF).interval == expected
