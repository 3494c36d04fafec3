"""Two reports side by side: what became more or less complete between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.errors import KrakenError
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.report import SeriesReport


@dataclass(frozen=True, slots=True)
class Change:
    """A series in both reports, or in one of them; None where it was not, or is no longer, reported."""

    series: Series
    before: Completeness | None
    after: Completeness | None

    @property
    def missing(self) -> int:
        """How many slots more (or fewer, below 0) are missing now."""
        return (self.after.missing if self.after else 0) - (self.before.missing if self.before else 0)

    @property
    def wanted(self) -> int:
        """How many slots more (or fewer, below 0) are expected now."""
        return (self.after.wanted if self.after else 0) - (self.before.wanted if self.before else 0)


def earlier(document: Any) -> dict[Series, Completeness]:  # noqa: ANN401 - whatever JSON a file holds
    """What ``report --json`` printed before. Raises ValueError for anything else."""
    try:
        return {_series(row): _counts(row) for row in document}
    except (KrakenError, KeyError, TypeError) as error:
        raise ValueError("it is not what kraken-history report --json prints") from error


def compared(before: Mapping[Series, Completeness], now: Iterable[SeriesReport]) -> list[Change]:
    """Every series that changed, those missing more than before first."""
    after = {line.series: line.counts for line in now}
    changes = [Change(series, before.get(series), after.get(series)) for series in {**before, **after}]
    return sorted((c for c in changes if c.before != c.after), key=lambda change: (-change.missing, change.series))


def _counts(row: Mapping[str, Any]) -> Completeness:
    """The counts of a series; reports of earlier versions have no grades."""
    grades = {name: row.get(name, 0) for name in ("proved", "confirmed", "doubtful")}
    return Completeness(row["wanted"], row["covered"], row["present"], **grades)


def _series(row: Mapping[str, Any]) -> Series:
    return Series(Pair.stored(row["pair"]), int(row["interval"]))
