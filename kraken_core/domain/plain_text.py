"""The text of files from outside, as it stands: polars unpacks by itself whatever begins like something packed.

A file of an archive could be a few bytes that unpack to more than there is memory, past every limit on sizes.
"""

from __future__ import annotations

import polars as pl


def begins_with_number(text: bytes) -> bool:
    """Whether a text begins as rows of candles or trades do, and so as nothing does that polars would unpack."""
    return text[:1].isdigit()


def lines_of(text: bytes, first_line: int) -> pl.DataFrame:
    """The lines of a text that are not blank, the first of which is line ``first_line`` of its file: line, text.

    Bytes that are no UTF-8 are replaced.
    """
    plain = text.decode(errors="replace").encode()
    # Nothing begins with a line end that polars would unpack
    rows = pl.read_lines(b"\n" + plain, name="text", row_index_name="line", row_index_offset=first_line - 1)
    return rows.filter(pl.col("text").str.strip_chars() != "")
