"""Tables on a terminal break between words at every width, and colour states."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.markup import escape

from kraken_core.cli import output
from kraken_core.pipeline.terminal_table import Column, print_rows

JOBS = (Column("job", numeric=True), Column("status"), Column("pairs", folds=True), Column("new candles", numeric=True))
WORDS = st.text("abcdefgh", min_size=1, max_size=12)


def drawn(columns: tuple[Column, ...], rows: Sequence[tuple[str, ...]], width: int, title: str = "") -> list[str]:
    """The lines of a table at a width."""
    out = Console(file=io.StringIO(), width=width, highlight=False)
    print_rows(out, columns, rows, title=title)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue().splitlines()


def test_a_column_that_folds_takes_several_lines_and_the_others_stay_whole() -> None:
    lines = drawn(JOBS, [("1", "COMPLETED with errors", "BTC/USD, ETH/USD, DOGE/USD", "1,234,567")], 62)
    assert any("COMPLETED with errors" in line and "1,234,567" in line for line in lines)
    assert not any("ETH/USD, DOGE/USD" in line and "BTC/USD" in line for line in lines)


@given(st.lists(st.tuples(WORDS, st.lists(WORDS, min_size=1, max_size=4)), min_size=1, max_size=5), st.integers(26, 90))
def test_no_word_is_broken_and_none_is_lost_at_any_width(rows: list[tuple[str, list[str]]], width: int) -> None:
    columns = (Column("name"), Column("what it is"), Column("some more"))
    cells = [(name, " ".join(words), name) for name, words in rows]
    found = " ".join(drawn(columns, cells, width)).split()
    for name, words in rows:
        assert {name, *words} <= set(found)


def test_rows_that_do_not_fit_side_by_side_become_blocks_of_names_and_values() -> None:
    lines = drawn(JOBS, [("1", "COMPLETED", "BTC/USD", "12"), ("2", "FAILED", "BTC/EUR", "0")], 30, title="Jobs")
    assert [line.strip() for line in lines] == [
        "Jobs",
        "job          1",
        "status       COMPLETED",
        "pairs        BTC/USD",
        "new candles  12",
        "",
        "job          2",
        "status       FAILED",
        "pairs        BTC/EUR",
        "new candles  0",
        "",
    ]


def test_a_table_without_rows_has_its_headings() -> None:
    assert "new candles" in " ".join(drawn(JOBS, [], 100))


@pytest.mark.parametrize(("state", "colour"), [("FAILED", "31"), ("COMPLETED, undone", "32"), ("ok", "32")])
def test_states_are_coloured_unless_that_is_not_wanted(
    state: str, colour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown() -> str:
        out = Console(file=io.StringIO(), force_terminal=True, width=80, highlight=False)
        monkeypatch.setattr(output, "console", lambda: out)
        output.print_table(("status", "what"), [(state, "FAILED")])
        assert isinstance(out.file, io.StringIO)
        return out.file.getvalue()

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    coloured = shown()
    assert f"\x1b[{colour}m{escape(state)}" in coloured
    assert coloured.count("\x1b[3") == 1, "only the column of states"
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in shown()
