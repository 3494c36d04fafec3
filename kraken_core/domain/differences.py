"""Where two sources give one slot different values: what is recorded of it, and how it is summed up (domain rule 6)."""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from kraken_core.domain.candles import PRICES, SCHEMA, Source
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.verification.agreement import VOLUME_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kraken_core.domain.market import Series

_ANSWERS = {
    Source.OHLC: "the exchange's OHLC answers",
    Source.TRADES: "the exchange's trades",
    Source.DERIVED: "derived candles",
    Source.CSV: "an unknown csv file",
}

_PLURALS = frozenset(name for source, name in _ANSWERS.items() if source is not Source.CSV)
_SILENT_ONE = "one has no trades where the other has candles"
_BY_TIME = frozenset({_ANSWERS[Source.OHLC], _ANSWERS[Source.TRADES]})  # of which the later one always wins

# A frame of what differs, a row for each two candles of one slot: the ranks of both, whether the new one takes the
# slot, and how large the differences are (see Difference).
FOUND: dict[str, pl.DataType | type[pl.DataType]] = {
    **{name: SCHEMA[name] for name in ("pair", "interval_minutes", "time", "rank")},
    "rank_stored": pl.Int64,
    "wins": pl.Boolean,
    **dict.fromkeys(("volume", "trades", "price"), pl.Float64),
}

# The sizes of a difference (volume, trades, price) between a candle and a source that has no trades in its slot
SILENT = (1.0, 1.0, 0.0)


def differs(stored: str = "_stored") -> pl.Expr:
    """Whether two joined candles disagree beyond domain rule 13: of volumes, what adding up costs is no difference.

    Nor is a number of trades that only one of them has: a source that counts none claims none.
    """
    exact = (pl.col(name).ne_missing(pl.col(f"{name}{stored}")) for name in PRICES)
    counts = (pl.col("trades") != pl.col(f"trades{stored}")).fill_null(value=False)
    volume, other = pl.col("volume"), pl.col(f"volume{stored}")
    noise = VOLUME_TOLERANCE * pl.max_horizontal(pl.lit(1.0), volume, other)
    return pl.any_horizontal(*exact, counts, (volume - other).abs() > noise)


def sizes(stored: str = "_stored") -> tuple[pl.Expr, ...]:
    """How large the differences between two joined candles are: the last three columns of FOUND."""
    prices = pl.max_horizontal(_relative(name, stored) for name in PRICES)
    return (
        _relative("volume", stored).alias("volume"),
        _relative("trades", stored).alias("trades"),
        prices.alias("price"),
    )


def _relative(name: str, stored: str) -> pl.Expr:
    value, other = pl.col(name), pl.col(f"{name}{stored}")
    size = (value - other).abs() / pl.max_horizontal(value.abs(), other.abs())
    return pl.when(value.eq_missing(other)).then(0.0).otherwise(size.fill_null(0.0))


class Origin(NamedTuple):
    """Where a candle was read: ``evidence`` is the content hash of its file, ``path`` that of the file's archive.

    Both are empty for answers of the exchange and for derived candles: all of one kind are one origin.
    """

    source: Source
    evidence: str = ""
    path: str = ""

    @property
    def key(self) -> tuple[Source, str]:
        """What identifies it: the same content may lie at several paths."""
        return self.source, self.evidence

    @property
    def name(self) -> str:
        """What people call it: the archive, or the kind of answer."""
        return PurePath(self.path).name or self.path or _ANSWERS[self.source]


Sources = tuple["Series", tuple[Source, str], tuple[Source, str]]  # a series, and the keys of two origins


class Difference(NamedTuple):
    """A range in which two sources give ``slots`` slots of a series different values, beyond domain rule 13.

    ``kept`` is in force: the candles of ``other`` rank lower. ``volume``, ``trades`` and ``price`` are the largest
    differences in the range, relative to the larger value: 0.0 where equal, or where only one of them is known.
    They are SILENT where ``other`` claims the slots without a candle. ``job_id`` is the job that found it, None where
    none did.
    """

    series: Series
    start: int
    end: int
    slots: int
    kept: Origin
    other: Origin
    volume: float = 0.0
    trades: float = 0.0
    price: float = 0.0
    job_id: int | None = None

    @property
    def sources(self) -> Sources:
        """What a slot counts once for; the first origin is the one in force."""
        return self.series, self.kept.key, self.other.key

    @property
    def is_silence(self) -> bool:
        """Whether the other source claims the slots without a candle; else it has one of different values."""
        return (self.volume, self.trades, self.price) == SILENT


