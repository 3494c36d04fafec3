"""The plan of a job: which files are read, in which order, and which gaps they will leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest

from kraken_core.domain.absent_files import absence_claims
from kraken_core.domain.archives import Archive, ArchiveFile, file_rank, finest_intervals
from kraken_core.domain.candles import Source, Vintage, derived_rank
from kraken_core.domain.coverage import ArchiveStatement, Assertion
from kraken_core.domain.gaps import Route
from kraken_core.domain.knowledge import Knowledge
from kraken_core.domain.life import Life
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.plan import Action, IngestionPlan, KnownFile
from kraken_core.domain.request import Request
from kraken_core.domain.router import DataSourceRouter
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.timerange import TimeRanges, day_start

BTC, EURO, ETH, SHIB = Pair("BTC", "USD"), Pair("BTC", "EUR"), Pair("ETH", "USD"), Pair("SHIB", "USD")
TIERS = Tiers({"BTC": "TIER1", "ETH": "TIER2"}, ("TIER1", "TIER2", "TIER4"), frozenset({"USD", "EUR"}), "TIER4")
Q1, Q2, Q3 = (day_start(date(2026, month, 1)) for month in (1, 4, 7))
AS_OF = Q3
HALF_YEAR = Request(start_date=date(2026, 1, 1))
NOTHING = Knowledge({}, [])


def archive(
    name: str, start: int | None, end: int | None, *series: Series, complete: bool = False, generated: int | None = None
) -> Archive:
    files = tuple(ArchiveFile(name, each.file_name, each, 5_500, f"crc {name}") for each in series)
    return Archive(name, ArchiveStatement(start, end), Vintage(end, generated), complete, name, files)


def all_of(pair: Pair, *intervals: int) -> list[Series]:
    return [Series(pair, interval) for interval in intervals or INTERVALS]


def plan_of(
    *archives: Archive,
    request: Request = HALF_YEAR,
    known: Mapping[tuple[str, str, str, Series], KnownFile] | None = None,
    knowledge: Knowledge = NOTHING,
) -> IngestionPlan:
    router = DataSourceRouter(TIERS)
    return router.create_ingestion_plan(request, AS_OF, archives, known=known or {}, knowledge=knowledge)


def read_before(archives: Archive, rank: int | None = None) -> dict[tuple[str, str, str, Series], KnownFile]:
    """Every file of an archive, as it is known after it was read."""
    at = derived_rank(file_rank(archives)) if rank is None else rank
    return {(file.path, file.member, file.stamp, file.series): KnownFile("hash", at) for file in archives.files}


def missing(plan: IngestionPlan) -> dict[Series, TimeRanges]:
    series = {gap.series for gap in plan.gaps}
    return {each: TimeRanges.of((g.start, g.end) for g in plan.gaps if g.series == each) for each in series}


# Which files


def test_the_newest_vintage_is_read_first_so_that_older_ones_find_better_rows_in_place() -> None:
    archives = [
        archive("master_q4", None, None, Series(BTC, 60)),
        archive("old", Q1, Q2, Series(BTC, 60)),
        archive("new", Q2, Q3, Series(BTC, 60)),
        archive("made again", Q1, Q2, Series(BTC, 60), generated=Q3),
        archive("full", None, Q3, Series(BTC, 60), generated=Q3),
    ]
    newest_first = ["full", "new", "made again", "old", "master_q4"]
    for given in (archives, archives[::-1]):
        plan = plan_of(*given)
        assert [a.path for a in plan.archives] == newest_first
        assert [plan.archives[f.archive].path for f in plan.files] == newest_first


def test_the_files_of_an_archive_are_in_order_of_their_series() -> None:
    plan = plan_of(archive("a", Q1, Q2, Series(ETH, 60), Series(BTC, 1440), Series(BTC, 5), Series(EURO, 60)))
    assert [f.file.series for f in plan.files] == sorted(f.file.series for f in plan.files)


def test_a_file_that_was_read_before_is_skipped() -> None:
    first = archive("a", Q1, Q2, Series(BTC, 60), Series(BTC, 1440))
    plan = plan_of(first, known=read_before(first))
    assert [(f.action, f.reason) for f in plan.files] == [(Action.SKIP, "already ingested")] * 2
    assert plan.to_ingest == ()
    assert (plan.text_bytes, plan.disk_bytes, plan.estimated_seconds) == (0, 0, 0.0)


def test_a_file_that_was_read_as_an_older_vintage_is_read_again() -> None:
    """The user told meanwhile through when the archive is complete."""
    unstated = archive("a", Q1, None, Series(BTC, 60))
    known = read_before(unstated)
    told = replace(unstated, statement=ArchiveStatement(Q1, Q2), vintage=Vintage(Q2))
    (planned,) = plan_of(told, known=known).files
    assert (planned.action, planned.reason) == (Action.INGEST, "of a newer vintage than when it was read")
    assert planned.known == KnownFile("hash", derived_rank(file_rank(unstated)))
    assert plan_of(unstated, known=read_before(told)).to_ingest == ()


def test_a_changed_file_of_the_same_name_is_new() -> None:
    """The next quarter's file, too, is called XBTUSD_60.csv."""
    first = archive("a", Q1, Q2, Series(BTC, 60))
    changed = replace(first, files=(replace(first.files[0], stamp="other"),))
    assert [f.reason for f in plan_of(changed, known=read_before(first)).files] == ["new"]
    second = archive("b", Q2, Q3, Series(BTC, 60))
    assert [f.reason for f in plan_of(second, known=read_before(first)).files] == ["new"]


