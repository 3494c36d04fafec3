"""What is stored held against the exchange's trade ids: two requests a pair, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kraken_core import Workbench
from kraken_core.domain.audit import AuditVerdict
from kraken_core.domain.candles import Source
from kraken_core.domain.errors import Interrupted, JobError, PairRefusedError, UsageError
from kraken_core.domain.jobs import JobStatus
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRanges, iso
from kraken_core.pipeline.audit import AuditOutcome
from kraken_core.simulator.exchange import SimulatedExchange, TapeFaults
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.market import SimulatedMarket
from tests.acceptance.lying_archives import ADA, BTC, DAYS, ETH, stated, traded_slot
from tests.support.closing_trades import trading_to
from tests.support.command_line import Kraken, refused
from tests.support.doubted import doubts
from tests.support.helping import ingest, table, written
from tests.support.pocket_exchange import PocketExchange, at_pocket, down

pytest_plugins = ["tests.acceptance.sleeping_exchange"]

MINUTES = Series(BTC, 1)
MARKET = trading_to(
    [DAYS[7]],
    SimulatedMarket.make(11, [Listing(BTC, 0.5, 97_000, 1, 0.05), Listing(ETH, 0.3, 3_100, 2, 0.8)], DAYS[0], DAYS[8]),
)
LAST_DAY = iso(DAYS[6])[:10]
LOST = traded_slot(MARKET, MINUTES)
LACKING = stated(intervals=(1,), end=7, dropped={MINUTES: LOST})
WHOLE = stated("whole", intervals=(1,), end=7)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with seven days of minutes, of which one lacks its trades."""
    ingest(tmp_path / "home", MARKET, *written(MARKET, [LACKING], tmp_path), end_date=LAST_DAY)
    return tmp_path / "home"


@pytest.fixture
def exchange() -> PocketExchange:
    return PocketExchange(MARKET)


def audited(home: Path, exchange: PocketExchange, **request: Any) -> AuditOutcome:
    with at_pocket(home, exchange) as bench:
        return bench.audit(**request)


def grades(home: Path, slots: TimeRanges, series: Series = MINUTES) -> set[str]:
    with Workbench.open(home) as bench:
        return {c.grade for c in bench.ledger.coverage([series]) if slots.meets(c.start, c.end)}


def shares(home: Path, pair: str = "BTC/USD") -> dict[str, int]:
    with Workbench.open(home) as bench:
        [row] = bench.completeness(pairs=[pair], intervals=[1]).to_dict("records")
        return {name: row[name] for name in ("covered", "proved", "doubtful", "missing")}


# ------------------------------------------------------------------------------------------------------- equal: proved


def test_two_requests_prove_all_that_is_stored_of_a_pair(market: SimulatedMarket, tmp_path: Path) -> None:
    home = tmp_path / "home"
    ingest(home, market, *written(market, [stated(intervals=(1, 60))], tmp_path))
    exchange = PocketExchange(market)
    with at_pocket(home, exchange) as bench:
        found = bench.audit(pairs=["BTC/USD"])
        rows = bench.completeness(pairs=["BTC/USD"]).set_index("interval")
    assert exchange.requests == 2
    assert {span.verdict for span in found.spans} == {AuditVerdict.PROVED}
    assert (rows["covered"] - rows["proved"] <= 1).all()  # behind the last trade nothing proves that none followed


def test_200_pairs_take_400_requests(tmp_path: Path) -> None:
    listings = [Listing(Pair(f"C{n:03}", "USD"), 0.5, 10 + n, 3, 5) for n in range(200)]
    market = SimulatedMarket.make(3, listings, DAYS[0], DAYS[1])
    stored = stated(intervals=(1,), end=1)
    ingest(tmp_path / "home", market, *written(market, [stored], tmp_path), end_date=iso(DAYS[0])[:10], intervals=[1])
    exchange = PocketExchange(market)
    found = audited(tmp_path / "home", exchange)
    assert len({span.series.pair for span in found.spans}) == 200
    assert {span.verdict for span in found.spans} == {AuditVerdict.PROVED}
    assert exchange.requests == 400


def test_a_span_that_differs_is_in_doubt_until_it_is_located(home: Path, exchange: PocketExchange) -> None:
    found = audited(home, exchange, pairs=["BTC/USD"])
    assert exchange.requests == 2
    assert found.withdrawn == {}
    with Workbench.open(home) as bench:
        assert all("trade ids count" in " ".join(reasons) for _, reasons in doubts(bench))
    counts = shares(home)
    assert counts["doubtful"] > 9_000
    assert counts["proved"] > 0  # what the two pages themselves show
    assert shares(home, "ETH/USD")["doubtful"] == 0


# ---------------------------------------------------------------------------------------------------- located, repaired


