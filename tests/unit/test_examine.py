"""Candles by themselves and against the ledger: each check finds what it is for, and nothing else."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.candles import Source, Vintage, derived_rank, provisional, rank_of
from kraken_core.domain.coverage import Assertion
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.life import Life
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges
from kraken_core.domain.verification.examination import Examination
from kraken_core.domain.verification.frame import Frame
from kraken_core.domain.verification.known_pair import KnownPair, Look, known_pairs
from tests.support.candle_frames import Row, frame

BTC = Pair("BTC", "USD")
MINUTES, FIVES, QUARTERS, HOURS = (Series(BTC, interval) for interval in (1, 5, 15, 60))
CSV, OTHER = rank_of(Source.CSV, Vintage(86_400, stated=True)), rank_of(Source.CSV, Vintage(2 * 86_400, stated=True))
NOW = 6000
EVER = TimeRange(0, END_OF_TIME)
CHECKS = ("unique", "aligned", "sane", "closed", "life", "covered")


def known(*claims: tuple[Series, int, int], delisted: int | None = None) -> dict[Pair, KnownPair]:
    """Slots claimed of a pair that was listed with the tenth minute."""
    made = [
        Assertion(series, start * 60, end * 60, Source.CSV, CSV, str(series.interval)) for series, start, end in claims
    ]
    return known_pairs(Knowledge({BTC: [Life(600, delisted)]}, made), [MINUTES, FIVES, QUARTERS], EVER)


def failed(candles: pl.DataFrame, pairs: dict[Pair, KnownPair]) -> dict[str, int]:
    examination = Examination(NOW)
    examination.candles(Frame(candles, pairs))
    return {name: found for name in CHECKS if (found := examination.tallies[name].failed)}


CLAIMED = known((MINUTES, 10, 100))
GOOD = frame([Row(MINUTES, slot, rank=CSV) for slot in (10, 20, 99)])


def spoilt(**values: object) -> pl.DataFrame:
    """Good candles of which the middle one has other values."""
    middle = pl.int_range(pl.len()) == 1
    return GOOD.with_columns(
        pl.when(middle).then(pl.lit(value)).otherwise(name).cast(GOOD[name].dtype).alias(name)
        for name, value in values.items()
    )


def test_good_candles_fail_nowhere() -> None:
    assert failed(GOOD, CLAIMED) == {}
    assert failed(GOOD.with_columns(trades=pl.lit(None, pl.Int32)), CLAIMED) == {}


@pytest.mark.parametrize(
    "values",
    [
        {"high": 0.5},
        {"low": 1.5},
        {"low": -1.0, "open": -1.0},
        {"low": 0.0, "open": 0.0},
        {"high": float("inf")},
        {"open": float("nan")},
        {"volume": float("nan")},
        {"volume": 0.0},
        {"volume": None},
        {"close": None},
        {"trades": 0},
    ],
    ids=str,
)
def test_a_candle_has_finite_positive_values_in_their_order(values: dict[str, object]) -> None:
    assert failed(spoilt(**values), CLAIMED) == {"sane": 1}


def test_a_slot_has_one_candle() -> None:
    assert failed(GOOD[[0, 1, 1, 1, 2]], CLAIMED) == {"unique": 2}


def test_a_candle_opens_with_its_slot() -> None:
    assert failed(GOOD.with_columns(pl.col("time").dt.offset_by("1s"))[:2], CLAIMED) == {"aligned": 2}


def test_a_candle_has_closed() -> None:
    assert failed(frame([Row(MINUTES, 100, rank=CSV)]), known((MINUTES, 10, 200))) == {"closed": 1}


def test_a_candle_is_of_its_pairs_life() -> None:
    assert failed(frame([Row(MINUTES, 9, rank=CSV)]), CLAIMED) == {"life": 1}
    gone = known((MINUTES, 10, 100), delisted=1201)
    assert failed(GOOD, gone) == {"life": 1}


def test_the_ledger_knows_of_every_candle_that_is_not_provisional() -> None:
    assert failed(GOOD, known((MINUTES, 10, 15), (MINUTES, 99, 100))) == {"covered": 1}
    rank = pl.lit(provisional(CSV))
    assert failed(GOOD.with_columns(rank=rank), known((FIVES, 10, 15))) == {}


def test_each_series_is_held_against_its_own_claims() -> None:
    both = pl.concat([GOOD, frame([Row(FIVES, 4, rank=CSV)])])
    assert failed(both, CLAIMED) == {"covered": 1}
    assert failed(both, known((MINUTES, 10, 100), (FIVES, 10, 100))) == {}


def test_silent_are_the_covered_slots_without_a_candle() -> None:
    examination = Examination(NOW)
    examination.tallies["silences"].looked(CLAIMED[BTC].series, 90)
    examination.candles(Frame(GOOD, CLAIMED))
    assert examination.tallies["silences"].checked == 87


def test_examples_name_series_and_slot_and_end_with_how_many_there_are_more() -> None:
    examination = Examination(NOW)
    candles = frame([Row(MINUTES, slot, rank=CSV) for slot in range(15, 30)])
    examination.candles(Frame(candles, known((MINUTES, 10, 15))))
    check = examination.tallies["covered"].check
    assert (check.series, check.checked, check.failed) == (1, 15, 15)
    assert check.examples[0] == "BTC/USD 1m at 1970-01-01T00:15:00Z"
    assert check.examples[10:] == ("… and 5 more",)


def looks(pairs: dict[Pair, KnownPair]) -> dict[Pair, Look]:
    return {pair: each.look(TimeRanges.single(0, 86_400)) for pair, each in pairs.items()}


def disagreement(*rows: Row, claims: dict[Pair, KnownPair] | None = None) -> Examination:
    pairs = claims or known((MINUTES, 10, 100), (FIVES, 10, 100))
    examination = Examination(NOW)
    candles = frame(rows).sort("pair", "interval_minutes", "time")
    for _ in range(2):  # to look at the same twice changes nothing
        examination.agreement(Frame(candles, pairs), looks(pairs))
    examination.confirmed()
    return examination


def slots(series: Series, *numbers: int) -> TimeRanges:
    return TimeRanges.of((n * series.width, (n + 1) * series.width) for n in numbers)


@pytest.mark.parametrize("rank", [CSV, OTHER, provisional(CSV)])
def test_a_coarse_slot_that_is_silent_while_finer_ones_traded_is_suspect(rank: int) -> None:
    found = disagreement(Row(MINUTES, 20, rank=rank))
    assert found.suspects == {FIVES: slots(FIVES, 4)}
    assert found.tallies["silences"].failed == 1
    assert found.tallies["silences"].check.examples == (
        "BTC/USD 5m [1970-01-01T00:20:00Z, 1970-01-01T00:25:00Z) is claimed to have no trades, but BTC/USD 1m has some",
    )


@given(
    st.sets(st.tuples(st.sampled_from([MINUTES, FIVES, QUARTERS, HOURS]), st.integers(0, 60)), max_size=30),
    st.dictionaries(st.sampled_from([5, 15, 60]), st.sets(st.integers(0, 12), max_size=8)),
)
def test_every_silent_slot_with_a_finer_candle_in_it_is_suspect_and_no_other(
    traded: set[tuple[Series, int]], silent: dict[int, set[int]]
) -> None:
    candles = frame(Row(series, slot, rank=CSV) for series, slot in traded).sort("pair", "interval_minutes", "time")
    claimed = {interval: slots(Series(BTC, interval), *numbers) for interval, numbers in silent.items()}
    examination = Examination(NOW)
    examination.agreement(Frame(candles, CLAIMED), {BTC: Look([], claimed)})
    expected = {
        series: slots(series, *lacking)
        for series in (FIVES, QUARTERS, HOURS)
        if (
            lacking := {
                number
                for number in silent.get(series.interval, set())
                if (series, number) not in traded
                and any(f < series and f.width * n // series.width == number for f, n in traded)
            }
        )
    }
    assert examination.confirmed() == expected


def test_also_where_the_finer_ones_are_known_for_a_part_of_it_only() -> None:
    found = disagreement(Row(MINUTES, 20, rank=CSV), claims=known((MINUTES, 20, 22), (FIVES, 10, 100)))
    assert found.suspects == {FIVES: slots(FIVES, 4)}
    assert found.agreed == {}


def test_silent_finer_slots_of_a_coarse_one_of_the_same_release_that_traded_more_are_suspect() -> None:
    more = frame([Row(FIVES, 4, rank=CSV)]).with_columns(trades=pl.lit(2, pl.Int32), high=pl.lit(2.0))
    pairs = known((MINUTES, 10, 100), (FIVES, 10, 100))
    found = Examination(NOW)
    found.agreement(Frame(pl.concat([frame([Row(MINUTES, 20, rank=CSV)]), more]), pairs), looks(pairs))
    assert found.confirmed() == {MINUTES: slots(MINUTES, 21, 22, 23, 24)}
    assert (found.tallies["silences"].failed, found.tallies["agreement"].failed) == (4, 1)


def test_a_coarse_candle_at_other_prices_disagrees_and_contradicts_no_silence_of_finer_ones() -> None:
    """It may be another pair's, which has more trades."""
    found = disagreement(Row(MINUTES, 20, rank=CSV), Row(FIVES, 4, value=2, rank=CSV))
    assert found.suspects == {}
    assert found.disagreed == {FIVES: {1: slots(FIVES, 4)}}
    assert (found.tallies["silences"].failed, found.tallies["agreement"].failed) == (0, 1)