@pytest.mark.parametrize(
    ("request_", "series"),
    [
        (Request(tiers=("TIER1",)), [*all_of(EURO, 60, 1440), *all_of(BTC, 60, 1440)]),
        (Request(tiers=("TIER1", "TIER2"), quotes=("USD",), intervals=(60,)), [Series(BTC, 60), Series(ETH, 60)]),
        (Request(pairs=(SHIB,)), all_of(SHIB, 60, 1440)),
        (Request(tiers=("ALL",), intervals=(1440,)), [Series(pair, 1440) for pair in (EURO, BTC, ETH, SHIB)]),
    ],
)
def test_only_what_was_asked_for_is_read_and_the_rest_is_counted(request_: Request, series: list[Series]) -> None:
    everything = [each for pair in (BTC, EURO, ETH, SHIB) for each in all_of(pair, 60, 1440)]
    plan = plan_of(archive("a", Q1, Q2, *everything), request=request_)
    assert [f.file.series for f in plan.files] == series
    assert plan.passed_over == len(everything) - len(series)


def test_the_finest_file_of_a_pair_is_finest_even_where_it_is_not_asked_for() -> None:
    """Its coarser files do not become finest by being the only ones wanted."""
    held = archive("a", Q1, Q2, *all_of(BTC, 5, 60, 1440), *all_of(ETH, 60, 1440))
    assert finest_intervals(held) == {BTC: 5, ETH: 60}
    plan = plan_of(held, request=Request(start_date=date(2026, 1, 1), intervals=(60, 1440)))
    assert {f.file.series: f.finest for f in plan.files} == {
        Series(BTC, 60): False,
        Series(BTC, 1440): False,
        Series(ETH, 60): True,
        Series(ETH, 1440): False,
    }


def test_the_estimates_grow_with_the_text_that_will_be_read() -> None:
    small = plan_of(archive("a", Q1, Q2, Series(BTC, 60)))
    large = plan_of(archive("a", Q1, Q2, *all_of(BTC)))
    assert small.text_bytes == 5_500
    assert small.disk_bytes == 100 * 37, "a hundred rows, about 37 bytes a candle"
    assert large.disk_bytes == 8 * small.disk_bytes
    assert large.estimated_seconds == 8 * small.estimated_seconds > 0


# Which gaps they will leave


