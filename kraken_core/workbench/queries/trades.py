"""Kept trades as they are read, and whether they are as complete as required."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from kraken_core.domain.bars import BarKind
from kraken_core.domain.candles import TIME
from kraken_core.domain.errors import IncompleteError, IncompleteRange, UsageError
from kraken_core.domain.grades import Grade
from kraken_core.domain.interval_text import LONGEST, parse_length
from kraken_core.domain.kept_trades import covered_by, in_order
from kraken_core.domain.life import instants
from kraken_core.domain.market import Pair
from kraken_core.domain.plural import counted
from kraken_core.domain.timerange import END_OF_TIME, TimeRange, TimeRanges, iso
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.stores.trades.trade_table import TradeTable
from kraken_core.workbench.queries.required import bounded

COLUMNS = ("time", "id", "price", "volume", "side", "order_type", "source")
COVERAGE: dict[str, Any] = {"pair": pl.String, "start": TIME, "end": TIME, "proved": pl.Boolean, "sources": pl.String}
LEAST = {BarKind.TICK: Decimal(1), BarKind.VOLUME: Decimal("1e-8"), BarKind.DOLLAR: Decimal("1e-8")}
_SECONDS = re.compile(r"([1-9][0-9]{0,8})s")
_MINUTE = 1  # as an interval: the least of which anything is claimed
_KEEP = (
    "the setting keep_trades has the trades kept that sweeps, live and archives of trades read from then on; of what "
    "was read before, ingest an archive of trades"
)


def bar_size(kind: str, size: str | float) -> tuple[BarKind, Decimal]:
    """A kind of bars, and their size: seconds, trades, or an amount. Raises UsageError."""
    try:
        of_kind = BarKind(kind)
    except ValueError:
        raise UsageError(f"{kind!r} is no kind of bars: write {', '.join(BarKind)}.") from None
    text = str(size).strip().lower()
    if of_kind is BarKind.TIME:
        if (found := _SECONDS.fullmatch(text)) and 0 < int(found[1]) <= LONGEST * 60:
            return of_kind, Decimal(found[1])
        if text.isdecimal():
            raise UsageError(f"the size {text} of bars of time has no unit: write 30s, 5m, 1h, 1d.")
        return of_kind, Decimal(parse_length(text) * 60)
    try:
        amount = Decimal(text)
    except ArithmeticError:
        amount = Decimal()
    whole = of_kind is not BarKind.TICK or amount == amount.to_integral_value()
    if not (amount.is_finite() and amount >= LEAST[of_kind] and whole):
        wanted = "a whole number of trades" if of_kind is BarKind.TICK else f"an amount from {LEAST[of_kind]:f} on"
        raise UsageError(f"{size!r} is no size of {kind} bars: write {wanted}.")
    return of_kind, amount


@dataclass(frozen=True, slots=True)
class KeptReading:
    """Reads kept trades by the ledger's claims."""

    table: TradeTable
    ledger: SqlLedger
    now: int

    def trades(self, pair: Pair, window: TimeRange) -> pl.DataFrame:
        """The trades in a window, as users get them: COLUMNS, prices and volumes exact."""
        found = self.rows(pair, window)
        return found.select(pl.from_epoch("time", time_unit="ns").dt.replace_time_zone("UTC"), *COLUMNS[1:])

    def rows(self, pair: Pair, window: TimeRange) -> pl.DataFrame:
        """The trades in a window: KEPT, in order; those too that no job has renamed yet."""
        former = [old for old, now in self.ledger.renamed().items() if now == pair]
        return in_order(self.table.trades([pair, *former], window).with_columns(pair=pl.lit(str(pair))))

    def covered(self, pair: Pair, *, proved: bool = False) -> TimeRanges:
        """Where no trade is missing."""
        return covered_by(self.ledger.kept_claims([pair]), proved=proved)

    def check(self, pair: Pair, window: TimeRange, evidence: str | None) -> None:
        """Raises IncompleteError where a trade may be missing in the window, while the pair lived; UsageError."""
        if evidence not in {None, Grade.CLAIMED.value, Grade.PROVED.value}:
            raise UsageError(f"evidence is {evidence!r}; of trades it can be claimed or proved.")
        lives = next((record.lives for record in self.ledger.pairs() if record.pair == pair), ())
        start, end = bounded(self.ledger, pair, window, self.now)
        known, proved = self.covered(pair), evidence == Grade.PROVED
        if window.end == END_OF_TIME and known:  # jobs keep trades before they detect gaps
            end = max(end, known.hull.end)
        within = TimeRanges.single(start, end)
        wanted = within & instants(lives) if lives else within
        if missing := wanted - self.covered(pair, proved=proved):
            gaps = [
                *(IncompleteRange(str(pair), _MINUTE, *each, "missing", _KEEP) for each in missing - known),
                *(IncompleteRange(str(pair), _MINUTE, *each, "not proved", _KEEP) for each in missing & known),
            ]
            raise IncompleteError(
                f"the kept trades of {pair} are not complete: {counted(len(missing), 'range')} "
                f"{'not proved by ids' if proved else 'missing'}, first {next(iter(missing))}. Nothing was read; "
                f"{_KEEP}.",
                sorted(gaps),
            )


def coverage(ledger: SqlLedger, pairs: Collection[Pair] | None = None) -> list[dict[str, Any]]:
    """Where no trade is missing, by pair and grade: rows of COVERAGE."""
    claims = ledger.kept_claims(pairs)
    rows = []
    for pair in sorted({claim.pair for claim in claims}):
        of_pair = [claim for claim in claims if claim.pair == pair]
        proved = covered_by(of_pair, proved=True)
        for is_proved, ranges in ((True, proved), (False, covered_by(of_pair) - proved)):
            for start, end in ranges:
                inside = sorted({claim.source for claim in of_pair if claim.start < end and start < claim.end})
                values = (str(pair), iso(start), iso(end), is_proved, ", ".join(inside))
                rows.append(dict(zip(COVERAGE, values, strict=True)))
    return sorted(rows, key=lambda row: (row["pair"], row["start"]))


def coverage_frame(ledger: SqlLedger) -> pl.DataFrame:
    """The same of all pairs as a frame."""
    texts = {name: pl.String if kind == TIME else kind for name, kind in COVERAGE.items()}
    times = pl.col("start", "end").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us").dt.replace_time_zone("UTC")
    return pl.DataFrame(coverage(ledger), texts).with_columns(times)