class Disagreement(NamedTuple):
    """All differences between two sources, by their names: in how many slots of how many series, and how large."""

    kept: str
    other: str
    series: int
    slots: int
    volume: float
    trades: float
    price: float

    @property
    def description(self) -> str:
        """In one line: ``12 slots of 2 series differ between A and B; A is in force (volume by up to 0.25 %)``."""
        found = {"prices": self.price, "volume": self.volume, "trade counts": self.trades}
        by = ", ".join(f"{name} by up to {size(largest)}" for name, largest in found.items() if largest)
        slots = f"{self.slots:,} {'slot' if self.slots == 1 else 'slots'} of {self.series:,} series"
        differ = f"{slots} {'differs' if self.slots == 1 else 'differ'} between"
        is_silence = (self.volume, self.trades, self.price) == SILENT
        if self.kept == self.other:
            differ = f"{differ} two {'of' if self.kept in _PLURALS else 'versions of'} {self.kept}"
            return f"{differ}: {_SILENT_ONE}" if is_silence else f"{differ}; {self._chosen} ({by})"
        differ = f"{differ} {self.kept} and {self.other}"
        if is_silence:
            no, one = ("have" if self.other in _PLURALS else "has"), ("have" if self.kept in _PLURALS else "has")
            return f"{differ}: {self.other} {no} no trades where {self.kept} {one} candles"
        return f"{differ}; {self.kept} {'are' if self.kept in _PLURALS else 'is'} in force ({by})"

    @property
    def _chosen(self) -> str:
        """Which of two of one name is in force: of an archive that was replaced it may be the one that was read first.

        That is no matter of which came later, so that any order of reading gives the same candles.
        """
        if self.kept in _BY_TIME:
            return "the later one is in force"
        return (
            "the one that ranks higher is in force: by source, vintage, then hash of content, not by order of reading"
        )


def contested(differences: Iterable[Difference]) -> dict[Series, TimeRanges]:
    """Where two independent sources differ, so that neither confirms the other.

    What was derived is no source of its own, and a later answer that corrects an earlier one of its kind no other one.
    """
    found: dict[Series, list[tuple[int, int]]] = defaultdict(list)
    for each in differences:
        independent = each.kept.key != each.other.key
        if independent and Source.DERIVED not in {each.kept.source, each.other.source}:
            found[each.series].append((each.start, each.end))
    return {series: TimeRanges.of(ranges) for series, ranges in found.items()}


def disagreements(differences: Iterable[Difference]) -> tuple[Disagreement, ...]:
    """Differences summed up by the names of their sources, those of most slots first; where one has no candle apart."""
    alike: dict[tuple[str, str, bool], list[Difference]] = defaultdict(list)
    for difference in differences:
        kept, other = difference.kept, difference.other
        same_name = kept.name == other.name and kept.path != other.path
        names = (kept.path, other.path) if same_name else (kept.name, other.name)
        alike[*names, difference.is_silence].append(difference)
    found = [
        Disagreement(
            kept,
            other,
            len({each.series for each in group}),
            sum(each.slots for each in group),
            max(each.volume for each in group),
            max(each.trades for each in group),
            max(each.price for each in group),
        )
        for (kept, other, _), group in alike.items()
    ]
    return tuple(sorted(found, key=lambda each: (-each.slots, each.kept, each.other)))


def by_sources(differences: Iterable[Difference]) -> dict[Sources, TimeRanges]:
    """The ranges in which two sources are known to differ."""
    ranges: dict[Sources, list[tuple[int, int]]] = defaultdict(list)
    for each in differences:
        ranges[each.sources].append((each.start, each.end))
    return {sources: TimeRanges.of(found) for sources, found in ranges.items()}


def size(share: float) -> str:
    """A share as a percentage with two digits that count: 0.25 %, 12 %, 0.0000031 %."""
    return f"{float(f'{share * 100:.2g}'):.10f}".rstrip("0").rstrip(".") + " %"