def test_a_silence_that_a_coarser_file_confirms_is_in_dispute_with_the_finer_candles_not_withdrawn() -> None:
    """Of the quarter of an hour the fives are just what it has: the minute may be another pair's."""
    claims = known((MINUTES, 10, 100), (FIVES, 10, 100), (QUARTERS, 15, 90))
    found = disagreement(
        Row(MINUTES, 20, rank=CSV),
        Row(MINUTES, 26, rank=CSV),
        Row(FIVES, 4, rank=CSV),
        Row(QUARTERS, 1, rank=CSV),
        claims=claims,
    )
    assert found.suspects == {}
    assert found.disagreed == {FIVES: {1: slots(FIVES, 5)}}
    assert (found.tallies["silences"].failed, found.tallies["agreement"].failed) == (0, 1)
    assert found.confirmed() == {}
    assert found.tallies["agreement"].failed == 1


def test_a_silence_that_coarser_candles_deny_too_is_withdrawn() -> None:
    claims = known((MINUTES, 10, 100), (FIVES, 10, 100), (QUARTERS, 15, 90))
    more = frame([Row(QUARTERS, 1, rank=CSV)]).with_columns(trades=pl.lit(2, pl.Int32), volume=pl.lit(2.0))
    rest = frame([Row(MINUTES, 20, rank=CSV), Row(MINUTES, 26, rank=CSV), Row(FIVES, 4, rank=CSV)])
    found = Examination(NOW)
    found.agreement(Frame(pl.concat([rest, more]), claims), looks(claims))
    assert found.confirmed() == {FIVES: slots(FIVES, 5)}


