"""Examine: candles compared with the rules, with what the ledger has recorded, and with each other.

A frame at a time, whole days of some pairs in each, so that memory is bounded by the frame.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from kraken_core.domain.candles import PRICES, is_settled
from kraken_core.domain.interval_units import short
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRanges, iso
from kraken_core.domain.verification.agreement import FAILING, Verdict, compared, contradicted
from kraken_core.domain.verification.checks import EXAMPLES, Tally
from kraken_core.domain.verification.frame import NO_OPENS, SERIES, US, Frame, inside, opens_of
from kraken_core.domain.verification.known_pair import KnownPair, Look
from kraken_core.domain.verification.screening import screened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_DAY_S = 86_400
_NOTHING = TimeRanges()
_SLOT = (*SERIES, pl.col("time").dt.epoch("s"))
_COUNTED = ("trades", "fine_trades", "volume", "fine_volume")
_BY_ITSELF = ("unique", "aligned", "sane", "closed", "life", "covered")


class Suspicion(NamedTuple):
    """Slots of a series without a candle in which something traded, or in one of several, as the witness shows."""

    series: Series
    slots: TimeRanges
    witness: Series

    def outside(self, ranges: TimeRanges) -> Suspicion:
        """What of it lies outside some ranges."""
        return self._replace(slots=self.slots - ranges)


class Examination:
    """What was found so far; frames are given one after the other."""

    def __init__(self, now: int) -> None:
        self.now = now
        names = (*_BY_ITSELF, "agreement", "silences", "vintages")
        self.tallies = {name: Tally(name) for name in names}
        self.suspects: dict[Series, TimeRanges] = {}  # all that were confirmed
        self.agreed: dict[Series, dict[int, TimeRanges]] = {}  # with a finer interval of another file, by that
        self.disagreed: dict[Series, dict[int, TimeRanges]] = {}  # with a finer interval's values, by that
        self.looked_again: dict[Pair, TimeRanges] = {}  # whole days, without what was contradicted
        self.differing: dict[Series, TimeRanges] = {}  # slots with other values than a finer interval
        self._missing_below: list[Suspicion] = []  # by finer candles
        self._missing_above: list[Suspicion] = []  # by coarser ones
        self._counted: set[tuple[Series, int, int]] = set()  # coarse series, finer interval, slot: each once
        self._reported: dict[tuple[Series, int], TimeRanges] = {}  # slots without trades in dispute, the same way

    def candles(self, frame: Frame) -> None:
        """Every candle by itself: is it valid, is it where it may be, does the ledger cover it?"""
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
            self.tallies[name].fail(
                failed, (f"{pair} {short(interval)} at {iso(time)}" for pair, interval, time in rows)
            )
        self.tallies["silences"].checked -= int(known.sum())  # those that are covered, less these

    def agreement(self, frame: Frame, looks: Mapping[Pair, Look]) -> None:
        """Coarse candles against finer ones; silence that another interval contradicts is suspect.

        Of values that differ it is unknown which are wrong: that is reported, and nothing follows (domain rule 13).
        """
        chosen: dict[tuple[int, int], dict[Pair, TimeRanges]] = defaultdict(dict)
        for pair, look in looks.items():
            self._suspect_coarse(frame, pair, look.silent)
            for coarse, fine, slots in look.compare:
                if slots:
                    chosen[coarse, fine][pair] = slots
        for (coarse, fine), of_pairs in chosen.items():
            series = {Series(pair, coarse): ranges for pair, ranges in of_pairs.items()}
            finer = frame.of({Series(pair, fine): ranges for pair, ranges in of_pairs.items()})
            looked, left = screened(finer, frame.of(series), (coarse, fine))
            by_pair = {}
            if any(side.height for side in left):
                verdicts = compared(*left, (coarse, fine))
                looked += verdicts.height
                odd = verdicts.filter(pl.col("verdict") != Verdict.AGREES)
                by_pair = {name: found for (name,), found in odd.group_by("pair", maintain_order=True)}
            for name in ("agreement", "vintages"):
                self.tallies[name].looked(series, looked)
            for pair, slots in of_pairs.items():
                agreed, judged = slots, Series(pair, coarse)
                if (found := by_pair.get(str(pair))) is not None:
                    other = _slots(opens_of(found).tolist(), coarse * 60)
                    self.differing[judged] = self.differing.get(judged, _NOTHING) | other
                    agreed -= other
                    self._disagreed(frame.pairs[pair], judged, fine, found)
                    self._judge(frame, judged, Series(pair, fine), found)
                self._agreed(frame.pairs[pair], coarse, fine, agreed)

    def look_again(self, pair: Pair, days: TimeRanges) -> None:
        """Days of a pair are given once more, without what was contradicted: what that showed counts no longer."""
        self.looked_again[pair] = self.looked_again.get(pair, _NOTHING) | days
        for found in (self.agreed, self.disagreed):
            for series, by_finer in found.items():
                if series.pair == pair:
                    found[series] = {fine: left for fine, ranges in by_finer.items() if (left := ranges - days)}

    def _agreed(self, known: KnownPair, coarse: int, fine: int, slots: TimeRanges) -> None:
        """Both intervals agree on coarse slots: on those that traded, and on those that did not."""
        if both := slots & known.independent(coarse, fine):
            agreed = self.agreed.setdefault(Series(known.pair, coarse), {})
            agreed[fine] = agreed.get(fine, _NOTHING) | both

    def _disagreed(self, known: KnownPair, coarse: Series, fine: int, odd: pl.DataFrame) -> None:
        """Of what is odd, the slots whose values fail, but for derived ones: they are as good as their origin."""
        failing = opens_of(odd.filter(pl.col("verdict").is_in(FAILING))).tolist()
        if slots := _slots(failing, coarse.width) & known.observed[coarse.interval]:
            disagreed = self.disagreed.setdefault(coarse, {})
            disagreed[fine] = disagreed.get(fine, _NOTHING) | slots

    def _judge(self, frame: Frame, coarse: Series, fine: Series, odd: pl.DataFrame) -> None:
        """What disagrees between a pair's series at two intervals; each slot is reported once.

        What was derived only repeats its origin: that it has trades contradicts no series that this does not.
        """
        contested: list[int] = []
        values = odd.select(pl.col("time").dt.epoch("s"), "verdict", *_COUNTED)
        for slot, verdict, *counted in values.iter_rows():
            if verdict in {Verdict.FINE_SILENT, Verdict.FINE_LACKS}:
                contested.append(slot)
            if (coarse, fine.interval, slot) not in self._counted:
                self._counted.add((coarse, fine.interval, slot))
                self._report(Verdict(verdict), f"{coarse} at {iso(slot)}", fine, counted)
        traded = _slots(frame.opens(fine).tolist() if contested else [], fine.width)
        known = frame.pairs[fine.pair].observed[fine.interval]
        seen = frame.pairs[coarse.pair].observed[coarse.interval]
        contested = [slot for slot in contested if slot in seen]
        if suspects := contradicted(contested, coarse.width, known, traded):
            self._missing_above.append(Suspicion(fine, suspects, coarse))

    def _report(self, verdict: Verdict, slot: str, fine: Series, counted: Sequence[Any]) -> None:
        """A slot whose values differ, with by how much; one without trades is reported once that is sure."""
        trades, fine_trades, volume, fine_volume = counted
        finer = f"its {short(fine.interval)} candles"
        match verdict:
            case Verdict.COARSE_SILENT | Verdict.FINE_SILENT:
                return
            case Verdict.OTHER_COUNTS:
                sizes = [] if trades is None or fine_trades in {None, trades} else [f"{fine_trades - trades:+,} trades"]
                sizes += [f"{fine_volume / volume - 1:+.2%} volume"] if volume != fine_volume else []
                self.tallies["vintages"].report(1, [f"{slot}: {finer} have {' and '.join(sizes)}"])
            case _ if None not in {trades, fine_trades} and trades != fine_trades:
                self.tallies["agreement"].fail(1, [f"{slot} has {trades:,} trades, but {fine_trades:,} in {finer}"])
            case _:
                self.tallies["agreement"].fail(1, [f"{slot} has other values than {finer}"])

    def _suspect_coarse(self, frame: Frame, pair: Pair, claimed: Mapping[int, TimeRanges]) -> None:
        """Slots that are claimed to have no trades though a finer candle lies in them, covered as a whole or not.

        Every interval is a multiple of the one before it, so that opens are rounded down step by step.
        """
        if not _any_missing(frame, pair, claimed):
            return
        finer: dict[Series, Ints] = {}
        for interval in INTERVALS:
            series = Series(pair, interval)
            silent, mine = claimed.get(interval, _NOTHING), frame.opens(series)
            for witness in reversed(finer):
                finer[witness] = traded = _rounded(finer[witness], series.width)
                odd = traded[inside(traded, silent)]
                if is_missing := _slots(odd[~_among(odd, mine)].tolist(), series.width):
                    self._missing_below.append(Suspicion(series, is_missing, witness))
                    silent -= is_missing
            if mine.size:
                finer[series] = mine

    def confirmed(self) -> dict[Series, TimeRanges]:
        """The suspect slots that were found since the last call; they are reported now.

        A finer candle shows exactly which slot is missing trades. A coarser one only shows that some slot in it is, and
        the coarser the vaguer: that is left open where finer ones showed some on the same day, which is to be looked
        at again without what they contradict.
        """
        settled: dict[Pair, TimeRanges] = {}
        self._missing_below = [self._unconfirmed(found) for found in self._missing_below]
        for found in self._missing_below:
            settled[found.series.pair] = settled.get(found.series.pair, _NOTHING) | found.slots.outer(_DAY_S)
        fresh: dict[Series, TimeRanges] = {}
        for found in self._missing_below:
            self._confirm(fresh, found)
        for _, alike in groupby(sorted(self._missing_above, key=_witness), key=_witness):
            left = [found.outside(settled.get(found.series.pair, _NOTHING)) for found in alike]
            for found in left:
                self._confirm(fresh, found)
                settled[found.series.pair] = settled.get(found.series.pair, _NOTHING) | found.slots.outer(_DAY_S)
        self._missing_below, self._missing_above = [], []
        for series, slots in fresh.items():
            self.suspects[series] = self.suspects.get(series, _NOTHING) | slots
        return fresh

    def _unconfirmed(self, found: Suspicion) -> Suspicion:
        """What is left of slots without trades that finer candles contradict, where no coarser interval confirms them.

        A coarser one that is just what the others have, without these trades, is a second file that says there were
        none: then nobody knows who is right, and the two are found to disagree.
        """
        series, slots, finer = found
        confirmed = _NOTHING
        for coarse in (Series(series.pair, interval) for interval in INTERVALS if interval > series.interval):
            for fine, agreed in self.agreed.get(coarse, {}).items():
                if finer.interval < fine <= series.interval:  # a finer one of which the silence was derived, too
                    confirmed |= slots & agreed
                    if fine == series.interval:
                        self._silence_disagreed(series, finer.interval, slots & agreed)
        return found.outside(confirmed)

    def _silence_disagreed(self, silent: Series, finer: int, slots: TimeRanges) -> None:
        """A series without trades in slots has a witness, and a finer one has trades there; each is reported once."""
        if not slots:
            return
        disagreed = self.disagreed.setdefault(silent, {})
        disagreed[finer] = disagreed.get(finer, _NOTHING) | slots
        before = self._reported.get((silent, finer), _NOTHING)
        new, self._reported[silent, finer] = slots - before, before | slots
        examples = (f"{silent} {spell} has no trades, but some in its {short(finer)} candles" for spell in new)
        self.tallies["agreement"].fail(new.slots(silent.width), examples)

    def _confirm(self, fresh: dict[Series, TimeRanges], found: Suspicion) -> None:
        series, slots, witness = found
        if new := slots - fresh.get(series, _NOTHING):
            examples = (f"{series} {spell} is claimed to have no trades, but {witness} has some" for spell in new)
            self.tallies["silences"].fail(new.slots(series.width), examples)
            fresh[series] = fresh.get(series, _NOTHING) | new


def _witness(found: Suspicion) -> int:
    """The interval of the witness, in minutes."""
    return found.witness.interval


def _slots(opens: Sequence[int], width: int) -> TimeRanges:
    return TimeRanges.of((at, at + width) for at in opens)


def _any_missing(frame: Frame, pair: Pair, silent: Mapping[int, TimeRanges]) -> bool:
    """Whether any slot of a pair that may have no trades, and has no candle, has one of any finer interval in it."""
    traded = NO_OPENS
    for interval in INTERVALS:
        traded, mine = _rounded(traded, interval * 60), frame.opens(Series(pair, interval))
        rest = traded[_alike(traded, mine) :]
        missing = rest[~_among(rest, mine)]
        if inside(missing, silent.get(interval, _NOTHING)).any():
            return True
        # A stable sort finds what is in order already, and only merges.
        traded = np.sort(np.append(missing, mine), kind="stable") if missing.size else mine
    return False


def _alike(instants: Ints, others: Ints) -> int:
    """How many of both are the same from the first on: mostly all, but for a last slot that one of them has not."""
    length = min(len(instants), len(others))
    differ = instants[:length] != others[:length]
    return int(np.argmax(differ)) if differ.any() else length


def _among(instants: Ints, others: Ints) -> NDArray[np.bool_]:
    """Which instants are among others, which ascend."""
    if not len(others):
        return np.zeros(len(instants), dtype=np.bool_)
    found: NDArray[np.bool_] = others[np.minimum(np.searchsorted(others, instants), len(others) - 1)] == instants
    return found


def _rounded(opens: Ints, width: int) -> Ints:
    """The slots of ``width`` seconds in which ascending instants lie, each once."""
    slots = opens // width * width
    return slots[np.append(True, slots[1:] != slots[:-1])] if len(slots) else slots


def _by_itself(now: int) -> dict[str, pl.Expr]:
    """What is wrong with a candle by itself, without the ledger; a check's name is what should be."""
    width = pl.col("interval_minutes").cast(pl.Int64) * 60 * US
    opens = pl.col("time").to_physical()
    sane = pl.all_horizontal(
        *(pl.col(name).is_finite() for name in (*PRICES, "volume")),
        pl.col("low") > 0,
        pl.col("low") == pl.min_horizontal(PRICES),
        pl.col("high") == pl.max_horizontal(PRICES),
        pl.col("volume") > 0,
        pl.col("trades").fill_null(1) > 0,
    )
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in (*SERIES, "time"))
    return {
        "unique": same.fill_null(value=False),
        "aligned": opens % width != 0,
        "sane": ~sane.fill_null(value=False),
        "closed": opens + width > now * US,
    }
