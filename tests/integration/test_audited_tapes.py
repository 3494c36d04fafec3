"""Audits of tapes with odd ids: nothing is proved that is false, and what lacks trades is found."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_core.domain.audit import UNCONFIRMED, AuditedSpan, AuditVerdict
from kraken_core.domain.candles import SCHEMA, Source, rank_of
from kraken_core.domain.exchange import NS
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges, day_start
from kraken_core.domain.trade_spans import TradeSpan
from kraken_core.pipeline.audit_pair import NO_IDS, NO_REQUESTS_LEFT, PairAudit
from kraken_core.pipeline.audited import UNCOUNTED
from kraken_core.pipeline.request_budget import Budget
from kraken_core.ports import CandleStore
from kraken_core.simulator.exchange import HONEST, TapeFaults
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from tests.support.pocket_exchange import PocketExchange

BTC = Pair("BTC", "USD")
MINUTES, HOURS = Series(BTC, 1), Series(BTC, 60)
START = day_start(date(2026, 3, 30))
DAY_S = 86_400


def market_of(rate: float, days: int, seed: int = 5) -> SimulatedMarket:
    return SimulatedMarket.make(seed, [Listing(BTC, rate, 97_000, 1, 0.05)], START, START + days * DAY_S)


@dataclass
class Shelf:
    """Candles of series, as a store gives them."""

    frames: Mapping[Series, pl.DataFrame]

    def candles(self, ranges: Mapping[Series, TimeRanges], columns: Collection[str] = SCHEMA) -> pl.DataFrame:
        [(series, wanted)] = ranges.items()
        opens = pl.col("time").dt.epoch("s")
        inside = pl.any_horizontal(pl.lit(value=False), *(opens.is_between(*span, closed="left") for span in wanted))
        return self.frames[series].filter(inside).select("time", *(name for name in columns if name != "time"))


@dataclass
class Audited:
    """An audit of a market's candles, some of which count other trades than were made; and how it went."""

    market: SimulatedMarket
    altered: Mapping[int, int | None]  # by minute: so many trades are stored, None of an unknown count
    faults: TapeFaults = HONEST
    most: int | None = None
    allowance: int | None = None
    end: int | None = None
    sweeps: Sequence[TradeSpan] = ()

    def run(self) -> PairAudit:
        end = self.market.end if self.end is None else self.end
        frames = {series: self._frame(series) for series in (MINUTES, HOURS)}
        self.exchange = PocketExchange(self.market, self.market.end + 2 * DAY_S)
        self.exchange.tape_faults = self.faults
        audit = PairAudit(
            BTC,
            {1: TimeRanges.single(START, end), 60: TimeRanges.single(START, end)},
            self.exchange,
            cast("CandleStore", Shelf(frames)),
            self.exchange.present,
            Budget(self.most),
            lambda _: None,
            self.sweeps,
        )
        self.done = audit.run(self.allowance)
        return audit

    def _frame(self, series: Series) -> pl.DataFrame:
        truth = self.market.truth(BTC, series.interval).with_columns(rank=pl.lit(rank_of(Source.CSV)))
        if series == HOURS:
            return truth
        counts: dict[int, int | None] = dict(zip(*self._counted(truth), strict=True))
        counts |= {START + minute * 60: count for minute, count in self.altered.items()}
        kept = {at: count for at, count in sorted(counts.items()) if count != 0}
        times = pl.Series("time", [at * 1_000_000 for at in kept], dtype=pl.Int64).cast(SCHEMA["time"])
        return pl.DataFrame({"time": times, "trades": pl.Series(list(kept.values()), dtype=pl.Int32)}).with_columns(
            rank=pl.lit(rank_of(Source.CSV))
        )

    @staticmethod
    def _counted(truth: pl.DataFrame) -> tuple[list[int], list[int]]:
        return truth["time"].dt.epoch("s").to_list(), truth["trades"].to_list()

    def false(self, spans: Collection[AuditedSpan]) -> list[int]:
        """The minutes that are proved, though another number of trades was made in them."""
        opens, counts = self._counted(self.market.truth(BTC, 1))
        true = dict(zip(opens, counts, strict=True))
        proved = TimeRanges.of(
            (s.start, s.end) for s in spans if s.series == MINUTES and s.verdict is AuditVerdict.PROVED
        )
        return [
            minute
            for minute, count in self.altered.items()
            if START + minute * 60 in proved and count != true.get(START + minute * 60, 0)
        ]


