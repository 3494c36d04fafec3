"""Kept trades beside the tape that they are of."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from polars.testing import assert_frame_equal

from kraken_core import Workbench
from kraken_core.domain.exchange import NS
from kraken_core.domain.kept_trades import PRICE, VOLUME
from kraken_core.domain.market import Pair
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.tape import Tape

VALUES = ("time", "price", "volume")


def keeping(home: Path, value: str = "true") -> None:
    """Have a home keep trades: all, or those of tiers."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "kraken.toml").write_text(f"keep_trades = {value}\n")


def tape_frame(tape: Tape) -> pl.DataFrame:
    """A tape's trades as the table has them: time (nanoseconds), id, price, volume, side."""
    return pl.DataFrame(
        {
            "time": tape.time_ns,
            "id": tape.ids,
            "price": pl.Series(tape.prices(), dtype=pl.String).cast(PRICE),
            "volume": pl.Series(tape.volumes(), dtype=pl.String).cast(VOLUME),
            "side": pl.Series(tape.buys).replace_strict({True: "buy", False: "sell"}, return_dtype=pl.String),
        }
    )


def kept(home: Path, pair: Pair, start: int = 0, end: int = 1 << 33) -> pl.DataFrame:
    """All that is kept of a pair, with times in nanoseconds."""
    with Workbench.open(home) as workbench:
        found = workbench.trades(pair, start, end, to="polars")
    return found.with_columns(pl.col("time").dt.epoch("ns"))


def assert_kept_is_tape(
    home: Path, market: SimulatedMarket, pair: Pair, start: int, end: int, *, odd_ids: bool = False
) -> None:
    """Every trade of the tape in ``[start, end)`` is kept, once, and nothing else is there.

    Where the exchange's ids are odd, they are not those of the tape, nor in its order.
    """
    found, tape = kept(home, pair, start, end), tape_frame(market.tapes[pair].between(start, end))
    at = pl.when(pl.col("source") == "live").then(1_000).otherwise(1)  # a stream gives microseconds
    cut = found.select(at=at)["at"] if found.height == tape.height else pl.Series("at", [1] * tape.height)
    expected = tape.with_columns(time=pl.col("time") - pl.col("time") % cut)
    if odd_ids:
        assert_frame_equal(found.select(VALUES).sort(VALUES), expected.select(VALUES).sort(VALUES))
        return
    assert_frame_equal(found.select(VALUES), expected.select(VALUES))
    numbered = found["id"].is_not_null()
    assert_frame_equal(found.filter(numbered).select("id", "side"), expected.filter(numbered).select("id", "side"))
    assert (found["time"] >= start * NS).all()