def test_a_lost_minute_is_located_becomes_a_gap_and_is_proved_once_a_sweep_has_filled_it(
    home: Path, exchange: PocketExchange
) -> None:
    found = audited(home, exchange, pairs=["BTC/USD"], locate=True)
    assert exchange.requests <= 30
    assert found.withdrawn[MINUTES] == LOST
    with at_pocket(home, exchange) as bench:
        [said] = [event.message for event in bench.control.events(2) if event.kind == "audit"]
        assert said.endswith("; counts and ids differ in 1 place")
        assert [(gap.start, gap.end) for gap in bench.ledger.gaps([MINUTES])] == [tuple(LOST.hull)]
        counts = shares(home)
        assert counts["covered"] - counts["proved"] <= 60
        bench.run(bench.runner.build_plan(bench.backfill_request(pairs=["BTC/USD"], intervals=[1], complete=True)))
        [candle] = bench.store.candles({MINUTES: LOST}).to_dicts()
        assert candle["source"] == Source.TRADES
        [finding] = [span for span in bench.ledger.audits([BTC]) if (span.start, span.end) == LOST.hull]
    assert finding.verdict is AuditVerdict.PROVED  # by the ids that were known, without another question
    assert shares(home)["doubtful"] == shares(home)["missing"] == 0
    assert grades(home, LOST) == {"proved"}


def test_ids_that_were_never_given_are_located_swept_and_then_proved(tmp_path: Path) -> None:
    home, exchange = tmp_path / "home", PocketExchange(MARKET)
    ingest(home, MARKET, *written(MARKET, [WHOLE], tmp_path), end_date=LAST_DAY)
    exchange.tape_faults = TapeFaults(3, phantoms=0.001)
    first = audited(home, exchange, pairs=["BTC/USD"], locate=True)
    assert first.withdrawn
    before = table(Workbench.open(home)).drop("source", "rank", "vwap")
    with at_pocket(home, exchange) as bench:
        bench.run(bench.runner.build_plan(bench.backfill_request(pairs=["BTC/USD"], intervals=[1], complete=True)))
        assert table(bench).drop("source", "rank", "vwap").equals(before)
    again = audited(home, exchange, pairs=["BTC/USD"], locate=True)
    assert again.withdrawn == {}
    counts = shares(home)
    assert counts["missing"] == 0
    assert counts["covered"] - counts["proved"] <= 60


def test_more_trades_stored_than_ids_count_are_a_finding_and_nothing_is_deleted(
    tmp_path: Path, exchange: PocketExchange
) -> None:
    home = tmp_path / "home"
    ingest(home, MARKET, *written(MARKET, [WHOLE], tmp_path), end_date=LAST_DAY)
    with Workbench.open(home) as bench:
        candle = bench.store.candles({MINUTES: LOST})
        bench.store.commit([bench.store.stage(candle.with_columns(pl.col("trades") + 5, pl.col("rank") + (1 << 44)))])
    with at_pocket(home, exchange) as bench:
        before = table(bench)
        found = bench.audit(pairs=["BTC/USD"], locate=True)
        [finding] = bench.audits.findings(found.spans, 10)
        assert table(bench).equals(before)
        assert bench.ledger.gaps([MINUTES]) == []
    assert (finding.span.start, finding.span.verdict) == (LOST.hull.start, AuditVerdict.FEWER)
    assert finding.span.stored - (finding.span.by_ids or 0) == 5
    assert finding.description.startswith(f"BTC/USD 1m {iso(LOST.hull.start)}: {finding.span.stored} trades stored, ")
    assert "XBTUSD_1.csv" in finding.sources[0]


# ---------------------------------------------------------------------------------------------------- lapses, and stays


def test_a_proof_lapses_with_what_it_stood_on_and_is_back_when_that_is(
    tmp_path: Path, exchange: PocketExchange
) -> None:
    home = tmp_path / "home"
    ingest(home, MARKET, *written(MARKET, [WHOLE], tmp_path), end_date=LAST_DAY)
    audited(home, exchange, pairs=["BTC/USD"])
    assert grades(home, LOST) == {"proved"}
    newer = stated("newer", intervals=(1,), end=8, dropped={MINUTES: LOST})
    with Workbench.open(home) as bench:
        candle = bench.store.candles({MINUTES: LOST})
        less = candle.with_columns(trades=pl.lit(0, pl.Int32), rank=pl.col("rank") + (1 << 44))
        claim = bench.ledger.assertions([BTC])[0]
        bench.store.commit([bench.store.stage(less)])
        bench.ledger.claim([claim._replace(start=LOST.hull.start, end=LOST.hull.end, evidence="another file")])
        bench.runner.tracker().update_coverage_after_ingestion([BTC])
    assert "proved" not in grades(home, LOST)
    ingest(home, MARKET, *written(MARKET, [newer], tmp_path / "newer"))  # another file that says the same of the rest
    assert "proved" not in grades(home, LOST)


