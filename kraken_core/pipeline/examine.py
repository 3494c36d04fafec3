"""Examine: candles held against the rules, against what the ledger knows, and against each other.

A frame at a time, whole days of some pairs in each, so that memory is bounded by the frame.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from kraken_core.domain.agreement import Verdict, compared, lacking
from kraken_core.domain.candles import PRICES, is_settled
from kraken_core.domain.known_pair import KnownPair
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges, iso
from kraken_core.domain.verification import EXAMPLES, Tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_US = 1_000_000  # microseconds a second
_DAY_S = 86_400
_NOTHING = TimeRanges()
_SERIES = ("pair", "interval_minutes")
_SLOT = (*_SERIES, pl.col("time").dt.epoch("s"))
_BY_ITSELF = ("unique", "aligned", "sane", "closed", "life", "covered")


class Rows(NamedTuple):
    """The candles of one series in a frame: the first row's number, and all their opens in epoch seconds."""

    first: int
    opens: Ints

    def within(self, ranges: TimeRanges) -> Ints:
        """The numbers of the rows in the ranges."""
        return np.flatnonzero(inside(self.opens, ranges)) + self.first


class Frame:
    """Candles of whole days (SCHEMA, sorted by pair, interval, time), and which rows are whose."""

    def __init__(self, candles: pl.DataFrame, pairs: Mapping[Pair, KnownPair]) -> None:
        self.candles = candles
        self.pairs = pairs
        names = {str(pair): pair for pair in pairs}
        opens = opens_of(candles)
        runs = candles.lazy().with_row_index().group_by(_SERIES, maintain_order=True).agg(pl.first("index"), pl.len())
        self.series = {
            Series(names[name], interval): Rows(first, opens[first : first + height])
            for name, interval, first, height in runs.collect().iter_rows()
        }

    def of(self, chosen: Mapping[Series, TimeRanges]) -> pl.DataFrame:
        """The candles of some series in some ranges, in the order of the series given."""
        found = [self.series[s].within(ranges) for s, ranges in chosen.items() if s in self.series]
        return self.candles[np.concatenate(found)] if found else self.candles.clear()


def opens_of(candles: pl.DataFrame) -> Ints:
    """When the slots of candles open, in epoch seconds."""
    opens: Ints = candles["time"].to_physical().to_numpy() // _US
    return opens


def inside(opens: Ints, ranges: TimeRanges) -> NDArray[np.bool_]:
    """Which instants lie in the ranges."""
    bounds = np.array(ranges.bounds, dtype=np.int64)
    found: NDArray[np.bool_] = np.searchsorted(bounds, opens, side="right") % 2 == 1
    return found


class Suspicion(NamedTuple):
    """Slots of a series that lack trades, or one of several does, as the witness tells; ``silent`` ones of them."""

    series: Series
    slots: TimeRanges
    silent: TimeRanges
    witness: Series

    def outside(self, days: TimeRanges) -> Suspicion:
        """What of it lies outside some days."""
        return self._replace(slots=self.slots - days, silent=self.silent - days)


