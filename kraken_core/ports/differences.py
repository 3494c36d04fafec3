"""Where sources differ, and which contents they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from kraken_core.domain.differences import Difference
    from kraken_core.domain.market import Pair, Series


class DifferenceLedger(Protocol):
    """Where sources differ, and which contents they are. Every method is one transaction."""

    def record_differences(self, differences: Sequence[Difference]) -> None:
        """Append what the running job found: where two sources differ. Its ``job_id`` is set here."""
        ...

    def differences(self, series: Collection[Series] | None = None, *, job_id: int | None = None) -> list[Difference]:
        """Where two sources differ, by series and time; of all series and jobs where none are given.

        A slot may be in several, of several pairs of sources. Those found by jobs undone since are left out.
        """
        ...

    def contents(self, pairs: Collection[Pair]) -> Mapping[Series, Mapping[str, str]]:
        """The contents read for the series of these pairs: content hash to the path of the archive read last."""
        ...