@pytest.mark.soak
def test_another_file_with_the_same_counts_leaves_a_proof_and_undoing_it_does_too(
    tmp_path: Path, exchange: PocketExchange
) -> None:
    home = tmp_path / "home"
    ingest(home, MARKET, *written(MARKET, [WHOLE], tmp_path), end_date=LAST_DAY)
    audited(home, exchange, pairs=["BTC/USD"])
    before = shares(home)["proved"]
    later = stated("later", intervals=(1,), end=8)
    ingest(home, MARKET, *written(MARKET, [later], tmp_path / "later"))
    assert shares(home)["proved"] == before
    with Workbench.open(home) as bench:
        bench.undo(bench.jobs()[0].id)
    assert shares(home)["proved"] == before
    with Workbench.open(home) as bench:
        bench.undo(bench.jobs()[-1].id)
        assert bench.ledger.coverage([MINUTES]) == []
        assert {span.verdict for span in bench.ledger.audits([BTC])} <= {AuditVerdict.PROVED, AuditVerdict.LAPSED}
    ingest(home, MARKET, *written(MARKET, [LACKING], tmp_path / "lacking"))
    assert "proved" not in grades(home, LOST)


# ------------------------------------------------------------------------------------------------ jobs of audits


def test_an_audit_is_interrupted_resumed_and_comes_to_the_same(home: Path, exchange: PocketExchange) -> None:
    with at_pocket(home, exchange) as bench:
        with pytest.raises(Interrupted, match=r"kraken-history audit --resume 2|audit --home .* --resume 2"):
            bench.audit(locate=True, stop=lambda: exchange.requests >= 6)
        assert bench.jobs()[0].status is JobStatus.PAUSED
        found = bench.audit(locate=True)
        assert len(bench.jobs()) == 2
        assert bench.jobs()[0].status is JobStatus.COMPLETED
        assert bench.jobs()[0].metrics.requests == exchange.requests
    assert found.withdrawn[MINUTES] == LOST
    assert exchange.requests <= 36


def test_an_audit_that_is_interrupted_between_two_stretches_of_a_pair_goes_on_with_the_other(
    tmp_path: Path, exchange: PocketExchange
) -> None:
    home, hole = tmp_path / "home", TimeRanges.single(DAYS[3], DAYS[3] + 600)
    ingest(home, MARKET, *written(MARKET, [WHOLE], tmp_path), end_date=LAST_DAY, intervals=[1])
    with at_pocket(home, exchange) as bench:
        claims = [c for c in bench.ledger.assertions([BTC]) if c.series == MINUTES]
        bench.ledger.claim([c._replace(start=hole.hull.start, end=hole.hull.end, withdrawn=True) for c in claims])
        bench.runner.tracker().update_coverage_after_ingestion([BTC])
        assert bench.runner.audit_plan(bench.audit_request(pairs=["BTC/USD"])).requests == 4
        with pytest.raises(Interrupted):
            bench.audit(pairs=["BTC/USD"], stop=lambda: exchange.requests >= 3)
        found = bench.audit(pairs=["BTC/USD"])
    assert exchange.requests <= 5
    proved = TimeRanges.of((s.start, s.end) for s in found.spans if s.verdict is AuditVerdict.PROVED)
    assert proved == TimeRanges.single(DAYS[0], DAYS[7]) - hole - TimeRanges.single(DAYS[0], proved.hull.start)


def test_where_the_exchange_is_not_reached_the_audit_fails_and_can_be_resumed(
    home: Path, exchange: PocketExchange
) -> None:
    exchange.fails = down
    with at_pocket(home, exchange) as bench:
        with pytest.raises(JobError, match="the exchange cannot be reached"):
            bench.audit()
        assert bench.jobs()[0].status is JobStatus.FAILED
        exchange.fails = lambda _kind, _pair: None
        assert bench.audit().spans
        assert len(bench.jobs()) == 2


def test_a_pair_that_is_refused_is_said_and_the_others_are_audited(home: Path, exchange: PocketExchange) -> None:
    def refuse(_kind: str, pair: Pair | None) -> None:
        if pair == ETH:
            raise PairRefusedError("ETH/USD: unknown asset pair")

    exchange.fails = refuse
    found = audited(home, exchange)
    assert found.problems == {ETH: "ETH/USD: unknown asset pair"}
    assert {s.verdict for s in found.spans if s.series.pair == ETH} == {AuditVerdict.UNKNOWN}
    assert shares(home)["proved"] > 0


def test_requests_are_bounded_and_what_is_left_is_said(home: Path, exchange: PocketExchange) -> None:
    found = audited(home, exchange, locate=True, max_requests=5)
    assert exchange.requests == 5
    assert found.left == 1
    assert shares(home)["doubtful"] > 0
    assert audited(home, exchange, locate=True).left == 0