class Examination:
    """What was found so far; frames are given one after the other."""

    def __init__(self, now: int) -> None:
        self.now = now
        names = (*_BY_ITSELF, "agreement", "silences", "volumes")
        self.tallies = {name: Tally(name) for name in names}
        self.suspects: dict[Series, TimeRanges] = {}  # all that were confirmed
        self._lacking_below: list[Suspicion] = []  # by finer candles
        self._lacking_above: list[Suspicion] = []  # by coarser ones
        self._told: set[tuple[Series, int, int]] = set()  # coarse series, finer interval, slot: each once

    def candles(self, frame: Frame) -> None:
        """Every candle by itself: is it one, is it where it may be, does the ledger know of it?"""
        height = frame.candles.height
        alive, known = np.zeros(height, dtype=np.bool_), np.zeros(height, dtype=np.bool_)
        for series, (first, opens) in frame.series.items():
            pair, end = frame.pairs[series.pair], first + len(opens)
            alive[first:end] = inside(opens, pair.lived[series.interval])
            known[first:end] = inside(opens, pair.covered[series.interval])
        wrong = frame.candles.select(
            **_by_itself(self.now),
            life=~pl.Series(alive),
            covered=is_settled() & ~pl.Series(known) & pl.Series(alive),
        )
        for name in _BY_ITSELF:
            self.tallies[name].looked(frame.series, height)
            failed = int(wrong[name].sum())
            rows = frame.candles.filter(wrong[name]).head(EXAMPLES).select(_SLOT).rows() if failed else []
            self.tallies[name].fail(failed, (f"{pair} {interval}m at {iso(time)}" for pair, interval, time in rows))
        self.tallies["silences"].checked -= int(known.sum())  # those that are covered, less these

    def agreement(self, frame: Frame, days: Mapping[Pair, TimeRanges]) -> None:
        """Coarse candles against finer ones, in the days given; what another interval contradicts is suspect."""
        chosen: dict[tuple[int, int], dict[Pair, TimeRanges]] = defaultdict(dict)
        for pair, known in frame.pairs.items():
            for coarse, fine, slots in known.comparisons:
                if here := slots & days[pair]:
                    chosen[coarse, fine][pair] = here
        for (coarse, fine), of_pairs in chosen.items():
            series = {Series(pair, coarse): ranges for pair, ranges in of_pairs.items()}
            finer = frame.of({Series(pair, fine): ranges for pair, ranges in of_pairs.items()})
            verdicts = compared(finer, frame.of(series), (coarse, fine))
            self.tallies["agreement"].looked(series, verdicts.height)
            odd = verdicts.filter(pl.col("verdict") != Verdict.AGREES)
            for (name,), found in odd.group_by("pair", maintain_order=True):
                pair = next(pair for pair in of_pairs if str(pair) == name)
                self._judge(frame, Series(pair, coarse), Series(pair, fine), found)

    def _judge(self, frame: Frame, coarse: Series, fine: Series, odd: pl.DataFrame) -> None:
        """What disagrees of a pair's series at two intervals; each slot is told once."""
        rows = odd.select(pl.col("time").dt.epoch("s"), "verdict", "trades", "fine_trades").rows()
        slots: dict[Verdict, list[int]] = defaultdict(list)
        for slot, verdict, trades, fine_trades in rows:
            slots[Verdict(verdict)].append(slot)
            if (coarse, fine.interval, slot) in self._told:
                continue
            self._told.add((coarse, fine.interval, slot))
            text = f"{coarse} at {iso(slot)}"
            match Verdict(verdict):
                case Verdict.OTHER_VOLUME:
                    self.tallies["volumes"].report(1, [f"{text} has another volume than its {fine.interval}m candles"])
                case Verdict.DIFFERS:
                    self.tallies["agreement"].fail(1, [f"{text} has other values than its {fine.interval}m candles"])
                case _ if trades is not None and fine_trades is not None:
                    counts = f"{trades:,} trades, but {fine_trades:,} in its {fine.interval}m candles"
                    self.tallies["agreement"].fail(1, [f"{text} has {counts}"])
        self._suspect_coarse(coarse, fine, slots[Verdict.COARSE_LACKS], frame)
        self._suspect_fine(coarse, fine, slots[Verdict.FINE_LACKS], frame)

    def _suspect_coarse(self, coarse: Series, fine: Series, slots: list[int], frame: Frame) -> None:
        lacks = TimeRanges.of((slot, slot + coarse.width) for slot in slots)
        if lacks:
            self._lacking_below.append(Suspicion(coarse, lacks, lacks - _traded(frame, coarse, lacks), fine))

    def _suspect_fine(self, coarse: Series, fine: Series, slots: list[int], frame: Frame) -> None:
        contested = TimeRanges.of((slot, slot + coarse.width) for slot in slots)
        known = frame.pairs[fine.pair].observed[fine.interval]
        suspects, silent = lacking(slots, coarse.width, known, _traded(frame, fine, contested))
        if suspects:
            self._lacking_above.append(Suspicion(fine, suspects, silent, coarse))

    def confirmed(self) -> dict[Series, TimeRanges]:
        """The suspect slots that were found since this was last asked; they are told now.

        Finer candles say exactly which slot lacks trades. A coarser one only says that some slot in it does, and the
        coarser the vaguer: that is left open where finer ones spoke of the same day, which is to be looked at again
        without what they contradict.
        """
        settled: dict[Pair, TimeRanges] = {}
        for found in self._lacking_below:
            settled[found.series.pair] = settled.get(found.series.pair, _NOTHING) | found.slots.outer(_DAY_S)
        fresh: dict[Series, TimeRanges] = {}
        for found in self._lacking_below:
            self._confirm(fresh, found)
        for _, alike in groupby(sorted(self._lacking_above, key=_witness), key=_witness):
            left = [found.outside(settled.get(found.series.pair, _NOTHING)) for found in alike]
            for found in left:
                self._confirm(fresh, found)
                settled[found.series.pair] = settled.get(found.series.pair, _NOTHING) | found.slots.outer(_DAY_S)
        self._lacking_below, self._lacking_above = [], []
        for series, slots in fresh.items():
            self.suspects[series] = self.suspects.get(series, _NOTHING) | slots
        return fresh

    def _confirm(self, fresh: dict[Series, TimeRanges], found: Suspicion) -> None:
        series, slots, silent, witness = found
        if not slots:
            return
        new = silent - fresh.get(series, _NOTHING)
        told = (f"{series} {spell} is silent, but {witness} tells of trades" for spell in new)
        self.tallies["silences"].fail(new.slots(series.width), told)
        fresh[series] = fresh.get(series, _NOTHING) | slots


def _witness(found: Suspicion) -> int:
    """The interval of who tells it, in minutes."""
    return found.witness.interval


def _traded(frame: Frame, series: Series, within: TimeRanges) -> TimeRanges:
    rows = frame.series.get(series)
    opens = rows.opens[inside(rows.opens, within)].tolist() if rows else []
    return TimeRanges.of((at, at + series.width) for at in opens)


def _by_itself(now: int) -> dict[str, pl.Expr]:
    """What is wrong with a candle that needs no ledger to tell; a check's name is what should be."""
    width = pl.col("interval_minutes").cast(pl.Int64) * 60 * _US
    opens = pl.col("time").to_physical()
    sane = pl.all_horizontal(
        *(pl.col(name).is_finite() for name in (*PRICES, "volume")),
        pl.col("low") > 0,
        pl.col("low") == pl.min_horizontal(PRICES),
        pl.col("high") == pl.max_horizontal(PRICES),
        pl.col("volume") > 0,
        pl.col("trades").fill_null(1) > 0,
    )
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in (*_SERIES, "time"))
    return {
        "unique": same.fill_null(value=False),
        "aligned": opens % width != 0,
        "sane": ~sane.fill_null(value=False),
        "closed": opens + width > now * _US,
    }
