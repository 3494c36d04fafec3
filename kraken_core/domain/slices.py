"""Parts of frames whose rows ascend: a range of values is a slice, which need not be copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_SLICES = 1_000  # more of them are gathered row by row


def picked(rows: pl.DataFrame, begins: Ints, ends: Ints) -> pl.DataFrame:
    """The rows of disjoint slices (from ``begins`` up to ``ends``, not included), in the order given."""
    some = begins < ends
    begins, ends = begins[some], ends[some]
    apart = begins[1:] != ends[:-1]
    begins, ends = begins[np.append(True, apart)[: len(begins)]], ends[np.append(apart, True)[: len(ends)]]
    if len(begins) > _SLICES:
        lengths = ends - begins
        skipped = np.repeat(begins - np.append(0, np.cumsum(lengths)[:-1]), lengths)
        found: pl.DataFrame = rows[np.arange(lengths.sum()) + skipped]
        return found
    slices = [rows.slice(begin, end - begin) for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]
    return slices[0] if len(slices) == 1 else pl.concat([rows.clear(), *slices], rechunk=True)
