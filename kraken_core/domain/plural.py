"""Numbers of things, as people read them."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number of things: 1 file, 12,345 files, 2 series."""
    return f"{number:,} {noun if number == 1 or noun.endswith('s') else noun + 's'}"
