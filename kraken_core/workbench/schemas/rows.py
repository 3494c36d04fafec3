"""Schemas of rows and objects that several documents have."""

from __future__ import annotations

from typing import Any

from kraken_core.domain.conditions import Condition
from kraken_core.domain.coverage import CoverageSource
from kraken_core.domain.gaps import GapStatus, Route
from kraken_core.domain.grades import Grade
from kraken_core.domain.jobs import JobStatus, Trigger
from kraken_core.domain.prices.findings import PriceKind
from kraken_core.domain.request import JobKind
from kraken_core.domain.slot_states import SlotState
from kraken_core.workbench import documents
from kraken_core.workbench.queries.incidents import CONDITIONS, INCIDENTS
from kraken_core.workbench.queries.prices import PRICE_FINDINGS
from kraken_core.workbench.queries.silences import SilenceKind
from kraken_core.workbench.schemas.parts import (
    COUNT,
    INTEGER,
    MINUTES,
    NUMBER,
    PAIR,
    SHARE,
    TEXT,
    TIME,
    YES_OR_NO,
    Schema,
    array,
    nullable,
    one_of,
    record,
    row_of,
    said,
)

GRADE = one_of(Grade)
COVERAGE = row_of(documents.COVERAGE, source=one_of(CoverageSource), grade=GRADE)
GAP = row_of(documents.GAPS, ("id",), status=one_of(GapStatus), route=one_of(Route))
SILENCE = row_of(documents.SILENCES, kind=one_of(SilenceKind))
PRICE_FINDING = row_of(PRICE_FINDINGS, kind=one_of(PriceKind))
INCIDENT = row_of(INCIDENTS, share=SHARE)
CONDITION = row_of(CONDITIONS, condition=one_of(Condition))
COMPLETENESS = row_of(documents.COMPLETENESS, ("tier", "reason"), completeness=SHARE, activity=SHARE)
_SLOTS = ("wanted", "covered", "present", "silent", "missing", *(grade.value for grade in Grade))
SLOTS = record(dict.fromkeys(_SLOTS, COUNT))
FILES = record(dict.fromkeys(("total", "ingested", "skipped", "failed"), COUNT))
RECORDS = record(dict.fromkeys(("read", "new", "changed", "rejected"), COUNT))
GAP_COUNTS = record(dict.fromkeys(("detected", "filled", "unfillable", "failed", "open"), COUNT))
API = record(dict.fromkeys(("requests", "retries"), COUNT))
METRICS: dict[str, Schema] = {"files": FILES, "records": RECORDS, "gaps": GAP_COUNTS}
JOB = record(
    {
        "job_id": INTEGER,
        "status": one_of(JobStatus),
        "trigger": nullable(one_of(Trigger)),
        "kind": one_of(JobKind),
        "tiers": array(TEXT),
        "pairs": array(PAIR),
        "intervals": array(MINUTES),
        "start": TIME,
        "end": TIME,
        "as_of": TIME,
        "created_at": nullable(TIME),
        "started_at": nullable(TIME),
        "finished_at": nullable(TIME),
        "undone_at": nullable(TIME),
        "progress_pct": {"type": "number", "minimum": 0, "maximum": 100},
        **METRICS,
        "error": nullable(TEXT),
    }
)
STORED_PAIR = record(
    {
        "pair": PAIR,
        "altname": said(TEXT, "the exchange's name of it, as in XBTUSD"),
        "tier": nullable(TEXT),
        "listed": nullable(TIME),
        "listing_assumed": said(YES_OR_NO, "the first candle ever seen is taken for the listing"),
        "delisted": nullable(TIME),
        "intervals": array(MINUTES),
        "candles": COUNT,
    }
)
_VALUES: dict[str, Schema] = {
    **dict.fromkeys(("open", "high", "low", "close", "volume"), NUMBER),
    "trades": nullable(COUNT),
    "source": said(TEXT, "csv, ohlc, trades or derived"),
}
CANDLE_VALUES = record(_VALUES)
CANDLE = record(
    {"time": said(TIME, "when its slot opens"), **_VALUES, "vwap": said(nullable(NUMBER), "on request")},
    optional=("vwap",),
)
INCOMPLETE_RANGE = record(
    {"pair": PAIR, "interval": MINUTES, "start": TIME, "end": TIME, "why": TEXT, "fill": TEXT},
)
CLAIM = record(
    {
        "id": INTEGER,
        "start": TIME,
        "end": TIME,
        "source": TEXT,
        "evidence": said(TEXT, "a file's hash, a request, or what it was derived from"),
        "path": nullable(TEXT),
        "member": nullable(TEXT),
        "job_id": nullable(INTEGER),
        "asserted_at": TIME,
        "withdrawn": YES_OR_NO,
        "in_force": said(YES_OR_NO, "the slot is known by it"),
    }
)
EXPLANATION = record(
    {
        "pair": PAIR,
        "interval": MINUTES,
        "start": TIME,
        "end": TIME,
        "state": one_of(SlotState),
        "grade": nullable(GRADE),
        "expected": YES_OR_NO,
        "doubts": array(TEXT),
        "text": TEXT,
        "candle": nullable(CANDLE_VALUES),
        "gap": nullable(GAP),
        "claims": array(CLAIM),
    }
)


def closed(schema: Any) -> Any:  # noqa: ANN401 - JSON
    """The same for those who write documents: no key may be there that is not described."""
    match schema:
        case {"properties": dict()}:
            return {name: closed(value) for name, value in schema.items()} | {"additionalProperties": False}
        case dict():
            return {name: closed(value) for name, value in schema.items()}
        case list():
            return [closed(value) for value in schema]
        case _:
            return schema
