"""What verification finds: checks, each with what it looked at and what it found wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kraken_core.domain.coverage import Assertion
    from kraken_core.domain.market import Series
    from kraken_core.domain.timerange import TimeRanges
    from kraken_core.domain.verification.silences import Silence

EXAMPLES = 10  # of what a check found
MEANINGS = {  # what each requires, or only reports
    "table": "the table's files are as they were written",
    "unique": "no slot has two candles",
    "aligned": "candles start where a slot of their interval does",
    "sane": "prices, volumes, highs and lows are possible",
    "closed": "no candle is of a slot that is still open",
    "life": "no candle is from before its pair's listing",
    "covered": "every candle is covered by a source",
    "agreement": "coarse candles equal the finer ones combined",
    "silences": "no interval has trades where another claims none",
    "counts": "the ledger's counts of candles match the table",
    "vintages": "reports intervals with equal prices and other volumes or trades",
    "differences": "reports sources with other values for a slot, and which is in force",
    "suspicious": "reports spans without trades, unusual for the pair",
    "exchange": "reports when the whole exchange had no trades",
    "trade ids": "what audits proved still counts as many trades; reports other counts",
    "outliers": "reports prices far from those before and after them",
    "quotes": "reports prices that other quotes of the asset contradict",
    "extremes": "reports highs and lows that no finer candle has",
    "volumes": "reports volumes out of proportion to the number of trades",
    "stuck": "reports prices that stay the same for unusually long",
    "decimal shifts": "reports prices a power of ten off that return",
    "redenominations": "reports lasting steps by a round factor, not in identities",
}


class Outcome(StrEnum):
    """How a check ended."""

    FAILED = "failed"
    REPORTED = "reported"  # something that is worth a look, and no failure
    AGREED = "ok"
    NOT_CHECKED = "not checked"


class Check(NamedTuple):
    """One thing that was checked: of how many series, on how many items, and how many of them failed.

    A check that only reports fails nowhere, whatever its examples show.
    """

    name: str
    series: int
    checked: int
    failed: int
    examples: tuple[str, ...]

    @property
    def outcome(self) -> Outcome:
        """How it ended. Where there was nothing to compare, nothing agreed either."""
        if self.failed:
            return Outcome.FAILED
        if self.examples:
            return Outcome.REPORTED
        return Outcome.AGREED if self.checked else Outcome.NOT_CHECKED


@dataclass(slots=True)
class Tally:
    """A check in the making."""

    name: str
    series: set[Series] = field(default_factory=set)
    checked: int = 0
    failed: int = 0
    _examples: list[str] = field(default_factory=list)
    _found: int = 0

    def looked(self, series: Iterable[Series], items: int) -> None:
        """So many items of these series were looked at."""
        self.series.update(series)
        self.checked += items

    def fail(self, failed: int, examples: Iterable[str]) -> None:
        """So many of them are wrong."""
        self.failed += failed
        self.report(failed, examples)

    def report(self, found: int, examples: Iterable[str]) -> None:
        """So many are worth reporting, though nothing is wrong with them; any number of examples may be given."""
        self._found += found
        for example in examples:
            if len(self._examples) == EXAMPLES:
                break
            self._examples.append(example)

    @property
    def check(self) -> Check:
        """The result."""
        more = self._found - len(self._examples)
        shown = (*self._examples, f"… and {more:,} more") if more > 0 else tuple(self._examples)
        return Check(self.name, len(self.series), self.checked, self.failed, shown)


class Basis(NamedTuple):
    """What was looked at: the version of the candle table, and how many claims there were."""

    version: int = 0
    claims: int = 0


NOTHING_SEEN = Basis()


@dataclass(frozen=True, slots=True)
class Verification:
    """All checks, and what follows from silences that were contradicted.

    ``withdraw`` are the counter-claims, ``suspects`` the slots that they leave without a claim: their candles become
    provisional. ``unrecorded`` are slots whose grades do not yet follow from what was found. ``note`` describes what
    was done about both. ``suspicious`` are all silences of which that check gives examples. Of the candle table's
    files ``files_checked`` were read, and ``files_left``, which have nothing of the selection, were not.
    """

    checks: tuple[Check, ...]
    withdraw: tuple[Assertion, ...] = ()
    suspects: Mapping[Series, TimeRanges] = field(default_factory=dict)
    unrecorded: Mapping[Series, TimeRanges] = field(default_factory=dict)
    basis: Basis = NOTHING_SEEN
    note: str = ""
    suspicious: tuple[Silence, ...] = ()
    files_checked: int = 0
    files_left: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not any(check.failed for check in self.checks)
