"""A tape that is paged by the numbers of its trades: an instant is found, and nothing behind it is left out."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_core.sources.rest.numbered_tape import NumberedTape, NumberedTrade

PAGE = 200  # trades an answer, at most
MOST = 60  # requests that a search may take, whatever the tape


class Answering:
    """Trades of a tape below a number, newest last; some answers are empty, or have lost what came first."""

    def __init__(
        self, tape: list[NumberedTrade], empty: frozenset[int] = frozenset(), short: frozenset[int] = frozenset()
    ) -> None:
        self.tape, self.empty, self.short, self.requests = tape, empty, short, 0

    def below(self, number: int | None) -> list[NumberedTrade]:
        self.requests += 1
        found = [mark for mark in self.tape if number is None or mark.number < number][-PAGE:]
        found = [] if self.requests in self.empty else found
        return found[len(found) // 2 :] if self.requests in self.short else found

    def has_any(self, number: int | None) -> bool:
        return bool(self.tape) and (number is None or self.tape[0].number < number)


def read_on(answering: Answering, cursor: int) -> list[NumberedTrade]:
    """Every trade after a cursor, as a sweep reads them: until nothing comes twice."""
    tape, read, idle, searching = NumberedTape(PAGE), set[NumberedTrade](), 0, 0
    while idle < 2:
        below = tape.aim(cursor)
        found = answering.below(below)
        if not found and answering.has_any(below):  # which its client requests again
            continue
        if not tape.read(found, below, cursor):
            searching += 1
            assert searching <= MOST
            continue
        searching = 0
        after = sorted((mark for mark in found if mark.time > cursor), key=lambda mark: mark.time)
        idle = 0 if set(after) - read else idle + (below is None)
        read |= set(after)
        if after:
            cursor = max(cursor, after[-1].time - 1)
            tape.gave(cursor, max(mark.number for mark in after), below)
    return sorted(read)


@st.composite
def tapes(draw: st.DrawFn) -> list[NumberedTrade]:
    """A few hundred trades to a few thousand, unevenly in time, some at one instant, and numbers that were skipped."""
    waits = draw(st.lists(st.sampled_from((0, 1, 7, 5_000)), min_size=1, max_size=40))
    times = list(accumulate((waits * 40)[: draw(st.integers(1, 1_600))], initial=1_000))
    first = draw(st.sampled_from((1, 2, 77, 100_000)))
    at, skipped = draw(st.integers(0, len(times))), draw(st.sampled_from((0, 1, 150, 900)))
    return [NumberedTrade(first + place + (skipped if place >= at else 0), time) for place, time in enumerate(times)]


def check(tape: list[NumberedTrade], share: float, answering: Answering) -> None:
    cursor = round(tape[0].time - 3 + share * (tape[-1].time - tape[0].time + 6))
    assert read_on(answering, cursor) == [mark for mark in tape if mark.time > cursor]


@given(tapes(), st.floats(0, 1))
@settings(max_examples=40)
def test_everything_behind_an_instant_is_read_wherever_numbers_begin_or_are_skipped(
    tape: list[NumberedTrade], share: float
) -> None:
    check(tape, share, Answering(tape))


@pytest.mark.soak
@given(tapes(), st.floats(0, 1))
@settings(max_examples=5_000)
def test_everything_behind_an_instant_is_read_of_thousands_of_tapes(tape: list[NumberedTrade], share: float) -> None:
    check(tape, share, Answering(tape))


@given(tapes(), st.floats(0, 1), st.frozensets(st.integers(2, 12), max_size=3), st.booleans())
@settings(max_examples=40)
def test_answers_that_are_empty_or_short_now_and_then_hide_nothing_for_good(
    tape: list[NumberedTrade], share: float, odd: frozenset[int], whole: bool
) -> None:
    check(tape, share, Answering(tape, odd) if whole else Answering(tape, short=odd))


def test_an_instant_among_millions_is_found_in_few_requests_and_reading_on_takes_no_search() -> None:
    tape, count = NumberedTape(1_000), 50_000_000
    wanted, requests = 31_234_567, 0
    cursor = wanted * 1_000
    while True:
        below = tape.aim(cursor)
        stop = min(below or count + 1, count + 1)
        found = [NumberedTrade(number, number * 1_000) for number in range(stop - 1_000, stop)]
        requests += 1
        if tape.read(found, below, cursor):
            break
    assert requests <= 4
    assert found[0].number <= wanted + 1 <= found[-1].number
    tape.gave(found[-1].time - 1, found[-1].number, below)
    assert tape.aim(found[-1].time - 1) == found[-1].number + 1 - 100 + 1_000


def test_a_market_without_trades_is_at_its_end() -> None:
    assert read_on(Answering([]), 0) == []
