"""Whatever the damage to a file of trades: no slot that it is believed to show differs from what was traded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kraken_core.domain.exchange import NS
from kraken_core.domain.timerange import TimeRanges, floor
from kraken_core.domain.trade_sections import TradeSections
from kraken_core.domain.trades import TRADES, partial
from kraken_core.domain.trading_history import parse_trades, portions

START, NOW = 1_561_939_200, 2_000_000_000
LEAST = 200  # bytes of a damage, several rows: of a value that was changed nobody sees it
Slots = dict[int, tuple[Any, ...]]

BURST, MINUTES, HOURS = st.integers(1, 2 * 10**8), st.integers(NS, 90 * NS), st.integers(NS, 9_000 * NS)
ROWS = st.lists(
    st.tuples(BURST | MINUTES | HOURS, st.integers(10**4, 10**6), st.integers(1, 10**10), st.booleans()),
    min_size=30,
    max_size=60,
)


def tape_of(rows: list[tuple[int, int, int, bool]]) -> bytes:
    """A file as Kraken writes it: some trades happened at one instant, but no block of them did."""
    now, lines, alone = START * NS, [], True
    for step, price, volume, at_once in rows:
        alone = not (at_once and alone)
        now += step if alone else 0
        fraction = f"{now % NS:09}".rstrip("0")
        lines.append(f"{now // NS}{'.' * bool(fraction)}{fraction},{price / 10},{Decimal(volume).scaleb(-8):f}\n")
    return "".join(lines).encode()


@st.composite
def damaged(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A file, and what is left of it: blocks of it, at any byte, were lost, zeroed, doubled, overwritten or swapped."""
    whole = text = tape_of(draw(ROWS))
    for number in range(draw(st.integers(1, 2))):
        size = draw(st.integers(LEAST, max(LEAST, len(text) // 3)))
        first, second = sorted(draw(st.integers(0, len(text) - size)) for _ in range(2))
        block, end = text[first : first + size], first + size
        match draw(st.sampled_from(["zeroed", "doubled", "overwritten", "overwritten by the next", "swapped", "lost"])):
            case "zeroed":
                text = text[:first] + bytes(size) + text[end:]
            case "doubled":
                text = text[:end] + block + text[end:]
            case "overwritten":
                text = text[:end] + block[: len(text) - end] + text[end + size :]
            case "overwritten by the next":
                text = text[: max(first - size, 0)] + block[-min(size, first) :] * (first > 0) + text[first:]
            case "swapped" if end <= second:
                text = text[:first] + text[second : second + size] + text[end:second] + block + text[second + size :]
            case "lost" if number == 0:
                text = text[:first] + text[end:]
                assume(leaves_a_trace(text))
    return whole, text


def leaves_a_trace(text: bytes) -> bool:
    """Of a lost block nobody sees it where the rows on both sides, or the halves of two, read as trades in order."""
    return bool(parse_trades(text, 1, NOW).bad) or not text.endswith(b"\n")


def read(text: bytes, piece: int) -> tuple[Slots, TimeRanges]:
    """The candles of the minutes that a file makes, and the time that it does not show."""
    sections, trades, line, torn = TradeSections(), [pl.DataFrame(schema=TRADES)], 1, False
    for part in portions(text[at : at + piece] for at in range(0, len(text), piece)):
        portion = parse_trades(part, line, NOW)
        line += portion.lines
        trades.append(portion.trades)
        sections.add(portion)
        torn = not part.endswith(b"\n")
    parts = partial(pl.concat(trades), 1).select("time", "open", "high", "low", "close", "volume", "trades")
    return {row[0]: row[1:] for row in parts.iter_rows()}, sections.unknown(torn=torn)


def believed_as_it_was(whole: bytes, text: bytes, piece: int) -> None:
    truth, nothing = read(whole, len(whole))
    assert not nothing
    candles, unknown = read(text, piece)
    for slot in range(floor(min(truth), 60) - 300, max(truth) + 600, 60):
        if not unknown.clip(slot, slot + 60):
            assert candles.get(slot) == truth.get(slot), slot - START


@settings(max_examples=50)
@given(damaged(), st.integers(500, 5_000))
def test_no_damage_makes_a_file_show_what_was_not(files: tuple[bytes, bytes], piece: int) -> None:
    believed_as_it_was(*files, piece)


@pytest.mark.soak
@given(damaged(), st.integers(500, 5_000))
def test_none_of_thousands_of_damages_does(files: tuple[bytes, bytes], piece: int) -> None:
    believed_as_it_was(*files, piece)