def test_of_another_release_only_silence_as_a_whole_is_contradicted() -> None:
    more = frame([Row(FIVES, 4, rank=OTHER)]).with_columns(trades=pl.lit(2, pl.Int32), volume=pl.lit(1.5))
    examination = Examination(NOW)
    candles = pl.concat([frame([Row(MINUTES, 20, rank=CSV)]), more])
    pairs = known((MINUTES, 10, 100), (FIVES, 10, 100))
    examination.agreement(Frame(candles, pairs), looks(pairs))
    assert examination.confirmed() == {}
    assert examination.tallies["agreement"].failed == examination.tallies["vintages"].failed == 0
    assert examination.tallies["vintages"].check.examples == (
        "BTC/USD 5m at 1970-01-01T00:20:00Z: its 1m candles have -1 trades and -33.33% volume",
    )
    found = disagreement(Row(FIVES, 4, rank=OTHER))
    assert found.suspects == {MINUTES: slots(MINUTES, 20, 21, 22, 23, 24)}


def test_a_coarse_candle_that_lacks_trades_is_a_failure_and_stays() -> None:
    found = disagreement(*(Row(MINUTES, slot, rank=CSV) for slot in (20, 21)), Row(FIVES, 4, rank=CSV))
    assert found.suspects == {}
    assert (found.tallies["silences"].failed, found.tallies["agreement"].failed) == (0, 1)
    assert found.tallies["agreement"].check.examples == (
        "BTC/USD 5m at 1970-01-01T00:20:00Z has 1 trades, but 2 in its 1m candles",
    )