def proved(audit: PairAudit, series: Series = MINUTES) -> TimeRanges:
    return TimeRanges.of(
        (s.start, s.end) for s in audit.spans if s.series == series and s.verdict is AuditVerdict.PROVED
    )


def busy_minute(market: SimulatedMarket, place: int = 500) -> int:
    """The minute of the so-manieth candle."""
    return (int(market.truth(BTC, 1)["time"].dt.epoch("s")[place]) - START) // 60


MARKET = market_of(1.5, 4)


def test_an_honest_tape_is_proved_at_every_interval_by_two_requests() -> None:
    run = Audited(MARKET, {})
    audit = run.run()
    assert run.exchange.requests == 2
    end = MARKET.end - 600
    assert TimeRanges.single(START, end) - proved(audit) == TimeRanges()
    assert TimeRanges.single(START, MARKET.end - 7_200) - proved(audit, HOURS) == TimeRanges()


def test_what_sweeps_have_seen_of_ids_is_not_asked_for_again() -> None:
    first_day = TradeSpan(BTC, START, START + DAY_S, 1, 2_000, whole=True, phantoms=0)
    run = Audited(MARKET, {}, sweeps=[first_day], end=START + 2 * DAY_S)
    assert proved(run.run()) == TimeRanges.single(START, START + 2 * DAY_S)
    assert run.exchange.requests == 1
    unsure = Audited(MARKET, {}, sweeps=[first_day._replace(whole=False)], end=START + 2 * DAY_S)
    unsure.run()
    assert unsure.exchange.requests == 2


def test_trades_that_a_sweep_took_for_ids_never_given_are_missed_by_an_audit_that_looks() -> None:
    minute = busy_minute(MARKET)
    at, lost = START + minute * 60, int(MARKET.truth(BTC, 1)["trades"][500])
    swept = TradeSpan(BTC, at, at + 60, None, None, whole=False, phantoms=lost)
    blind = Audited(MARKET, {minute: 0}, sweeps=[swept], allowance=0).run()
    assert at not in proved(blind)
    assert {span.reason for span in blind.spans if span.start <= at < span.end} == {UNCONFIRMED}
    audit = Audited(MARKET, {minute: 0}, sweeps=[swept]).run()
    [found] = [span for span in audit.spans if span.verdict is AuditVerdict.MORE]
    assert (found.start, found.end) == (at, at + 60)


