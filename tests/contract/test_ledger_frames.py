"""What every ledger shows to SQL, on each database."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from kraken_core.domain.candles import Source
from kraken_core.domain.coverage import (
    CoverageSource,
    DataCoverageRange,
)
from kraken_core.domain.differences import Difference, Origin
from kraken_core.domain.exchange import Listed, ListedPair, Market
from kraken_core.domain.funding import FundingRate
from kraken_core.domain.life import Life
from kraken_core.domain.names import BY_RULES, PairName
from kraken_core.domain.run_history import StageRun, VerificationRecord
from kraken_core.ledger.frames import VIEWS
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.ports import PairRecord
from tests.contract.ledger_records import BTC, DAY, HOURS, NOON, a_claim, a_file, a_gap, a_running_job, detected, read

pytest_plugins = ["tests.support.servers", "tests.contract.ledgers"]


def filled(ledger: SqlLedger) -> None:
    job = a_running_job(ledger, a_file())
    ledger.record_files(job.id, [read(ledger.pending_files(job.id)[0])], [a_claim()], {}, job.metrics)
    ledger.record_pairs([PairRecord(BTC, "TIER1", (Life(0, DAY, assumed=False), Life(5 * DAY, 9 * DAY)))])
    ledger.record_gaps(detected(HOURS), [a_gap(fillable=10, overflow=14)], [])
    ledger.replace_coverage({HOURS: [DataCoverageRange(HOURS, 0, DAY, CoverageSource.CSV, 24)]})
    listed = Listed((ListedPair(PairName(BTC, "XBTUSD", "XXBTZUSD"), "online"),))
    ledger.record_answer(Market.of(NOON, listed, BY_RULES))
    ledger.record_stages(job.id, [StageRun("ingest", datetime(2024, 1, 1, tzinfo=UTC), 1.5)])
    ledger.record_verification(VerificationRecord(NOON, "everything stored", "", "", ()))
    ledger.record_funding_rates(BTC, [FundingRate(0, 0.5, 1e-6)])
    ledger.record_differences([Difference(HOURS, 0, DAY, 3, Origin(Source.CSV), Origin(Source.OHLC))])


@pytest.mark.parametrize("name", VIEWS)
def test_a_frame_has_one_schema_whether_or_not_there_is_anything_in_it(ledger: SqlLedger, name: str) -> None:
    empty = ledger.table_frame(name)
    filled(ledger)
    frame = ledger.table_frame(name)

    assert (empty.height, frame.height) == (0, 1)
    assert empty.schema == frame.schema
    assert f"- {name}: " in (SqlLedger.table_frame.__doc__ or "")


def test_jobs_say_what_began_them_and_stages_and_verifications_what_came_of_them(ledger: SqlLedger) -> None:
    filled(ledger)

    [job] = ledger.table_frame("jobs").to_dicts()
    assert (job["trigger"], job["kind"], job["undone_at"]) == ("hand", "ingest", None)
    [stage] = ledger.table_frame("stages").to_dicts()
    assert stage == {"job_id": job["job_id"], "stage": "ingest", "started_at": datetime(2024, 1, 1, tzinfo=UTC),
                     "seconds": 1.5}  # fmt: skip
    [verified] = ledger.table_frame("verifications").to_dicts()
    assert (verified["selection"], verified["checks"], verified["suspicious"]) == ("everything stored", "[]", "[]")
    assert verified["verified_at"] == datetime.fromtimestamp(NOON, UTC)


def test_frames_speak_of_pairs_minutes_and_utc(ledger: SqlLedger) -> None:
    filled(ledger)
    moment = pl.Datetime("us", "UTC")

    gaps, pairs = ledger.table_frame("gaps"), ledger.table_frame("pairs")
    assert [gaps.schema[name] for name in ("pair", "interval_minutes", "start_time", "detected_at")] == [
        *(pl.String, pl.Int32, moment, moment)
    ]
    row = gaps.row(0, named=True)
    assert (row["pair"], row["interval_minutes"], row["api_fillable"]) == ("BTC/USD", 60, True)
    assert (row["start_time"], row["end_time"]) == (datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC))
    assert pairs.row(0, named=True) == {
        "pair": "BTC/USD",
        "base": "BTC",
        "quote": "USD",
        "tier": "TIER1",
        "listed_at": datetime(1970, 1, 1, tzinfo=UTC),
        "listing_assumed": False,
        "delisted_at": datetime(1970, 1, 10, tzinfo=UTC),
    }