def test_what_is_not_covered_cannot_be_audited(home: Path, exchange: PocketExchange) -> None:
    with pytest.raises(UsageError, match="nothing of that is covered"):
        audited(home, exchange, pairs=[str(ADA)])


# --------------------------------------------------------------------------------------------------- the command line


@pytest.fixture
def by_wire(monkeypatch: pytest.MonkeyPatch, kraken: Kraken, tmp_path: Path) -> Iterator[Kraken]:
    ingest(kraken.home, MARKET, *written(MARKET, [LACKING], tmp_path), end_date=LAST_DAY)
    with SimulatedExchange(MARKET, limits=None) as exchange:
        monkeypatch.setenv("KRAKEN_API_URL", exchange.url)
        monkeypatch.setenv("KRAKEN_REQUESTS_PER_SECOND", "10")
        yield kraken


def test_verify_and_report_show_what_audits_came_to(by_wire: Kraken) -> None:
    by_wire("audit", code=1)
    [check] = [c for c in by_wire("verify", "--json").json["checks"] if c["name"] == "trade ids"]
    assert check["series"] > 8
    assert check["failed"] == 0
    assert "BTC/USD 1m [" in check["examples"][0]
    rows = {(row["pair"], row["interval"]): row for row in by_wire("report", "--json").json}
    assert rows["ETH/USD", 1]["proved"] > 0.99 * rows["ETH/USD", 1]["covered"]
    assert rows["BTC/USD", 1]["doubtful"] > 0
    by_wire("report", "--pairs", "BTC/USD", "--evidence", "proved", code=4)


def test_verify_fails_where_what_was_proved_counts_other_trades_now(by_wire: Kraken) -> None:
    by_wire("audit", "--pairs", "ETH/USD")
    with Workbench.open(by_wire.home) as bench:
        minute = traded_slot(MARKET, Series(ETH, 1))
        candle = bench.store.candles({Series(ETH, 1): minute})
        more = candle.with_columns(pl.col("trades") + 1, pl.col("rank") + (1 << 44))
        bench.store.commit([bench.store.stage(more)])
    checks = by_wire("verify", "--report-only", "--json", code=1).json["checks"]
    [check] = [check for check in checks if check["name"] == "trade ids"]
    assert check["failed"] == 1
    assert "they were as many" in check["examples"][0]


def test_the_command_line_shows_what_an_audit_found(by_wire: Kraken) -> None:
    said = by_wire("audit", "--pairs", "BTC/USD", code=1)
    assert "2024-12" not in said.out
    assert "BTC/USD" in said.out
    assert "by ids" in said.out
    assert "kraken-history audit --locate" in said.err
    document = by_wire("audit", "--pairs", "BTC/USD", "--locate", "--json", code=1).json
    assert document["withdrawn"] == 8  # with the derived candles around it
    assert document["ok"] is False
    [finding] = document["findings"]
    assert (finding["start"], finding["slots"], finding["stored"]) == (iso(LOST.hull.start), 1, 0)
    assert document["api"]["requests"] <= 30
    assert {row["pair"] for row in document["series"]} == {"BTC/USD"}
    assert by_wire("audit", "--pairs", "ETH/USD", "--json").json["ok"] is True


def test_a_dry_run_asks_nobody_and_writes_nothing(by_wire: Kraken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRAKEN_API_URL", "http://127.0.0.1:9")
    plan = by_wire("audit", "--dry-run", "--locate", "--json").json
    assert plan == {
        "pairs": ["BTC/USD", "ETH/USD"],
        "requests": 4,
        "requests_at_most": 1_004,
        "estimated_seconds": plan["estimated_seconds"],
    }
    assert "2 pairs: 4 requests" in by_wire("audit", "--dry-run").out
    assert len(by_wire.rows("jobs")) == 1


def test_wrong_use_is_refused_in_a_line(by_wire: Kraken) -> None:
    assert "is not an audit" in refused(by_wire("audit", "--resume", 1, code=2))
    assert "remove the other options" in refused(by_wire("audit", "--resume", 1, "--locate", code=2))
    assert "No data of ADA/USD" in refused(by_wire("audit", "--pairs", "ADA/USD", code=2))


def test_an_audit_is_not_resumed_as_an_ingest(by_wire: Kraken) -> None:
    with Workbench.open(by_wire.home) as bench:
        bench.runner.start_audit(bench.runner.audit_plan(bench.audit_request(pairs=["BTC/USD"])))
    assert "kraken-history audit" in by_wire("jobs", 2).out
    assert "audit --resume 2" in refused(by_wire("ingest", "--resume", 2, "--yes", code=2))
    assert by_wire("audit", "--resume", 2, "--json", code=1).json["job_id"] == 2
