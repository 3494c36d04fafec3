"""Whatever happens to claims and candles, what audits prove is what is stored and counted by ids: all histories."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_core.domain.audit import AuditedSpan, AuditVerdict
from kraken_core.domain.candles import SCHEMA, Source, rank_of
from kraken_core.domain.coverage import Assertion
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.domain.trade_spans import TradeSpan
from kraken_core.pipeline.audited import audited
from kraken_core.ports import CandleStore, MarketLedger

BTC = Pair("BTC", "USD")
MINUTES = Series(BTC, 1)
SLOTS = 20
TRUE = [3, 0, 5, 1, 1, 0, 0, 7, 2, 2, 4, 0, 9, 1, 6, 0, 2, 2, 1, 8]
CSV = rank_of(Source.CSV)


@dataclass
class History:
    """A store and a ledger of one series, whose candles and claims change together, as jobs change them."""

    trades: dict[int, int] = field(default_factory=lambda: {at: n for at, n in enumerate(TRUE) if n})
    claims: list[Assertion] = field(default_factory=list)
    undone: set[int] = field(default_factory=set)
    spans: list[AuditedSpan] = field(default_factory=list)
    sweeps: list[TradeSpan] = field(default_factory=list)
    made: int = 0

    def claim(self, start: int, end: int, *, withdrawn: bool = False, evidence: str = "") -> None:
        self.made += 1
        evidence = evidence or f"file {self.made}"
        self.claims.append(Assertion(MINUTES, start * 60, end * 60, Source.CSV, CSV, evidence, withdrawn))

    @property
    def standing(self) -> list[Assertion]:
        return [claim for place, claim in enumerate(self.claims) if place not in self.undone]

    # what a store and a ledger answer

    def candles(self, ranges: Mapping[Series, TimeRanges], columns: Collection[str] = SCHEMA) -> pl.DataFrame:
        [wanted] = ranges.values()
        kept = {at: n for at, n in sorted(self.trades.items()) if at * 60 in wanted}
        times = pl.Series("time", [at * 60_000_000 for at in kept], dtype=pl.Int64).cast(SCHEMA["time"])
        counts = pl.Series("trades", list(kept.values()), dtype=pl.Int32)
        return pl.DataFrame([times, counts]).with_columns(rank=pl.lit(CSV))

    def count(self, ranges: Mapping[Series, TimeRanges]) -> dict[Series, list[int]]:
        return {
            series: [sum(span.start <= at * 60 < span.end for at in self.trades) for span in wanted]
            for series, wanted in ranges.items()
        }

    def audits(self, _pairs: object) -> list[AuditedSpan]:
        return self.spans[::-1]

    def judge_audits(self, spans: Sequence[AuditedSpan]) -> None:
        by_id = {span.id: span for span in spans}
        self.spans = [by_id.get(span.id, span) for span in self.spans]

    def trade_spans(self, _pair: Pair) -> list[TradeSpan]:
        return self.sweeps

    # what jobs do

    def audit(self, start: int, end: int) -> None:
        """By the true ids."""
        first, following = (1 + sum(TRUE[:at]) for at in (start, end))
        self.spans.append(
            AuditedSpan(MINUTES, start * 60, end * 60, first, following, 0, 0, AuditVerdict.UNKNOWN, id=len(self.spans))
        )

    def revise(self, at: int, trades: int) -> None:
        """A newer file has another candle of a slot, or none."""
        self.trades.pop(at, None)
        if trades:
            self.trades[at] = trades
        self.claim(at, at + 1)

    def confirm(self, start: int, end: int) -> None:
        self.claim(start, end)

    def withdraw(self, at: int) -> None:
        for claim in self.standing:
            if not claim.withdrawn and claim.start <= at * 60 < claim.end:
                self.claim(at, at + 1, withdrawn=True, evidence=claim.evidence)

    def undo(self) -> None:
        """The latest claim counts no more; and what it brought is gone."""
        left = [place for place in range(len(self.claims)) if place not in self.undone]
        if left:
            self.undone.add(left[-1])

    def stray(self, at: int) -> None:
        """A provisional candle of a slot that was known to have no trades: no claim comes with it."""
        self.trades.setdefault(at, 4)

    def grades(self) -> tuple[TimeRanges, TimeRanges]:
        store, ledger = cast("CandleStore", self), cast("MarketLedger", self)
        found = audited(store, ledger, [BTC], self.standing)
        slots = found.get(MINUTES)
        return (slots.proved, slots.doubtful) if slots else (TimeRanges(), TimeRanges())

    def expected(self) -> tuple[set[int], set[int]]:
        """The slots that the newest audits which can be compared prove, and have in doubt; by the definition."""
        covered = {
            at
            for at in range(SLOTS)
            if any(
                not c.withdrawn
                and c.start <= at * 60 < c.end
                and not any(
                    w.withdrawn and w.evidence == c.evidence and w.start <= at * 60 < w.end for w in self.standing
                )
                for c in self.standing
            )
        }
        proved: set[int] = set()
        doubtful: set[int] = set()
        judged: set[int] = set()
        for span in reversed(self.spans):
            slots = set(range(span.start // 60, span.end // 60))
            if not slots <= covered:
                continue
            stored, true = sum(self.trades.get(at, 0) for at in slots), sum(TRUE[at] for at in slots)
            if stored == true:
                proved |= slots - judged
            elif stored < true:
                doubtful |= slots - judged
            judged |= slots
        return proved, doubtful


SLOT = st.integers(0, SLOTS - 1)
SPANS = st.tuples(SLOT, st.integers(1, SLOTS)).map(lambda at: (at[0], min(SLOTS, at[0] + at[1])))
STEPS = st.one_of(
    st.tuples(st.just("audit"), SPANS),
    st.tuples(st.just("confirm"), SPANS),
    st.tuples(st.just("revise"), st.tuples(SLOT, st.integers(0, 9))),
    st.tuples(st.just("withdraw"), st.tuples(SLOT)),
    st.tuples(st.just("stray"), st.tuples(SLOT)),
    st.tuples(st.just("undo"), st.just(())),
)


def check(steps: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
    history = History()
    history.claim(0, SLOTS)
    history.audit(0, SLOTS)
    for name, arguments in steps:
        getattr(history, name)(*arguments)
        proved, doubtful = history.grades()
        expected = history.expected()
        assert {at for at in range(SLOTS) if at * 60 in proved} == expected[0]
        assert {at for at in range(SLOTS) if at * 60 in doubtful} == expected[1]


@given(st.lists(STEPS, max_size=8))
@settings(max_examples=60)
def test_after_any_history_audits_prove_what_is_covered_and_counts_as_many_trades(
    steps: list[tuple[str, tuple[Any, ...]]],
) -> None:
    check(steps)


@pytest.mark.soak
@given(st.lists(STEPS, max_size=25))
@settings(max_examples=3_000)
def test_after_thousands_of_histories_audits_prove_what_is_so(steps: list[tuple[str, tuple[Any, ...]]]) -> None:
    check(steps)


def test_what_sweeps_alone_find_of_ids_never_given_ends_a_doubt_and_proves_nothing() -> None:
    history = History()
    history.claim(0, SLOTS)
    history.audit(0, SLOTS)
    history.spans = [span._replace(next_id=(span.next_id or 0) + 2) for span in history.spans]
    assert history.grades() == (TimeRanges(), TimeRanges.single(0, SLOTS * 60))
    history.sweeps.append(TradeSpan(BTC, 300, 600, 9, 25, whole=False, phantoms=2))
    history.claim(5, 10)
    assert history.grades() == (TimeRanges(), TimeRanges())


def test_nothing_is_read_again_while_nothing_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    history = History()
    history.claim(0, SLOTS)
    history.audit(0, SLOTS)
    before = history.grades()
    monkeypatch.setattr(History, "candles", None)
    assert history.grades() == before
