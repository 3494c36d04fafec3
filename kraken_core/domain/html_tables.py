"""Tables of HTML for notebooks. Whatever is put into one is escaped: names and messages come from files and servers."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_LEFT = ' style="text-align:left"'


def facts(title: str, values: Mapping[str, object], notes: Iterable[str] = ()) -> str:
    """A title, a row for each value that is not empty, and notes below."""
    shown = {name: str(value) for name, value in values.items()}
    rows = "".join(
        f"<tr><th{_LEFT}>{escape(name)}</th><td{_LEFT}>{escape(value)}</td></tr>"
        for name, value in shown.items()
        if value
    )
    return f"<p><b>{escape(title)}</b></p><table><tbody>{rows}</tbody></table>{_list(notes)}"


def grid(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table: the first column names what a row is about."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(
        f"<tr><th{_LEFT}>{escape(str(first))}</th>{''.join(f'<td>{escape(str(cell))}</td>' for cell in cells)}</tr>"
        for first, *cells in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _list(notes: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f"<ul>{items}</ul>" if items else ""