def test_a_quarter_that_no_archive_holds_is_a_gap_before_anything_is_read() -> None:
    plan = plan_of(archive("a", Q1, Q2, *all_of(BTC)))
    assert missing(plan) == {series: TimeRanges.single(Q2, Q3) for series in all_of(BTC)} | {
        # the archive's last slot is provisional at all but the finest interval: derived, as the plan says
        series: TimeRanges.single(Q2 - series.width, Q3)
        for series in all_of(BTC)[1:]
    }
    assert {gap.route for gap in plan.gaps if gap.series.interval > 1} == {Route.DERIVE}
    assert plan.unread == 0


def test_two_quarters_together_leave_only_the_provisional_edges_which_can_be_derived() -> None:
    plan = plan_of(archive("a", Q1, Q2, *all_of(BTC)), archive("b", Q2, Q3, *all_of(BTC)))
    assert missing(plan) == {
        series: TimeRanges.of((end - series.width, end) for end in (Q2, Q3)) for series in all_of(BTC)[1:]
    }
    assert {gap.route for gap in plan.gaps} == {Route.DERIVE}


def test_an_interval_that_a_release_lacks_is_derived_from_finer_ones() -> None:
    """2026Q2 has no 30."""
    plan = plan_of(archive("a", Q1, Q3, *all_of(BTC, 1, 5, 15, 60, 240, 720, 1440)))
    (gap,) = [gap for gap in plan.gaps if gap.series.interval == 30]
    assert (gap.start, gap.end, gap.route) == (Q1, Q3, Route.DERIVE)


def test_what_is_known_by_now_is_not_missing() -> None:
    series = Series(BTC, 1440)
    knowledge = Knowledge({BTC: [Life(Q1)]}, [Assertion(series, Q1, Q2, Source.CSV, 5, "hash")])
    plan = plan_of(request=Request(start_date=date(2026, 1, 1), intervals=(1440,)), knowledge=knowledge)
    assert missing(plan) == {series: TimeRanges.single(Q2, Q3)}


def test_a_known_life_counts_more_than_what_an_archive_would_make_of_it() -> None:
    """A pair listed in March is not held to January because an archive begins there."""
    march = day_start(date(2026, 3, 1))
    knowledge = Knowledge({BTC: [Life(march)]}, [])
    plan = plan_of(request=Request(start_date=date(2026, 1, 1), intervals=(60,)), knowledge=knowledge)
    assert missing(plan) == {Series(BTC, 60): TimeRanges.single(march, Q3)}


def test_files_that_only_tell_when_read_are_counted_and_not_guessed_at() -> None:
    """Of such a pair no gap is predicted, at no interval: its listing may move."""
    full = archive("full", None, Q3, Series(BTC, 60))
    plan = plan_of(full, archive("a", Q1, Q2, Series(BTC, 1440), Series(ETH, 1440)))
    assert plan.unread == len(INTERVALS)
    assert {gap.series.pair for gap in plan.gaps} == {ETH}


def test_skipped_files_predict_nothing_anew() -> None:
    """What they know stands in the ledger; what was withdrawn of it must not come back."""
    first = archive("a", Q1, Q3, Series(BTC, 1))
    request = Request(start_date=date(2026, 1, 1), intervals=(1,))
    plan = plan_of(first, request=request, known=read_before(first), knowledge=Knowledge({BTC: [Life(Q1)]}, []))
    assert missing(plan) == {Series(BTC, 1): TimeRanges.single(Q1, Q3)}


def test_an_empty_plan_has_neither_files_nor_gaps() -> None:
    plan = plan_of()
    assert (plan.files, plan.gaps, plan.unread, plan.passed_over) == ((), (), 0, 0)


# Rule 4, absent file: a complete archive without any file of a living pair asserts its silence


