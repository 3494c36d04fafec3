"""Tables on a terminal: lines break between words, and rows that do not fit beside each other become blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

SHORTEST_FOLD = 15  # columns that a cell which may break anywhere needs to stay legible
_BETWEEN = 2  # columns between two cells


class Column(NamedTuple):
    """A column. ``numeric``: to the right. ``folds``: takes several lines first, and may break inside long words."""

    name: str
    numeric: bool = False
    folds: bool = False


def print_rows(
    out: Console,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
) -> None:
    """Print rows of console markup.

    Where not even the longest words of all columns fit side by side, each row becomes a block of names and values.
    """
    texts = [[Text.from_markup(cell).plain for cell in cells] for cells in zip(*rows, strict=True)] or [
        [] for _ in columns
    ]
    whole = [_widest([column.name, *cells]) for column, cells in zip(columns, texts, strict=True)]
    least = [_least(column, cells) for column, cells in zip(columns, texts, strict=True)]
    around = _BETWEEN * len(columns)  # between cells, and at both edges
    if sum(least) + around > out.width:
        _print_blocks(out, columns, rows, title)
        return
    fits = (
        sum(some if column.folds else full for column, some, full in zip(columns, least, whole, strict=True)) + around
        <= out.width
    )
    table = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,  # no lines between columns, so that it fits where it can
        pad_edge=False,
        collapse_padding=True,
    )
    for column, width in zip(columns, least, strict=True):
        table.add_column(
            column.name,
            justify="right" if column.numeric else "left",
            overflow="fold",
            min_width=width,
            no_wrap=fits and not column.folds,
        )
    for cells in rows:
        table.add_row(*cells)
    out.print(table)


def _widest(texts: Sequence[str]) -> int:
    return max((cell_len(text) for text in texts), default=0)


def _least(column: Column, cells: Sequence[str]) -> int:
    """The columns it needs, at least: its longest word, unless it may break there."""
    longest = _widest([word for text in (column.name, *cells) for word in text.split()])
    return min(longest, SHORTEST_FOLD) if column.folds else longest


def _print_blocks(out: Console, columns: Sequence[Column], rows: Sequence[Sequence[str]], title: str) -> None:
    if title:
        out.print(f"[bold]{title}[/]")
    for cells in rows:
        block = Table.grid(padding=(0, _BETWEEN, 0, 0))
        block.add_column(no_wrap=True, style="dim")
        block.add_column(overflow="fold")
        for column, cell in zip(columns, cells, strict=True):
            block.add_row(column.name, cell)
        out.print(block)
        out.print()
