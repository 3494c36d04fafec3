"""Kinds of candle tables: how their addresses look, how they are opened, and their state."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from kraken_core.domain.table_mark import KnownTable
    from kraken_core.ports.candles import CandleTable
    from kraken_core.ports.pairs import AssetRecord
    from kraken_core.ports.revisions import KeepReplaced

Assets: TypeAlias = "Callable[[Collection[str]], Sequence[AssetRecord]]"


class StoreState(NamedTuple):
    """A table's state, in one line with what to do; ``size`` is what it takes of this machine's disk, in bytes.

    ``improvable`` where something would better be otherwise, ``damaged`` where something is lost.
    """

    text: str
    improvable: bool = False
    damaged: bool = False
    size: int = 0


class StoreKind(Protocol):
    """A kind of candle table. Nothing outside of it depends on which kind a table is."""

    @property
    def example(self) -> str:
        """What an address of it looks like, for people."""
        ...

    @property
    def local(self) -> bool:
        """Whether a table takes a disk of this machine's."""
        ...

    @property
    def staged_here(self) -> bool:
        """Whether candles lie on a disk of this machine's on their way to a table elsewhere."""
        ...

    def address(self, text: str) -> str | None:
        """An address as it is kept; None where it is of another kind. Raises ValueError, with the example."""
        ...

    def name(self, address: str, folder: Path) -> str:
        """What the table is called, alike for everybody who uses it, and without a password."""
        ...

    def open(
        self, address: str, folder: Path, assets: Assets, known: KnownTable, keep: KeepReplaced | None = None
    ) -> CandleTable:
        """The table; nothing is connected or created yet. ``folder`` is what it may use of this machine.

        ``assets``: see Ledger.assets; ``known``: its known_table; ``keep``: its keep_replaced, without which nothing
        of what commits replace is kept. Raises SettingError where it takes what is not installed.
        """
        ...

    def state(self, address: str, folder: Path, known: KnownTable) -> StoreState:
        """Its state, without waiting. Raises StoreError, TableLostError."""
        ...