def test_a_complete_archive_without_a_pair_asserts_its_silence_at_every_interval_but_in_its_last_slot() -> None:
    held = archive("a", Q1, Q2, *all_of(BTC), complete=True)
    claims = absence_claims(held, {BTC}, [BTC, ETH])
    assert {claim.series for claim in claims} == set(all_of(ETH))
    assert {(claim.start, claim.source, claim.evidence) for claim in claims} == {(Q1, Source.CSV, "absent:a")}
    assert all(Q2 - claim.end == claim.series.width for claim in claims)
    assert {claim.rank for claim in claims} == {derived_rank(file_rank(held))}


def test_an_archive_that_holds_some_intervals_of_a_pair_asserts_nothing_of_the_others() -> None:
    held = archive("a", Q1, Q2, Series(BTC, 1440), complete=True)
    assert absence_claims(held, {BTC}, [BTC]) == []
    plan = plan_of(held)
    assert Series(BTC, 60) in missing(plan)


def test_an_archive_that_is_not_complete_asserts_no_absence() -> None:
    held = archive("a", Q1, Q2, *all_of(BTC), complete=False)
    assert absence_claims(held, {BTC}, [ETH]) == []


def test_a_quarter_in_which_a_known_pair_was_silent_is_no_gap_but_for_its_last_slot() -> None:
    knowledge = Knowledge({ETH: [Life(Q1)]}, [])
    spans = {"a": (Q1, Q2), "b": (Q2, Q3)}
    quarters = [archive(name, *span, *all_of(BTC), complete=True) for name, span in spans.items()]
    plan = plan_of(*quarters, request=Request(start_date=date(2026, 1, 1), intervals=(1,)), knowledge=knowledge)
    assert missing(plan) == {Series(ETH, 1): TimeRanges.of([(Q2 - 60, Q2), (Q3 - 60, Q3)])}


# Trading history


def traded(name: str, start: int | None, end: int | None, size: int = 40_000_000) -> Archive:
    """An archive with the trades of BTC/USD."""
    files = tuple(
        ArchiveFile(name, "XBTUSD.csv", Series(BTC, interval), size, f"crc {name}", source=Source.TRADES)
        for interval in INTERVALS
    )
    return Archive(name, ArchiveStatement(start, end), Vintage(end), complete=False, identity="", files=files)


def test_a_file_of_trades_is_planned_for_every_interval_and_read_once() -> None:
    plan = plan_of(traded("trades", Q1, Q3))
    assert [f.file.series for f in plan.to_ingest] == all_of(BTC)
    assert plan.text_bytes == 40_000_000
    assert plan.gaps == ()  # every interval to the end alike


def test_trades_make_at_most_one_candle_a_slot() -> None:
    huge = plan_of(traded("trades", Q1, Q3, 1 << 40)).disk_bytes
    assert huge < 9_000_000 * 1.5 * 37
    assert plan_of(traded("trades", Q1, Q3, 3_000)).disk_bytes == 8 * 100 * 37


def test_only_the_intervals_of_a_file_of_trades_that_are_not_known_are_ingested() -> None:
    archive_ = traded("trades", Q1, Q3)
    rank = derived_rank(file_rank(archive_, Source.TRADES))
    known = {
        (file.path, file.member, file.stamp, file.series): KnownFile("hash", rank)
        for file in archive_.files
        if file.series.interval > 60
    }
    assert [f.file.series.interval for f in plan_of(archive_, known=known).to_ingest] == [1, 5, 15, 30, 60]


def test_trades_do_not_make_candles_beside_them_less_sure() -> None:
    held = replace(
        archive("a", Q1, Q2, Series(BTC, 60)),
        files=(*archive("a", Q1, Q2, Series(BTC, 60)).files, *traded("a", Q1, Q2).files),
    )
    assert finest_intervals(held) == {BTC: 60}
    assert all(f.finest for f in plan_of(held).files)


def test_a_pair_with_trades_only_is_not_absent() -> None:
    held = replace(traded("a", Q1, Q2), complete=True, identity="a")
    plan = plan_of(held, knowledge=Knowledge({BTC: (Life(Q1),)}, []))
    assert {gap.start for gap in plan.gaps} == {Q2}
