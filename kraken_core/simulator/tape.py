"""The trade tape: every trade of a pair, from which all else about a simulated market follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kraken_core.domain.candles import VOLUME_DECIMALS
from kraken_core.domain.market import Pair
from kraken_core.domain.plural import counted

Ints = NDArray[np.int64]
NS = 1_000_000_000  # nanoseconds a second


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Tape:
    """Trades of a pair in the order they happened; the arrays have one element a trade.

    Prices and volumes are whole numbers, so that whatever is summed or printed is exact. All volumes of a tape
    together must stay below 2**63 units.
    """

    pair: Pair
    price_decimals: int  # a tick is 10**-price_decimals of the quote currency
    time_ns: Ints  # since the epoch, ascending; trades filled by one order share theirs
    price_ticks: Ints
    volume_units: Ints  # 10**-8 of the base asset
    buys: NDArray[np.bool_]  # whether the taker bought
    first_id: int = 1  # trade ids count upwards from here

    def __len__(self) -> int:
        return len(self.time_ns)

    def __repr__(self) -> str:
        return f"<Tape of {self.pair}: {counted(len(self), 'trade')} from id {self.first_id}>"

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: ANN401, FBT001 - the protocol of IPython
        """The same where IPython or hypothesis would print a million trades."""
        printer.text(repr(self))

    def __getitem__(self, part: slice) -> Tape:
        """Neighbouring trades, which keep their ids; steps are not taken."""
        first, stop, _ = part.indices(len(self))
        part = slice(first, stop)
        return Tape(
            self.pair,
            self.price_decimals,
            self.time_ns[part],
            self.price_ticks[part],
            self.volume_units[part],
            self.buys[part],
            self.first_id + first,
        )

    def between(self, start: int, end: int) -> Tape:
        """The trades of ``[start, end)``, epoch seconds."""
        first, stop = np.searchsorted(self.time_ns, [start * NS, end * NS])
        return self[first:stop]

    def of(self, chosen: NDArray[np.bool_]) -> Tape:
        """The chosen trades; their ids are not those they had."""
        return replace(
            self,
            time_ns=self.time_ns[chosen],
            price_ticks=self.price_ticks[chosen],
            volume_units=self.volume_units[chosen],
            buys=self.buys[chosen],
        )

    @property
    def ids(self) -> Ints:
        """The trades' ids."""
        return np.arange(self.first_id, self.first_id + len(self), dtype=np.int64)

    def prices(self) -> list[str]:
        """The prices as exact decimal text: ``30243.4``."""
        return decimal_text(self.price_ticks, self.price_decimals)

    def volumes(self) -> list[str]:
        """The volumes as exact decimal text with eight decimals: ``0.34507674``."""
        return decimal_text(self.volume_units, VOLUME_DECIMALS)


def decimal_text(numbers: Ints, decimals: int) -> list[str]:
    """Non-negative whole numbers of ``10**-decimals`` as exact text."""
    if not decimals:
        return [str(number) for number in numbers.tolist()]
    scale = 10**decimals
    return [f"{number // scale}.{number % scale:0{decimals}d}" for number in numbers.tolist()]