def test_ids_that_a_sweep_and_the_audit_found_never_to_be_given_leave_the_proof() -> None:
    faults = TapeFaults(1, phantoms=0.0005)
    skips = np.diff(faults.ids(MARKET.tapes[BTC])) - 1
    places = np.flatnonzero(skips)
    minutes = (MARKET.tapes[BTC].time_ns[places] // NS // 60 * 60).tolist()
    sweeps = [
        TradeSpan(BTC, at, at + 60, None, None, whole=False, phantoms=count)
        for at, count in zip(minutes, skips[places].tolist(), strict=True)
    ]
    run = Audited(MARKET, {}, faults, sweeps=sweeps)
    audit = run.run()
    assert sweeps
    assert all(at in proved(audit) for at in minutes)
    assert run.exchange.requests == 2 + len(sweeps)


@pytest.mark.parametrize("end", [START + 2 * DAY_S, START + 2 * DAY_S + 60])
def test_where_trades_follow_all_is_proved_to_the_last_slot(end: int) -> None:
    audit = Audited(MARKET, {}, end=end).run()
    assert proved(audit) == TimeRanges.single(START, end)


def test_a_removed_minute_is_located_and_the_hour_around_it_is_not_proved() -> None:
    minute = busy_minute(MARKET)
    run = Audited(MARKET, {minute: 0})
    audit = run.run()
    assert run.done
    at = START + minute * 60
    [found] = [span for span in audit.spans if span.verdict is AuditVerdict.MORE]
    assert (found.start, found.end, found.stored) == (at, at + 60, 0)
    assert at not in proved(audit, HOURS)
    assert run.exchange.requests <= 30


def test_more_stored_than_ids_count_is_a_finding() -> None:
    minute = busy_minute(MARKET)
    audit = Audited(MARKET, {minute: 999}).run()
    [found] = [span for span in audit.spans if span.verdict is AuditVerdict.FEWER]
    assert (found.start, found.stored) == (START + minute * 60, 999)


def test_candles_without_counts_cannot_be_audited_and_that_is_said() -> None:
    minute = busy_minute(MARKET)
    audit = Audited(MARKET, {minute: None, minute + 3: None}).run()
    [unknown] = [span for span in audit.spans if span.verdict is AuditVerdict.UNKNOWN]
    assert (unknown.start, unknown.end) == (START + minute * 60, START + (minute + 4) * 60)
    assert unknown.reason == UNCOUNTED
    assert START in proved(audit)
    assert unknown.end + 3_600 in proved(audit)


def test_ids_that_nobody_knows_prove_nothing_and_cost_two_requests_or_three() -> None:
    run = Audited(MARKET, {}, TapeFaults(unknown=25.0))
    audit = run.run()
    assert {span.reason for span in audit.spans} == {NO_IDS}
    assert run.exchange.requests <= 3


@pytest.mark.parametrize(("most", "reasons"), [(0, {NO_REQUESTS_LEFT}), (1, {""})])
def test_without_a_request_left_nothing_is_compared_but_what_pages_show(most: int, reasons: set[str]) -> None:
    audit = Audited(MARKET, {}, most=most).run()
    assert {span.reason for span in audit.spans} == reasons
    assert audit.spent
    assert proved(audit).seconds <= 2 * 3_600 * most


def test_where_an_audit_was_cut_off_it_goes_on_with_what_it_was_answered() -> None:
    run = Audited(MARKET, {busy_minute(MARKET): 0}, allowance=4)
    audit = run.run()
    assert not run.done
    before = run.exchange.requests
    assert audit.run(None)
    assert run.exchange.requests - before <= 24
    assert [s.slots for s in audit.spans if s.verdict is AuditVerdict.MORE] == [1]


# ---------------------------------------------------------------------------------------------- nothing proved is false

SHARES = st.sampled_from([0.0, 0.05])
FAULTS = st.builds(
    TapeFaults,
    seed=st.integers(0, 2**32),
    short=SHARES,
    empty=SHARES,
    lost=SHARES,
    unknown=SHARES,
    restarts=st.sampled_from([0.0, 0.0, 0.001]),
    swapped=SHARES,
    phantoms=SHARES,
)
CASES = (
    FAULTS,
    st.integers(0, 10**6),
    st.sampled_from([0.05, 0.5, 3.0]),
    st.sets(st.integers(0, 2 * 1_440 - 1), max_size=8),
    st.booleans(),
)


def check(faults: TapeFaults, seed: int, rate: float, minutes: Collection[int], locate: bool) -> int:
    """Whatever lacks trades is not proved; returns how many minutes are."""
    market = market_of(rate, 2, seed)
    run = Audited(market, dict.fromkeys(minutes, 0), faults, allowance=40 if locate else 0)
    audit = run.run()
    assert run.false(audit.spans) == []
    assert run.exchange.requests <= 43
    return proved(audit).seconds // 60


@given(*CASES)
@settings(max_examples=15, deadline=None)
def test_on_tapes_with_faults_nothing_is_proved_that_is_false(
    faults: TapeFaults, seed: int, rate: float, minutes: set[int], locate: bool
) -> None:
    check(faults, seed, rate, minutes, locate)


@pytest.mark.soak
def test_of_ten_million_slots_on_tapes_with_faults_none_is_proved_that_is_false() -> None:
    rng = np.random.default_rng(7)
    slots = seen = 0
    while slots < 10**7:
        lost_rows, unknown, swapped, phantoms, short = rng.choice([0.0, 0.05], 5).tolist()
        seed = int(rng.integers(2**32))
        faults = TapeFaults(seed, short, lost=lost_rows, unknown=unknown, swapped=swapped, phantoms=phantoms)
        lost = set(rng.integers(0, 2 * 1_440, int(rng.integers(0, 9))).tolist())
        seen += check(faults, int(rng.integers(10**6)), float(rng.choice([0.05, 0.5, 3.0])), lost, rng.random() < 0.5)
        slots += 2 * 1_440
    assert seen > slots / 10
