"""Whatever becomes of blocks of OHLCVT text: no slot that it is believed to show differs from what was traded."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kraken_core.domain.errors import BadFileError
from kraken_core.domain.ohlcvt import COLUMNS, parse_any
from tests.support.ohlcvt_text import MINUTE, NOW, START, row, text_of

# Bytes of a block, as disks have them: about ten rows. Of a single row nobody sees it that it is two halves of others.
LEAST = 512
STEPS = st.lists(
    st.tuples(st.integers(1, 2) | st.integers(1, 300), st.integers(10**4, 10**6), st.integers(1, 10**10)),
    min_size=50,
    max_size=90,
)


def file_of(steps: list[tuple[int, int, int]]) -> bytes:
    """A file as Kraken writes it, of which no two rows have the same values."""
    slot, lines = 0, []
    for number, (step, price, volume) in enumerate(steps):
        slot += step
        low, high = price / 10, (price + number) / 10
        lines.append(row(slot, f"{low},{high},{low},{high},{volume / 10**8:.8f},{number + 1}"))
    return text_of(*lines)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A file, and what is left of it: a block of it, at any byte, was lost, zeroed, doubled, overwritten or swapped."""
    text = file_of(draw(STEPS))
    size = draw(st.integers(LEAST, len(text) // 3))
    first, second = sorted(draw(st.integers(0, len(text) - size)) for _ in range(2))
    block, end = text[first : first + size], first + size
    left = text
    match draw(st.sampled_from(["zeroed", "doubled", "overwritten", "overwritten by the next", "swapped", "lost"])):
        case "zeroed":
            left = text[:first] + bytes(size) + text[end:]
        case "doubled":
            left = text[:end] + block + text[end:]
        case "overwritten" if end + LEAST <= len(text):
            left = text[:end] + block[: len(text) - end] + text[end + size :]
        case "overwritten by the next" if first >= LEAST:
            left = text[: max(first - size, 0)] + block[-min(size, first) :] + text[first:]
        case "swapped" if end <= second:
            left = text[:first] + text[second : second + size] + text[end:second] + block + text[second + size :]
        case "lost":
            left = text[:first] + text[end:]
            assume(leaves_a_trace(left))
        case _:
            pass  # no block that is whole is there to swap with, or to overwrite
    return text, left


def leaves_a_trace(text: bytes) -> bool:
    """Of a lost block nobody sees it where the rows on both sides, or the halves of two, read as rows in order."""
    return not text.endswith(b"\n") or bool(parse_any(text, 1, NOW).rejects)


def believed_as_it_was(whole: bytes, text: bytes) -> None:
    true = parse_any(whole, 1, NOW)
    assert not true.unknown
    try:
        left = parse_any(text, 1, NOW)
    except BadFileError:
        return
    rows = (parsed.candles.select(*COLUMNS).iter_rows() for parsed in (true, left))
    truth, candles = ({candle[0]: candle for candle in each} for each in rows)
    for time in range(START - 5 * MINUTE, true.last + 10 * MINUTE, MINUTE):
        if time not in left.unknown:
            assert candles.get(time) == truth.get(time), (time - START) // MINUTE


@settings(max_examples=50)
@given(damaged())
def test_no_damaged_block_makes_a_file_show_what_was_not(files: tuple[bytes, bytes]) -> None:
    believed_as_it_was(*files)


@pytest.mark.soak
@given(damaged())
def test_none_of_thousands_of_damaged_blocks_does(files: tuple[bytes, bytes]) -> None:
    believed_as_it_was(*files)
