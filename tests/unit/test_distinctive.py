"""Which contents no two pairs have by chance."""

from __future__ import annotations

import polars as pl
import pytest

from kraken_core.domain.distinctive import distinctive


@pytest.mark.parametrize(
    ("volumes", "trades", "so_many"),
    [
        ([], [], False),
        ([1.5, 2.5, 3.5], [7, 8, 9], True),
        ([1.5, 2.5, 3.5], [7, 8, 8], False),
        ([1.5] * 30, [7] * 30, False),
        ([float(size) for size in range(30)], [1] * 30, True),
        ([float(size) for size in range(30)], [None] * 30, True),
    ],
)
def test_trades_count_of_candles_that_differ_in_volume(
    volumes: list[float], trades: list[int | None], *, so_many: bool
) -> None:
    candles = pl.DataFrame({"volume": volumes, "trades": trades}, schema={"volume": pl.Float64, "trades": pl.Int32})
    assert distinctive(candles) is so_many
