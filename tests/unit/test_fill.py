from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.fill import filled
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from tests.support.candle_frames import Row, frame

SERIES = Series(Pair("BTC", "USD"), 1)
WIDTH = SERIES.width


@given(
    known=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 8)), max_size=5),
    held=st.dictionaries(st.integers(0, 50), st.integers(1, 9), max_size=30),
)
def test_known_slots_take_the_close_before_them_and_no_other_slot_is_made_up(
    known: list[tuple[int, int]], held: dict[int, int]
) -> None:
    ranges = TimeRanges.of((start * WIDTH, (start + length) * WIDTH) for start, length in known)
    observed = frame(Row(SERIES, slot, float(price)) for slot, price in held.items())
    expected = {slot: (float(price), False) for slot, price in held.items()}
    for start, end in ranges:
        before = None
        for slot in range(start // WIDTH, end // WIDTH):
            if slot in held:
                before = float(held[slot])
            elif before is not None:
                expected[slot] = (before, True)
    found = filled(observed, ranges, WIDTH)
    rows = found.select(found["time"].dt.epoch("s") // WIDTH, "open", "close", "volume", "trades", "filled").rows()
    assert [row[0] for row in rows] == sorted(expected)
    for slot, first, last, volume, trades, made in rows:
        assert (first, last, made) == (*[expected[slot][0]] * 2, expected[slot][1])
        assert ((volume, trades) == (0.0, 0)) == made
    assert found["pair"].null_count() == found["interval_minutes"].null_count() == 0
