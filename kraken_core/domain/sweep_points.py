"""Where a sweep resumes: all that is needed of the pages read, as text that the ledger keeps."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from kraken_core.domain.market import Pair
from kraken_core.domain.trade_ids import Run
from kraken_core.domain.trades import PAGE, PARTS


class SweepPoint(NamedTuple):
    """How far a sweep of a pair's trades is: all that is needed to resume it.

    Slots of ``interval`` minutes are given up to ``known_until`` (epoch seconds); ``cursor`` (nanoseconds) requests the
    next page; ``state`` is a :class:`SweepState` as text.
    """

    pair: Pair
    interval: int
    known_until: int
    cursor: int
    state: str


class SweepState(NamedTuple):
    """What a sweep remembers of the trades read: see :class:`~kraken_core.domain.trade_sweep.Sweeping`.

    ``parts`` (PARTS) of the slots not yet given, and ``tail`` (PAGE), the trades of the last instant read. ``run`` ends
    at the trade ``last_id``; None where ids prove nothing.
    """

    parts: pl.DataFrame
    tail: pl.DataFrame
    run: Run | None
    last_id: int
    doubt: int | None
    first_id: int | None
    phantoms: tuple[tuple[int, int], ...]

    @property
    def text(self) -> str:
        """The state as JSON."""
        frames = {name: _plain(getattr(self, name)) for name in ("parts", "tail")}
        return json.dumps({**self._asdict(), **frames}, separators=(",", ":"))

    @classmethod
    def parse(cls, text: str) -> SweepState:
        """The state that :attr:`text` wrote."""
        state = json.loads(text)
        parts, tail = _frame(state.pop("parts"), PARTS), _frame(state.pop("tail"), PAGE)
        run, phantoms = state.pop("run"), state.pop("phantoms")
        if isinstance(phantoms, int):  # as earlier versions wrote it: of which trades is not known
            phantoms = [(0, phantoms)] if phantoms else []
        return cls(parts, tail, Run(*run) if run else None, **state, phantoms=tuple(map(tuple, phantoms)))


def _plain(frame: pl.DataFrame) -> list[list[object]]:
    return [list(row) for row in frame.with_columns(pl.col("volume").cast(pl.String)).rows()]


def _frame(rows: list[list[object]], schema: dict[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    place = list(schema).index("volume")
    absent = (None,) * (len(schema) - len(rows[0])) if rows else ()  # earlier versions wrote no amounts
    exact = [(*row[:place], Decimal(str(row[place])), *row[place + 1 :], *absent) for row in rows]
    return pl.DataFrame(exact, schema=schema, orient="row")
