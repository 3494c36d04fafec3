"""What every ledger promises of pairs and of what is covered, on each database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from kraken_core.domain.archives import Archive, ArchiveFile
from kraken_core.domain.candles import Vintage
from kraken_core.domain.coverage import (
    ABSENT,
    ArchiveStatement,
    CoverageSource,
    DataCoverageRange,
)
from kraken_core.domain.errors import LedgerError
from kraken_core.domain.grades import Grade
from kraken_core.domain.jobs import JobMetrics
from kraken_core.domain.life import Life
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.names import Names, PairName
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.ledger.models import data_coverage_range
from kraken_core.ports import PairRecord, RenamedRows
from tests.contract.ledger_records import (
    BTC,
    DAY,
    DAYS,
    ETH,
    ETHER,
    HOURS,
    NOON,
    SetClock,
    a_claim,
    a_file,
    a_gap,
    a_job,
    a_running_job,
    detected,
    read,
)

pytest_plugins = ["tests.support.servers", "tests.contract.ledgers"]


def test_pairs_are_updated_in_place_and_told_in_order(ledger: SqlLedger) -> None:
    ledger.record_pairs([PairRecord(ETH, "TIER2", ()), PairRecord(BTC, None, (Life(0),))])
    lives = (Life(0, DAY, assumed=False), Life(5 * DAY))
    ledger.record_pairs([PairRecord(ETH, "TIER1", lives)])

    assert ledger.pairs() == [PairRecord(BTC, None, (Life(0),)), PairRecord(ETH, "TIER1", lives)]


def test_assets_keep_their_numbers_and_new_ones_are_given_theirs(opened: Callable[..., SqlLedger]) -> None:
    ledger, other = opened(), opened()
    ledger.record_pairs([PairRecord(ETH, "TIER2", ()), PairRecord(BTC, None, ())])
    known = ledger.assets()
    assert {(a.ticker, a.tier) for a in known} == {("ETH", "TIER2"), ("BTC", None)}
    assert [a.id for a in known] == sorted({a.id for a in known})
    *before, new = other.assets(["ADA", "ETH"])
    assert (before, new.ticker) == (known, "ADA")
    assert ledger.assets(["ADA"]) == [*known, new]


def test_a_pair_met_in_a_file_is_known_without_a_life(ledger: SqlLedger) -> None:
    a_job(ledger, a_file())

    assert ledger.pairs() == [PairRecord(BTC, None, ())]


def test_two_ledgers_learn_each_other_s_pairs(opened: Callable[..., SqlLedger]) -> None:
    mine, yours = opened(), opened()
    assert yours.pairs() == []
    mine.claim([a_claim(HOURS)])
    yours.claim([a_claim(ETHER)])

    assert mine.assertions([ETH]) == [a_claim(ETHER)]
    assert yours.assertions([BTC]) == [a_claim(HOURS)]
    mine.record_gaps({}, [a_gap(Series(Pair("SOL", "USD"), 60))], [])
    assert [gap.series.pair.base for gap in yours.gaps([Series(Pair("SOL", "USD"), 60)])] == ["SOL"]


def test_coverage_of_a_series_is_replaced_and_others_stay(ledger: SqlLedger) -> None:
    early, late = (
        DataCoverageRange(HOURS, 0, DAY, CoverageSource.CSV, 24),
        DataCoverageRange(HOURS, 2 * DAY, 3 * DAY, CoverageSource.MIXED, 20),
    )
    daily, ether = (
        DataCoverageRange(DAYS, 0, DAY, CoverageSource.CSV, 1),
        DataCoverageRange(ETHER, 0, DAY, CoverageSource.API, 3),
    )
    ledger.replace_coverage({ETHER: [ether], DAYS: [daily], HOURS: [late, early]})
    assert ledger.coverage() == [early, late, daily, ether]
    ledger.replace_coverage({HOURS: [early._replace(end=3 * DAY)], DAYS: []})

    assert ledger.coverage() == [early._replace(end=3 * DAY), ether]
    assert ledger.coverage([ETHER, DAYS]) == [ether]


# -------------------------------------------------------------------------------------------------------------- names

WRONG, RIGHT = Pair("ETHA", "USD"), Pair("ETH", "AUSD")
NAMES = Names([PairName(BTC, "XBTUSD", "XXBTZUSD"), PairName(RIGHT, "ETHAUSD", "ETHAUSD", "tokenized_asset")])
WRONG_HOURS, RIGHT_HOURS = Series(WRONG, 60), Series(RIGHT, 60)


def test_names_are_remembered_and_newer_ones_replace_older_ones(opened: Callable[..., SqlLedger]) -> None:
    ledger, other = opened(), opened()
    assert ledger.names().entries == ()
    ledger.remember_names(Names([PairName(WRONG, "ETHAUSD", "ETHAUSD"), PairName(ETH, "ETHUSD", "XETHZUSD")]))
    ledger.remember_names(NAMES)
    ledger.remember_names(NAMES)
    assert set(other.names().entries) == {*NAMES.entries, PairName(ETH, "ETHUSD", "XETHZUSD")}


def test_a_renamed_pair_takes_all_that_is_recorded_of_it_along(opened: Callable[..., SqlLedger]) -> None:
    ledger, other = opened(), opened()
    ledger.record_pairs([PairRecord(WRONG, "TIER4", (Life(0, DAY),))])
    file = read(a_file(WRONG_HOURS), content="abc")
    job = a_running_job(ledger, file)
    [pending] = ledger.pending_files(job.id)
    claim = a_claim(WRONG_HOURS)
    ledger.record_files(job.id, [replace(file, id=pending.id)], [claim], {}, JobMetrics())
    ledger.record_gaps(detected(WRONG_HOURS), [a_gap(WRONG_HOURS, 0, 3600)], [])

    assert ledger.rename_pairs({WRONG: RIGHT}) == {WRONG: RenamedRows(files=1, claims=1)}

    for each in (ledger, other):
        assert [record.pair for record in each.pairs()] == [RIGHT]
        assert each.pairs()[0].lives == ()  # what ended under a wrong name did not end
        assert each.assertions() == [claim._replace(series=RIGHT_HOURS)]
        assert [known.series for known in each.files()] == [RIGHT_HOURS]
        assert each.known_contents() == {("abc", RIGHT_HOURS): 7}
        assert [gap.series for gap in each.gaps()] == [RIGHT_HOURS]
        assert each.detections() == detected(RIGHT_HOURS)
        assert each.renamed() == {WRONG: RIGHT}
        assert each.table_frame("pairs")["pair"].to_list() == ["ETH/AUSD"]
        assert each.table_frame("assets")["ticker"].to_list() == ["ETH"]
    assert ledger.rename_pairs({WRONG: RIGHT}) == {WRONG: RenamedRows(files=0, claims=0)}


def test_a_pair_that_is_renamed_into_one_that_is_known_joins_it(ledger: SqlLedger) -> None:
    ledger.record_pairs([PairRecord(RIGHT, "TIER1", (Life(5),)), PairRecord(WRONG, "TIER4", (Life(0, DAY),))])
    both = [a_claim(RIGHT_HOURS, evidence="b"), a_claim(WRONG_HOURS, evidence="a")]
    ledger.claim(both)
    ledger.record_gaps(detected(RIGHT_HOURS, as_of=NOON + 5) | detected(WRONG_HOURS), [], [])
    ledger.rename_pairs({WRONG: RIGHT})
    assert ledger.pairs() == [PairRecord(RIGHT, "TIER1", (Life(5),))]
    assert ledger.assertions() == [claim._replace(series=RIGHT_HOURS) for claim in both]
    assert ledger.detections() == detected(RIGHT_HOURS, as_of=NOON + 5)


def test_an_archive_that_held_a_pair_by_its_wrong_name_asserts_no_silence_of_it(ledger: SqlLedger) -> None:
    held = ArchiveFile("/a.zip", "ETHAUSD_60.csv", WRONG_HOURS, 9, "stamp")
    archive = Archive("/a.zip", ArchiveStatement(0, DAY), Vintage(DAY), complete=True, identity="a", files=(held,))
    ledger.record_archives([archive])
    silence = a_claim(RIGHT_HOURS, evidence=ABSENT + "a")
    ledger.claim([silence])
    ledger.rename_pairs({WRONG: RIGHT})
    assert ledger.assertions([RIGHT]) == [silence, silence._replace(withdrawn=True)]
    assert ledger.complete_archives()[0][1] == {RIGHT}


def test_a_pair_that_is_listed_after_all_is_known_again(ledger: SqlLedger) -> None:
    ledger.rename_pairs({WRONG: RIGHT})
    ledger.remember_names(Names([PairName(WRONG, "ETHAUSD2", "ETHAUSD2")]))
    assert ledger.renamed() == {}
    assert [record.pair for record in ledger.pairs()] == [RIGHT, WRONG]


@pytest.mark.parametrize(
    "second",
    [(0, DAY), (DAY - 3600, 2 * DAY), (3600, 7200), (-DAY, 3600), (-DAY, 5 * DAY)],
    ids=["the same", "its end", "inside", "its start", "around"],
)
def test_covered_ranges_of_a_series_that_overlap_are_refused_by_the_database(
    ledger: SqlLedger, second: tuple[int, int]
) -> None:
    first = DataCoverageRange(HOURS, 10 * DAY, 11 * DAY, CoverageSource.CSV, 24)
    before = first._replace(start=8 * DAY, end=9 * DAY)
    ledger.replace_coverage({HOURS: [before]})
    other = first._replace(start=10 * DAY + second[0], end=10 * DAY + second[1])
    with pytest.raises(LedgerError, match=r"overlap|UNIQUE|unique"):
        ledger.replace_coverage({HOURS: [first, other]})
    assert ledger.coverage() == [before], "nothing is set where something is refused"
    ledger.replace_coverage({HOURS: [first, before], DAYS: [other._replace(series=DAYS)]})
    assert len(ledger.coverage()) == 3


def test_covered_ranges_say_since_when_they_are_so(ledger: SqlLedger, clock: SetClock) -> None:
    ledger.replace_coverage({HOURS: [DataCoverageRange(HOURS, 0, DAY, CoverageSource.CSV, 24)]})
    with ledger._engine.connect() as connection:
        [written] = connection.execute(select(data_coverage_range.c.updated_at)).scalars()
    assert written == datetime.fromtimestamp(clock.now(), UTC)


def test_of_many_covered_ranges_only_those_are_written_that_change(ledger: SqlLedger, clock: SetClock) -> None:
    days = [DataCoverageRange(HOURS, 2 * day * DAY, (2 * day + 1) * DAY, CoverageSource.CSV, 24) for day in range(40)]
    others = [each._replace(series=ETHER) for each in days]
    ledger.replace_coverage({HOURS: days, ETHER: others})
    longer, other_grade, fresh = (
        days[-1]._replace(end=days[-1].end + DAY, candles=30),
        days[7]._replace(grade=Grade.PROVED),
        days[3]._replace(start=7 * DAY, end=8 * DAY),
    )
    changed = sorted({*days[1:-1], longer, other_grade, fresh} - {days[7]})
    before = clock.now()
    clock.instant += DAY
    ledger.replace_coverage({HOURS: changed, ETHER: others})
    assert ledger.coverage() == [*changed, *others]
    assert ledger.coverage_at(before) == [*days, *others]
    with ledger._engine.connect() as connection:
        written = connection.execute(select(data_coverage_range.c.start, data_coverage_range.c.updated_at)).all()
    dated_anew = {start for start, moment in written if moment == datetime.fromtimestamp(clock.now(), UTC)}
    assert dated_anew == {longer.start, other_grade.start, fresh.start}


def test_markets_of_one_asset_at_several_exchanges_are_pairs_of_their_own(opened: Callable[..., SqlLedger]) -> None:
    ledger, other = opened(), opened()
    spot, *elsewhere = (Pair.parse(name) for name in ("BTC/USD", "coinbase:BTC-USD", "kraken-futures:PI_XBTUSD"))
    records = [PairRecord(pair, "TIER1", (Life(day * DAY),)) for day, pair in enumerate((spot, *elsewhere))]
    ledger.record_pairs(records)
    assert other.pairs() == records
    assert [asset.ticker for asset in other.assets()] == ["BTC"]
    shown = other.table_frame("pairs").select("pair", "base", "quote").rows()
    assert shown == [(str(pair), "BTC", "USD") for pair in (spot, *elsewhere)]
    other.record_pairs([records[1]._replace(lives=(Life(9 * DAY),))])
    assert [record.lives[0].start // DAY for record in ledger.pairs()] == [0, 9, 2]
