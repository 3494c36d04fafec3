"""Pairs come and go: what the exchange lists is picked up, what it lists no more is closed (domain rule 2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from kraken_core.domain.errors import IncompleteError
from kraken_core.domain.exchange import SETTLING_S, TRADES_A_PAGE, Listed, TradesPage
from kraken_core.domain.gaps import GapStatus
from kraken_core.domain.life import Life
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges, ceil, day_start, iso
from kraken_core.simulator.archive import write_release
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from kraken_core.simulator.release import DAY_S, Release
from tests.support.pocket_exchange import PocketExchange, at_pocket

START = day_start(date(2026, 3, 30))
END = START + 8 * DAY_S
OLD, NEW, GONE, BACK = (Pair(base, "USD") for base in ("BTC", "PEPE", "OMG", "ADA"))
MARKET = SimulatedMarket.make(
    9,
    [
        Listing(OLD, 0.05, 97_000, 1, 0.05),
        Listing(NEW, 0.05, 1.2e-05, 9, 2e6, 0, lives=(TimeRange(START + 5 * DAY_S, END),)),
        Listing(GONE, 0.05, 0.3, 4, 60, lives=(TimeRange(START, START + 4 * DAY_S),)),
        Listing(
            BACK, 0.05, 0.45, 6, 400, lives=(TimeRange(START, START + 2 * DAY_S), TimeRange(START + 6 * DAY_S, END))
        ),
    ],
    START,
    END,
)
SINCE_ARCHIVE = TimeRanges.single(START + 3 * DAY_S - 3600, END)  # the last of its hours is provisional
ASKED = {"tier": "ALL", "start_date": "2026-03-01", "intervals": [60, 1440]}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write_release(
        MARKET, Release("three_days.zip", START, START + 3 * DAY_S, manifest=True), tmp_path / "archives"
    )


def lives(home: Path, exchange: PocketExchange) -> dict[Pair, tuple[Life, ...]]:
    with at_pocket(home, exchange) as bench:
        return {record.pair: record.lives for record in bench.ledger.pairs()}


def run(home: Path, exchange: PocketExchange, *sources: Path, **more: object) -> None:
    with at_pocket(home, exchange) as bench:
        bench.run(bench.plan(sources=sources, **{**ASKED, **more}))


def test_lives_are_those_of_the_exchange_whatever_the_archive_showed(home: Path, archive: Path) -> None:
    exchange = PocketExchange(MARKET)
    run(home, exchange, archive)

    told = lives(home, exchange)
    for pair in (OLD, NEW):
        assert told[pair] == MARKET.lives(pair)
    assert [life.assumed for life in told[BACK]] == [False]
    assert exchange.of_kind("First") == 3


def test_a_listing_is_asked_for_once(home: Path, archive: Path) -> None:
    exchange = PocketExchange(MARKET)
    run(home, exchange, archive)
    asked = exchange.of_kind("First")
    run(home, exchange, archive)
    assert exchange.of_kind("First") == asked


def test_a_pair_that_is_listed_later_is_picked_up_by_the_daily_run(home: Path) -> None:
    exchange = PocketExchange(MARKET, START + 4 * DAY_S - 3600)
    run(home, exchange)
    assert NEW not in lives(home, exchange)
    exchange.present = END
    run(home, exchange, incremental=True)
    assert lives(home, exchange)[NEW] == MARKET.lives(NEW)
    with at_pocket(home, exchange) as bench:
        assert bench.gaps(pairs=[str(NEW)]).empty


def delistings(home: Path, exchange: PocketExchange) -> list[str]:
    with at_pocket(home, exchange) as bench:
        jobs = [job.id for job in bench.jobs()]
        return [event.message for job in jobs for event in bench.ledger.events(job) if event.kind == "delisted"]


def missing_hours(pair: Pair, home: Path, exchange: PocketExchange) -> TimeRanges:
    with at_pocket(home, exchange) as bench:
        gaps = [gap for gap in bench.ledger.gaps() if gap.series == Series(pair, 60)]
    assert all(gap.status is GapStatus.UNFILLABLE and f"no longer lists {pair}" in gap.reason for gap in gaps)
    return TimeRanges.of((gap.start, gap.end) for gap in gaps)


def without(exchange: PocketExchange, pair: Pair) -> Listed:
    """What the exchange lists, without a pair that it lists."""
    answer = PocketExchange(exchange.market, exchange.present).listed()
    left = tuple(entry for entry in answer.pairs if entry.pair != pair)
    assert len(left) == len(answer.pairs) - 1
    return answer._replace(pairs=left)


def test_a_pair_that_is_delisted_ends_with_its_last_trade_where_it_was_quiet_for_long_since(
    home: Path, tmp_path: Path
) -> None:
    whole = write_release(MARKET, Release("whole.zip", START, END, manifest=True), tmp_path / "archives")
    exchange = PocketExchange(MARKET)
    run(home, exchange, whole)
    [life], [truth] = lives(home, exchange)[GONE], MARKET.lives(GONE)
    assert life.end is not None
    assert truth.end is not None
    assert life.end == ceil(truth.end, 3600)
    assert not missing_hours(GONE, home, exchange)
    [message] = delistings(home, exchange)
    assert message.startswith("OMG/USD is delisted")
    assert message.endswith(f"it last traded before {iso(life.end)}")
    run(home, exchange, whole)
    assert lives(home, exchange)[GONE] == (life,)
    assert len(delistings(home, exchange)) == 1


def test_what_a_delisted_pair_traded_after_an_archive_is_missing_with_its_reason_however_quietly_that_ends(
    home: Path, archive: Path
) -> None:
    exchange = PocketExchange(MARKET)
    run(home, exchange, archive)
    [life] = lives(home, exchange)[GONE]
    assert life.end is not None
    assert life.end >= exchange.present  # the archive's last minutes without a trade do not show that none came later
    assert missing_hours(GONE, home, exchange) == SINCE_ARCHIVE
    assert delistings(home, exchange) == [
        "OMG/USD is delisted: the exchange no longer lists it, and when it last traded is unknown"
    ]
    exchange.present += DAY_S
    run(home, exchange, archive)
    assert lives(home, exchange)[GONE] == (life,)
    assert len(delistings(home, exchange)) == 1


def test_a_list_without_a_pair_that_trades_every_hour_leaves_a_gap_since_the_last_candle(
    home: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = PocketExchange(MARKET)
    run(home, exchange, archive, api_backfill=False)
    short = without(exchange, OLD)
    monkeypatch.setattr(exchange, "listed", lambda: short)
    run(home, exchange)
    assert missing_hours(OLD, home, exchange) == SINCE_ARCHIVE
    monkeypatch.undo()
    run(home, exchange)
    with at_pocket(home, exchange) as bench:
        assert bench.gaps(pairs=[str(OLD)]).empty
        hours = bench.candles(str(OLD), 60, iso(START), iso(END), require_complete=True)
    assert len(hours) == MARKET.truth(OLD, 60).height


def test_a_life_that_was_ended_with_the_last_candle_of_an_archive_is_mended(home: Path, archive: Path) -> None:
    exchange = PocketExchange(MARKET)
    run(home, exchange, archive, api_backfill=False)
    with at_pocket(home, exchange) as bench:
        [record] = [each for each in bench.ledger.pairs() if each.pair == GONE]
        ended = record.lives[0]._replace(end=START + 3 * DAY_S)  # as earlier versions did
        bench.ledger.record_pairs([record._replace(lives=(ended,))])
    run(home, exchange)
    assert missing_hours(GONE, home, exchange) == SINCE_ARCHIVE


def test_a_pair_that_comes_back_lives_twice(home: Path) -> None:
    exchange = PocketExchange(MARKET, START + 2 * DAY_S - 1)  # every minute but the last has closed
    run(home, exchange, intervals=[1])
    exchange.present = START + 4 * DAY_S
    run(home, exchange, intervals=[1], incremental=True)
    [first] = lives(home, exchange)[BACK]
    assert first.end is not None
    exchange.present = END
    run(home, exchange, intervals=[1], incremental=True)
    again, second = lives(home, exchange)[BACK]
    assert again == first
    assert second == MARKET.lives(BACK)[1]


def test_a_candle_from_after_a_pair_was_seen_gone_does_not_hide_that_it_came_back(home: Path, tmp_path: Path) -> None:
    whole = write_release(MARKET, Release("whole.zip", START, END, intervals=(1440,)), tmp_path / "archives")
    exchange = PocketExchange(MARKET, START + 4 * DAY_S)
    run(
        home, exchange, whole
    )  # this exchange is behind the archive, so what it says of the present is the archive's past
    exchange.present = END
    run(home, exchange)
    first, second = lives(home, exchange)[BACK]
    assert first.end is not None
    assert second == Life(first.end)  # no id is known that a trade could follow


def test_the_time_for_which_a_pair_was_away_is_swept_as_candles_have_no_rows_of_it(home: Path, tmp_path: Path) -> None:
    """Though one answer would do for all of it, and a sweep of a pair that trades so much takes several requests."""
    lived = TimeRange(START, START + 2 * DAY_S), TimeRange(START + 6 * DAY_S, END)
    listings = [Listing(OLD, 0.05, 97_000, 1, 0.05), Listing(BACK, 2, 0.45, 6, 400, lives=lived)]
    market = SimulatedMarket.make(9, listings, START, END)
    before = write_release(
        market, Release("before.zip", START, START + 2 * DAY_S, manifest=True), tmp_path / "archives"
    )
    exchange = PocketExchange(market, START + 4 * DAY_S)
    run(home, exchange, before, intervals=[60])
    exchange.present = END - DAY_S
    run(home, exchange, intervals=[60])
    first, second = lives(home, exchange)[BACK]
    assert second == Life(first.end or 0)  # no id is known that a trade could follow
    exchange.present = END
    run(home, exchange, intervals=[60])
    with at_pocket(home, exchange) as bench:
        assert bench.gaps(pairs=[str(BACK)]).empty
        since, until = iso(ceil(second.start, 3600)), iso(END - 3600)
        with pytest.raises(IncompleteError, match="48 doubtful"):  # it traded so much before and behind
            bench.candles(str(BACK), 60, since, until, require_complete=True)
        bench.audit(pairs=[str(BACK)], intervals=[60])  # no id is left out while it was away
        hours = bench.candles(str(BACK), 60, since, until, to="polars", require_complete=True)
    assert hours.height == 47  # of the two days since it came back, but for the last


def beheaded(page: TradesPage) -> TradesPage:
    return page._replace(trades=page.trades[40:])


def empty(page: TradesPage) -> TradesPage:
    return page._replace(trades=page.trades[:0])


@pytest.fixture
def gone(home: Path) -> PocketExchange:
    """An exchange that lists a pair again, which a home has seen delisted."""
    exchange = PocketExchange(MARKET, START + 2 * DAY_S - 1)
    run(home, exchange, intervals=[1])
    exchange.present = START + 4 * DAY_S
    run(home, exchange, intervals=[1], incremental=True)
    exchange.present = END + SETTLING_S
    return exchange


@pytest.mark.parametrize("wrong", [beheaded, empty])
def test_a_pair_that_comes_back_is_expected_since_it_went_where_its_first_page_is_wrong(
    wrong: Callable[[TradesPage], TradesPage], home: Path, gone: PocketExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    [first] = lives(home, gone)[BACK]
    wrongs = [wrong]

    def trades(pair: Pair, cursor: int, count: int = TRADES_A_PAGE) -> TradesPage:
        page = PocketExchange.trades(gone, pair, cursor, count)
        return wrongs.pop()(page) if pair == BACK and wrongs else page

    monkeypatch.setattr(gone, "trades", trades)
    run(home, gone, intervals=[1], incremental=True)
    assert not wrongs
    assert first.end is not None
    assert lives(home, gone)[BACK] == (first, Life(first.end))
    with at_pocket(home, gone) as bench:
        assert bench.gaps(pairs=[str(BACK)]).empty
        minutes = bench.candles(str(BACK), 1, iso(first.end), iso(END), require_complete=True)
    truth = MARKET.truth(BACK, 1).filter(pl.col("time").dt.epoch("s") >= first.end)
    assert len(minutes) == truth.height


def test_a_pair_that_comes_back_is_expected_where_no_request_is_left_to_look_since_when(
    home: Path, gone: PocketExchange
) -> None:
    [first] = lives(home, gone)[BACK]
    assert first.end is not None
    run(home, gone, intervals=[1], incremental=True, max_requests=1)
    assert lives(home, gone)[BACK] == (first, Life(first.end))
    with at_pocket(home, gone) as bench:
        assert not bench.gaps(pairs=[str(BACK)]).empty
        events = [event.message for job in bench.jobs() for event in bench.ledger.events(job.id)]
    assert any("the new listing of 1 pair is unknown (ADA/USD)" in message for message in events)


def test_a_pair_whose_first_trade_is_not_answered_once_is_expected_all_the_same(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = PocketExchange(MARKET)
    monkeypatch.setattr(exchange, "first_trade", lambda _pair: None)
    run(home, exchange)
    [life] = lives(home, exchange)[NEW]
    assert (life.start, life.assumed) == (day_start(date(2026, 3, 1)) + 1, True)
    with at_pocket(home, exchange) as bench:
        hours = TimeRanges.of((gap.start, gap.end) for gap in bench.ledger.gaps() if gap.series == Series(NEW, 60))
    assert hours.hull.end == START + 5 * DAY_S  # its candles do not show that it began then
    monkeypatch.undo()
    run(home, exchange)
    assert lives(home, exchange)[NEW] == MARKET.lives(NEW)
    with at_pocket(home, exchange) as bench:
        assert bench.gaps(pairs=[str(NEW)]).empty


def test_a_pair_that_begins_later_than_what_an_exchange_behind_its_archive_speaks_of_is_not_delisted(
    home: Path, tmp_path: Path
) -> None:
    whole = write_release(MARKET, Release("whole.zip", START, END, intervals=(60,)), tmp_path / "archives")
    exchange = PocketExchange(MARKET, START + 4 * DAY_S)
    run(home, exchange, whole, api_backfill=False)
    run(home, exchange)
    [life] = lives(home, exchange)[NEW]
    assert (life.start > exchange.present, life.end) == (True, None)


def test_few_requests_leave_the_other_listings_for_the_next_run(home: Path, archive: Path) -> None:
    exchange = PocketExchange(MARKET)
    run(home, exchange, archive, max_requests=2)
    assert exchange.of_kind("First") == 1
    assert exchange.of_kind("First", "OHLC", "Trades") == 2
