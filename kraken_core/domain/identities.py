"""Identity in time: which names an asset had, one after the other (domain rule 17).

A ticker has *eras*: it begins a new one when another asset is renamed to it, or when it is given to another asset. A
rename leads from the era that ends with it to the era that begins with it. So an asset is a chain of eras, and no two
eras of a ticker are ever in the same chain unless a dated fact joins them: a redenomination, or a rename back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ONE = Fraction(1)


class Fact(NamedTuple):
    """The source of a fact: what it is, when it was looked up, its text; ``certain`` if it states everything."""

    source: str
    seen: str  # a date, ISO 8601
    certain: bool
    note: str = ""


class Renaming(NamedTuple):
    """From ``on`` (the start of a UTC day) an asset is called ``new``; ``new_per_old`` units of it were one before.

    A redenomination keeps the ticker: then ``old`` and ``new`` are equal.
    """

    old: str
    new: str
    on: int
    new_per_old: Fraction
    fact: Fact


class Reuse(NamedTuple):
    """From ``on`` (the start of a UTC day) a ticker means another asset than before."""

    ticker: str
    on: int
    fact: Fact


class Alias(NamedTuple):
    """Another name of an asset, at the same time."""

    name: str
    of: str
    fact: Fact


class Distinct(NamedTuple):
    """Assets that are taken for one another, and are not one."""

    tickers: tuple[str, ...]
    fact: Fact


class NamePeriod(NamedTuple):
    """A part of an asset's life in which it is traded as ``pair``: candles that open in ``[start, end)``.

    Instants are epoch seconds. Prices in it times ``factor``, and volumes divided by it, are in units of the pair that
    was requested. ``fact`` is the source of its beginning; None where there was no other name before.
    """

    pair: Pair
    start: int
    end: int
    factor: Fraction
    fact: Fact | None

    @property
    def range(self) -> TimeRange:
        """When it is."""
        return TimeRange(self.start, self.end)


class Era(NamedTuple):
    """A ticker from ``start`` to ``end``: one asset, under one name, in one unit."""

    ticker: str
    start: int
    end: int


class AmbiguousError(ValueError):
    """Facts that contradict each other: an asset would have two pasts, or two futures."""


@dataclass(frozen=True)
class Identities:
    """Dated facts about names of assets. Raises AmbiguousError where they contradict each other."""

    renamings: tuple[Renaming, ...] = ()
    reuses: tuple[Reuse, ...] = ()
    aliases: tuple[Alias, ...] = ()
    distinct: tuple[Distinct, ...] = ()

    def __post_init__(self) -> None:
        """Every era has one past and one future at most, and what is distinct is in no chain together."""
        _require_one(((r.new, r.on) for r in self.renamings), "is given to two assets")
        _require_one(((r.old, self._era(r.old, r.on - 1).start) for r in self.renamings), "is renamed twice")
        redenominated = {(r.new, r.on) for r in self.renamings if r.old == r.new}
        _require_one((*redenominated, *((r.ticker, r.on) for r in self.reuses)), "means another asset, or another unit")
        renamed = {ticker for r in self.renamings for ticker in (r.old, r.new)}
        if both := sorted(self.by_alias.keys() & renamed):
            raise AmbiguousError(f"{both[0]} is an alias of {self.by_alias[both[0]]}, and in a rename")
        for each in self.distinct:
            for ticker in each.tickers:
                if joined := (self._relatives(ticker) & set(each.tickers)) - {ticker}:
                    raise AmbiguousError(
                        f"{ticker} and {min(joined)} are distinct, and renames lead from one to the other"
                    )

    def periods(self, pair: Pair, at: int = END_OF_TIME - 1) -> tuple[NamePeriod, ...]:
        """The whole life of what is traded as ``pair``, by the names of its base in turn; units are those of ``pair``.

        Of a name that several assets had, the one is meant that had it ``at`` an instant, else the last before. Quotes
        are never followed, nor what other exchanges than Kraken spot call their markets.
        """
        if pair.market:
            return (NamePeriod(pair, 0, END_OF_TIME, _ONE, None),)
        return self._chain(self._era(pair.base, at), pair.quote)

    def one_asset(self, pair: Pair, other: Pair) -> bool:
        """Whether two pairs are one asset under two of its names, in one unit."""
        return any(
            name.pair == second and name.factor == 1
            for first, second in ((pair, other), (other, pair))
            for name in self.periods(first)
        )

    @cached_property
    def by_alias(self) -> Mapping[str, str]:
        """The ticker that each alias means."""
        return {alias.name: alias.of for alias in self.aliases}

    def _relatives(self, ticker: str) -> set[str]:
        """The names that assets had which were ever called so."""
        starts = (0, *self._begun.get(ticker, ()))
        return {name.pair.base for start in starts for name in self._chain(self._era(ticker, start), "")}

    def _chain(self, era: Era, quote: str) -> tuple[NamePeriod, ...]:
        """The eras of an asset, oldest first, in units of the one given."""
        found = [NamePeriod(Pair(era.ticker, quote), era.start, era.end, _ONE, self._fact(era))]
        while before := self._into.get((found[0].pair.base, found[0].start)):
            older = self._era(before.old, before.on - 1)
            factor = found[0].factor / before.new_per_old
            found.insert(0, NamePeriod(Pair(older.ticker, quote), older.start, older.end, factor, self._fact(older)))
        while after := self._from.get((found[-1].pair.base, found[-1].end)):
            newer = self._era(after.new, after.on)
            factor = found[-1].factor * after.new_per_old
            found.append(NamePeriod(Pair(newer.ticker, quote), newer.start, newer.end, factor, self._fact(newer)))
        return tuple(found)

    def _era(self, ticker: str, at: int) -> Era:
        """The era of a ticker at an instant; it ends when the asset is renamed, whichever asset has the ticker then."""
        begun = self._begun.get(ticker, ())
        start = max((begin for begin in begun if begin <= at), default=0)
        limits = [begin for begin in begun if begin > start]
        limits += [left for left in self._left.get(ticker, ()) if left > start]
        return Era(ticker, start, min(limits, default=END_OF_TIME))

    def _fact(self, era: Era) -> Fact | None:
        """How it is known that an era began."""
        if into := self._into.get((era.ticker, era.start)):
            return into.fact
        return next((r.fact for r in self.reuses if (r.ticker, r.on) == (era.ticker, era.start)), None)

    @cached_property
    def _begun(self) -> Mapping[str, list[int]]:
        begun: dict[str, list[int]] = defaultdict(list)
        for ticker, on in [(r.new, r.on) for r in self.renamings] + [(r.ticker, r.on) for r in self.reuses]:
            begun[ticker].append(on)
        return begun

    @cached_property
    def _left(self) -> Mapping[str, list[int]]:
        left: dict[str, list[int]] = defaultdict(list)
        for renaming in self.renamings:
            left[renaming.old].append(renaming.on)
        return left

    @cached_property
    def _into(self) -> Mapping[tuple[str, int], Renaming]:
        return {(renaming.new, renaming.on): renaming for renaming in self.renamings}

    @cached_property
    def _from(self) -> Mapping[tuple[str, int], Renaming]:
        return {(renaming.old, renaming.on): renaming for renaming in self.renamings}


def _require_one(places: Iterable[tuple[str, int]], problem: str) -> None:
    """Raises AmbiguousError where a ticker is there twice at an instant."""
    for (ticker, instant), count in Counter(places).items():
        if count > 1:
            raise AmbiguousError(f"{ticker} {problem}, as of {iso(instant)[:10]}")
