"""Where nothing lies, every covered slot has the grade that its evidence earns, in random markets (domain rule 15)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kraken_core import Workbench
from kraken_core.domain.candles import Source, from_api
from kraken_core.domain.coverage import Assertion, known
from kraken_core.domain.exchange import NS
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.timerange import TimeRanges
from kraken_core.simulator.exchange import ExchangeClock, SimulatedExchange
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import ReleaseLayout
from kraken_core.simulator.tape import Tape
from tests.acceptance.never_false import assert_nothing_false
from tests.acceptance.user import User
from tests.support.helping import folder, written
from tests.support.strategies import HOUR_S, RATES, START, markets, releases

whole_jobs = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
RATES_OF_PAGES = (*RATES, 1.0)
ENOUGH_TRADES = 100  # for a rate
NOTHING = TimeRanges()


def check(data: st.DataObject, market: SimulatedMarket) -> None:
    drawn = [replace(release, layout=ReleaseLayout.FOLDER) for release in data.draw(releases(market))]
    with folder() as here:
        archives = written(market, drawn, here / "archives")
        clock = ExchangeClock(START + 24 * HOUR_S)
        with SimulatedExchange(market, clock=clock, limits=None) as exchange:
            user = User(here / "home", market, exchange)
            for archive, release in data.draw(st.permutations(list(zip(archives, drawn, strict=True))), label="order"):
                clock.advance(max(release.end - user.present, 0))
                user.ingest(archive, **data.draw(st.sampled_from(JOBS), label="job"))
            clock.advance(market.end - user.present)
            user.ingest(*archives)
            with Workbench.open(user.home) as bench:
                assert_nothing_false(bench, market)
                assert_graded(bench, market)


JOBS: list[dict[str, object]] = [{}, {"api_backfill": False}, {"trades": False}, {"intervals": [5, 60, 1440]}]


def assert_graded(bench: Workbench, market: SimulatedMarket) -> None:
    """Proved is what a sweep saw between two trades, confirmed what two sources know, and doubted only long silences.

    Those are doubted though two archives know them, until the exchange says the same.
    """
    everything = [Series(pair, interval) for pair in market.listings for interval in INTERVALS]
    assert bench.ledger.differences(everything) == []
    graded: dict[Series, dict[Grade, TimeRanges]] = defaultdict(dict)
    for each in bench.ledger.coverage():
        before = graded[each.series].get(each.grade, NOTHING)
        graded[each.series][each.grade] = before | TimeRanges.single(each.start, each.end)
    claims: dict[Series, list[Assertion]] = defaultdict(list)
    for claim in bench.ledger.assertions():
        claims[claim.series].append(claim)
    for series, of_series in claims.items():
        grades = graded[series]
        covered = TimeRanges.of(span for ranges in grades.values() for span in ranges)
        proved, confirmed, doubtful = (
            grades.get(grade, NOTHING) for grade in (Grade.PROVED, Grade.CONFIRMED, Grade.DOUBTFUL)
        )
        weak = (between_trades(of_series, market.tapes[series.pair]).inner(series.width) & covered) - proved
        assert not weak, f"{series}: swept, and not proved: {weak}"
        weak = (known_twice(of_series) & covered) - proved - confirmed - doubtful
        assert not weak, f"{series}: known twice, and neither confirmed nor doubted: {weak}"
        assert not doubtful or not is_steady(market, series.pair), f"{series}: doubted without a reason: {doubtful}"
        weak = doubtful & by_archives_and_exchange(of_series)
        assert not weak, f"{series}: doubted, though an archive and the exchange say the same: {weak}"


def is_steady(market: SimulatedMarket, pair: Pair) -> bool:
    """Whether a pair trades to the market's end, and neither it nor the exchange was ever silent for long.

    Of a pair that traded a few times in all nobody knows how often it trades: two trades of one minute may be a rate.
    """
    lives = market.listings[pair].lives
    if len(market.tapes[pair]) < ENOUGH_TRADES:
        return False
    return not market.silences and len(lives) < 2 and all(life.end == market.end for life in lives)


def between_trades(claims: Sequence[Assertion], tape: Tape) -> TimeRanges:
    """What each sweep read between its first trade and its last one."""
    sweeps: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for claim, start, end in known(claims):
        if claim.source is Source.TRADES and from_api(claim.rank):
            sweeps[claim.evidence].append((start, end))
    found = []
    for spans in sweeps.values():
        for start, end in TimeRanges.of(spans):
            first, stop = np.searchsorted(tape.time_ns, (start * NS, end * NS)).tolist()
            if stop - first > 1:
                found.append((int(tape.time_ns[first]) // NS + 1, int(tape.time_ns[stop - 1]) // NS))
    return TimeRanges.of(span for span in found if span[0] < span[1])


def known_twice(claims: Sequence[Assertion]) -> TimeRanges:
    """What two files, or a file and the exchange, or two endpoints of it, say of a series."""
    once, twice = NOTHING, NOTHING
    for ranges in by_source(claims).values():
        twice |= once & ranges
        once |= ranges
    return twice


def by_archives_and_exchange(claims: Sequence[Assertion]) -> TimeRanges:
    """What both of them say of a series."""
    both = {False: NOTHING, True: NOTHING}
    for (is_answer, _), ranges in by_source(claims).items():
        both[is_answer] |= ranges
    return both[False] & both[True]


def by_source(claims: Sequence[Assertion]) -> dict[tuple[bool, str], TimeRanges]:
    """What is known by each file and each endpoint, and whether it is one of these."""
    found: dict[tuple[bool, str], list[tuple[int, int]]] = defaultdict(list)
    for claim, start, end in known(claims):
        if claim.source is not Source.DERIVED:
            answer = from_api(claim.rank)
            found[answer, claim.source if answer else claim.evidence].append((start, end))
    return {source: TimeRanges.of(spans) for source, spans in found.items()}


@given(data=st.data(), market=markets(RATES_OF_PAGES))
@settings(whole_jobs, max_examples=2)
def test_where_nothing_lies_what_is_known_is_proved_or_confirmed_as_its_evidence_allows(
    data: st.DataObject, market: SimulatedMarket
) -> None:
    check(data, market)


@pytest.mark.soak
@given(data=st.data(), market=markets(RATES_OF_PAGES))
@settings(whole_jobs, max_examples=2000)
def test_in_thousands_of_markets_grades_are_as_the_evidence_allows(
    data: st.DataObject, market: SimulatedMarket
) -> None:
    check(data, market)