def test_finer_candles_that_lack_trades_though_none_is_silent_stay_too() -> None:
    found = disagreement(*(Row(MINUTES, slot, rank=CSV) for slot in range(20, 25)), Row(FIVES, 4, value=9, rank=CSV))
    assert (found.suspects, found.tallies["agreement"].failed) == ({}, 1)


def test_other_values_of_as_many_trades_fail_and_nobody_is_suspect() -> None:
    higher = frame([Row(FIVES, 4, rank=CSV)]).with_columns(pl.col("high") * 2)
    candles = pl.concat([frame([Row(MINUTES, 20, rank=CSV)]), higher])
    examination = Examination(NOW)
    pairs = known((MINUTES, 10, 100), (FIVES, 10, 100))
    examination.agreement(Frame(candles, pairs), looks(pairs))
    assert (examination.tallies["agreement"].failed, examination.confirmed()) == (1, {})


# --------------------------------------------------------------------------------------------------- what is confirmed


def agreed(*rows: Row, claims: dict[Pair, KnownPair]) -> dict[Series, dict[int, TimeRanges]]:
    return disagreement(*rows, claims=claims).agreed


def two_files(*, evidence: str = "b", source: Source = Source.CSV) -> dict[Pair, KnownPair]:
    claims = [
        Assertion(MINUTES, 600, 3000, Source.CSV, CSV, "a"),
        Assertion(FIVES, 600, 6000, source, CSV, evidence),
    ]
    return known_pairs(Knowledge({BTC: [Life(600)]}, claims), [MINUTES, FIVES], EVER)


def test_what_two_files_say_alike_is_agreed_of_trades_and_of_none() -> None:
    found = agreed(Row(MINUTES, 20, rank=CSV), Row(FIVES, 4, rank=CSV), claims=two_files())
    assert found == {FIVES: {1: TimeRanges.single(600, 3000)}}


def test_where_they_differ_in_anything_nothing_is_agreed() -> None:
    rows = Row(MINUTES, 20, rank=CSV), Row(FIVES, 4, value=2, rank=CSV)
    found = agreed(*rows, claims=two_files())
    assert found == {FIVES: {1: TimeRanges.of([(600, 1200), (1500, 3000)])}}


@pytest.mark.parametrize("claims", [two_files(evidence="a"), two_files(evidence="derived:1", source=Source.DERIVED)])
def test_one_file_of_trades_or_what_was_derived_confirms_nothing(claims: dict[Pair, KnownPair]) -> None:
    assert agreed(Row(MINUTES, 20, rank=CSV), Row(FIVES, 4, rank=CSV), claims=claims) == {}


@pytest.mark.parametrize(
    ("source", "confirms"), [(Source.TRADES, False), (Source.OHLC, True)], ids=["one tape", "answers of each interval"]
)
def test_answers_of_the_trades_endpoint_are_one_tape_whenever_they_were_given(
    source: Source, *, confirms: bool
) -> None:
    rank = derived_rank(rank_of(source))
    sweeps = [
        Assertion(MINUTES, 600, 3000, source, rank, f"{source} at 1"),
        Assertion(FIVES, 600, 3000, source, rank, f"{source} at 2"),
    ]
    claims = known_pairs(Knowledge({BTC: [Life(600)]}, sweeps), [MINUTES, FIVES], EVER)
    found = agreed(Row(MINUTES, 20, rank=CSV), Row(FIVES, 4, rank=CSV), claims=claims)
    assert bool(found) is confirms
