"""Checks on values over whole homes: a piece at a time, and other quotes of an asset beside each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from itertools import groupby
from typing import NamedTuple

from kraken_core.domain.identities import Identities
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.prices.candle_arrays import CandleArrays
from kraken_core.domain.prices.checks import own_findings
from kraken_core.domain.prices.extremes import unmatched_extremes
from kraken_core.domain.prices.findings import CHECKED, PriceFinding, PriceKind, PriceLimits, joined
from kraken_core.domain.prices.levels import RETURNS_S
from kraken_core.domain.prices.quotes import FINEST, Closes, Triangle, contradicted_quotes, triangles
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.domain.verification.checks import Check, Tally
from kraken_core.domain.verification.frame import inside, opens_of
from kraken_core.domain.verification.known_pair import KnownPair, Look
from kraken_core.pipeline.pieces import CandlePiece
from kraken_core.ports import StoredCandles

_KEPT = 300  # candles that the next piece of a series needs to see what is usual, at least
_BY_ITSELF = tuple(kind for kind in PriceKind if kind not in {PriceKind.QUOTE, PriceKind.EXTREME})


class PriceRules(NamedTuple):
    """From where on values are a finding, and which redenominations are recorded."""

    limits: PriceLimits
    identities: Identities


class PriceChecks:
    """Gathers what is odd about the values of candles. Pieces of a pair are given in the order of time."""

    def __init__(self, rules: PriceRules) -> None:
        self.rules = rules
        self._tallies = {kind: Tally(name) for kind, name in CHECKED.items()}
        self._found: list[PriceFinding] = []
        self._before: dict[Series, CandleArrays] = {}  # the last candles of the piece before

    @property
    def findings(self) -> list[PriceFinding]:
        """All that was found, by series and time; neighbours of a kind are one."""
        return joined(self._found)

    @property
    def checks(self) -> list[Check]:
        """A check for each kind; they report, and never fail: which of two values is wrong is unknown."""
        by_kind: dict[PriceKind, list[PriceFinding]] = defaultdict(list)
        for each in self.findings:
            by_kind[each.kind].append(each)
        for kind, tally in self._tallies.items():
            tally.report(len(by_kind[kind]), (each.description for each in by_kind[kind]))
        return [tally.check for tally in self._tallies.values()]

    def add(self, piece: CandlePiece) -> None:
        """The candles of a piece, by themselves and beside the finer ones of their pair."""
        frame = piece.frame
        arrays: dict[Series, CandleArrays] = {}
        for series, (first, opens) in frame.series.items():
            arrays[series] = CandleArrays.of(series, frame.candles.slice(first, len(opens)))
            for kind in _BY_ITSELF:
                self._tallies[kind].looked([series], len(opens))
            self._by_itself(arrays[series], done=series.pair in piece.done)
        for pair, look in piece.looks.items():
            self._extremes(pair, look, arrays)

    def _by_itself(self, candles: CandleArrays, *, done: bool) -> None:
        if (before := self._before.pop(candles.series, None)) is not None:
            candles = before.joined(candles)
        found = own_findings(candles, self.rules.limits, self.rules.identities)
        if not done and candles.height:
            undecided = int(candles.opens[-1]) - RETURNS_S  # steps behind it may return in the next piece
            found = [f for f in found if f.kind is not PriceKind.REDENOMINATION or f.start < undecided]
            kept = min(candles.height - _KEPT, int(candles.opens.searchsorted(undecided)) - _KEPT)
            self._before[candles.series] = candles.of_rows(slice(max(0, kept), None))
        self._found += found

    def _extremes(self, pair: Pair, look: Look, arrays: Mapping[Series, CandleArrays]) -> None:
        for coarse, fine, slots in look.compare:
            sides = [arrays.get(Series(pair, interval)) for interval in (coarse, fine)]
            if None in sides or not slots:
                continue
            compared = [_within(side, slots).sound() for side in sides if side is not None]
            self._tallies[PriceKind.EXTREME].looked([Series(pair, coarse)], compared[0].height)
            self._found += unmatched_extremes(*compared)

    def quotes(
        self, store: StoredCandles, stored: Collection[Pair], pairs: Mapping[Pair, KnownPair], window: TimeRange
    ) -> None:
        """The selected pairs beside all other quotes of their assets, hourly and coarser; an asset's closes at once."""
        chosen = {series for known in pairs.values() for series in known.series}
        wanted = [each for each in triangles(stored) if not pairs.keys().isdisjoint(each[:3])]
        for interval in (each for each in INTERVALS if each >= FINEST):
            for _, of_asset in groupby(wanted, key=lambda each: each.one.base):
                closes: dict[Pair, Closes] = {}
                for triangle in of_asset:
                    if not chosen.isdisjoint(Series(pair, interval) for pair in triangle[:3]):
                        self._triangle(triangle, interval, chosen, _Reading(store, window, closes))

    def _triangle(self, triangle: Triangle, interval: int, chosen: set[Series], reading: _Reading) -> None:
        sides = reading.closes(triangle[:3], interval)
        looked = [side.series for side in sides if side.series in chosen]
        if all(len(side.opens) for side in sides):
            self._tallies[PriceKind.QUOTE].looked(looked, min(len(side.opens) for side in sides))
            found = contradicted_quotes(triangle, sides, self.rules.limits)
            self._found += [each for each in found if each.series in chosen]


def _within(candles: CandleArrays, slots: TimeRanges) -> CandleArrays:
    chosen = inside(candles.opens, slots)
    return candles if chosen.all() else candles.of_rows(chosen)  # copying all is what takes time


class _Reading(NamedTuple):
    """Reads the closes of pairs, each once."""

    store: StoredCandles
    window: TimeRange
    read: dict[Pair, Closes]

    def closes(self, pairs: Iterable[Pair], interval: int) -> list[Closes]:
        found = []
        for pair in pairs:
            if pair not in self.read:
                series = Series(pair, interval)
                candles = self.store.candles({series: TimeRanges.single(*self.window)}, ("close",))
                self.read[pair] = Closes(series, opens_of(candles), candles["close"].to_numpy())
            found.append(self.read[pair])
        return found
