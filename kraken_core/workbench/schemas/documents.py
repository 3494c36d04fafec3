"""Every document of ``--json``: which command prints it, and its schema."""

from __future__ import annotations

from typing import Any, NamedTuple

from kraken_core.domain.audit import AuditVerdict
from kraken_core.domain.audit_summary import AuditCounts
from kraken_core.domain.certificates.candle_hashes import MonthHash
from kraken_core.domain.certificates.certificate import FORMAT
from kraken_core.domain.differences import Disagreement
from kraken_core.domain.grades import Grade
from kraken_core.domain.kept_trades import TradeSource
from kraken_core.domain.plan import Action
from kraken_core.domain.universe import TradingEvidence
from kraken_core.workbench import documents
from kraken_core.workbench.health.doctor import Status
from kraken_core.workbench.queries.trades import COVERAGE
from kraken_core.workbench.schemas import rows
from kraken_core.workbench.schemas.parts import (
    COUNT,
    INTEGER,
    MINUTES,
    NUMBER,
    PAIR,
    TEXT,
    TIME,
    YES_OR_NO,
    Schema,
    array,
    mapping,
    nullable,
    one_of,
    record,
    row_of,
    said,
)


class Document(NamedTuple):
    """A document by its name: the command lines that print it, each as one writes them, and its schema."""

    name: str
    printed_by: tuple[str, ...]
    schema: Schema

    @property
    def published(self) -> dict[str, Any]:
        """The schema as it is published, a file each."""
        lines = " or ".join(f"kraken-history {line}" for line in self.printed_by)
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.name,
            "description": f"What {lines} prints. Later versions may add keys.",
            **self.schema,
        }


_SERIES = {"pair": PAIR, "interval": MINUTES}
_SPAN = {"start": TIME, "end": TIME}
_SOURCES = {
    "ignored": array(record({"path": TEXT, "reason": TEXT, "count": COUNT, "examples": array(TEXT)})),
    "notes": array(TEXT),
}
_SECONDS = record(dict.fromkeys(documents.TIMED, NUMBER))
_DIFFERENCE = record({f: TEXT if f in {"kept", "other"} else NUMBER for f in Disagreement._fields})
_RESULT = record(
    {
        "job_id": INTEGER,
        "status": rows.JOB["properties"]["status"],
        "as_of": TIME,
        "tiers": array(TEXT),
        "intervals": array(MINUTES),
        **rows.METRICS,
        "api": rows.API,
        "completeness": rows.SLOTS,
        "differences": array(_DIFFERENCE),
        "seconds": _SECONDS,
        "download_list": nullable(TEXT),
        "error": nullable(TEXT),
        **_SOURCES,
    }
)
_PLAN = record(
    {
        "files": array(
            record({"path": TEXT, "member": TEXT, **_SERIES, "bytes": COUNT, "action": one_of(Action), "reason": TEXT})
        ),
        "gaps": array(rows.GAP),
        "requests": COUNT,
        "requests_at_most": nullable(COUNT),
        "download_bytes": COUNT,
        "disk_bytes": COUNT,
        "estimated_seconds": NUMBER,
        **_SOURCES,
    }
)
_ROUND = record(
    {"job": nullable(rows.JOB), "failed": nullable(TEXT), "skipped": nullable(TEXT), "gaps": array(rows.GAP)}
)
_PHASE = record({"job": nullable(rows.JOB), "live": YES_OR_NO, "failed": nullable(TEXT)})
_CHANGE = record(
    {**_SERIES, "before": nullable(rows.SLOTS), "after": nullable(rows.SLOTS), "wanted": INTEGER, "missing": INTEGER}
)
_AUDITED = dict.fromkeys(AuditCounts._fields, COUNT)
_AUDIT = record(
    {
        "job_id": INTEGER,
        "as_of": TIME,
        "api": rows.API,
        "series": array(record({**_SERIES, **_AUDITED})),
        "months": array(record({**_SERIES, "month": TEXT, **_AUDITED})),
        "findings": array(
            record(
                {
                    **_SERIES,
                    **_SPAN,
                    **dict.fromkeys(("slots", "stored"), COUNT),
                    "by_ids": nullable(INTEGER),
                    "verdict": one_of(AuditVerdict),
                    "sources": array(TEXT),
                }
            )
        ),
        "problems": said(mapping(TEXT), "why pairs could not be requested, by pair"),
        "withdrawn": COUNT,
        "left": COUNT,
        "ok": YES_OR_NO,
    }
)
_AUDIT_PLAN = record(
    {"pairs": array(PAIR), "requests": COUNT, "requests_at_most": nullable(COUNT), "estimated_seconds": NUMBER}
)
_CHECKS = record(
    {"name": TEXT, "series": COUNT, "checked": COUNT, "failed": COUNT, "examples": array(TEXT)},
)
_RANGES = array(array(TIME))
_CERTIFICATE = record(
    {
        "format": one_of([FORMAT]),
        **_SPAN,
        "as_of": nullable(TIME),
        "software": TEXT,
        "root": TEXT,
        "seal": TEXT,
        "series": array(
            record(
                {
                    **_SERIES,
                    "coverage": record(dict.fromkeys((grade.value for grade in Grade), _RANGES), tuple(Grade)),
                    "claims": array(record({"source": TEXT, "evidence": TEXT, "proved": YES_OR_NO, "ranges": _RANGES})),
                    "gaps": _RANGES,
                    "months": array(record({f: COUNT if f == "candles" else TEXT for f in MonthHash._fields})),
                }
            )
        ),
    }
)
_CHECKED = record(
    {
        "equal": YES_OR_NO,
        "root": TEXT,
        "months": record({"equal": COUNT, "differing": COUNT}),
        "differences": array(
            record(
                {
                    **_SERIES,
                    "month": TEXT,
                    "certified": nullable(COUNT),
                    "found": nullable(COUNT),
                    "first": TIME,
                    "exact": YES_OR_NO,
                }
            )
        ),
        "statements": array(record({**_SERIES, "what": TEXT})),
    }
)
_NAME = record(
    {
        "pair": PAIR,
        "start": nullable(TIME),
        "end": nullable(TIME),
        "factor": NUMBER,
        "certain": YES_OR_NO,
        "source": nullable(TEXT),
        "note": nullable(TEXT),
    }
)
_BY = nullable(one_of(TradingEvidence))
_UNIVERSE = record(
    {
        "at": TIME,
        "pairs": array(
            record(
                {
                    "pair": PAIR,
                    "base": TEXT,
                    "quote": TEXT,
                    "tier": nullable(TEXT),
                    "tokenized": YES_OR_NO,
                    "evidence": TEXT,
                    "last_candle": nullable(TIME),
                    "listed": nullable(TIME),
                    "listed_by": _BY,
                    "delisted": nullable(TIME),
                    "delisted_by": _BY,
                    "seen": nullable(TIME),
                    "gone": nullable(TIME),
                    "status": nullable(TEXT),
                    "statuses": array(record({"at": TIME, "status": TEXT})),
                    "became": TEXT,
                    "now": PAIR,
                    "names": array(_NAME),
                }
            )
        ),
        "unknown": array(PAIR),
    }
)
_EXPECTATION = record(
    {
        **_SERIES,
        "expected": YES_OR_NO,
        "start": nullable(TIME),
        "end": nullable(TIME),
        "limit": nullable(one_of(["none", "days"])),
    }
)
_VERIFICATION = record(
    {
        "checks": array(_CHECKS),
        "files": said(
            record({"checked": COUNT, "left": COUNT}), "of the candle table; those left have no selected series"
        ),
        "ok": YES_OR_NO,
    }
)
_DIAGNOSIS = record(
    {
        "checks": array(record({"name": TEXT, "status": one_of(Status), "message": TEXT})),
        "settings": array(record({"setting": TEXT, "value": TEXT, "origin": TEXT})),
        "ok": YES_OR_NO,
        "repairs": array(TEXT),
    },
    ("repairs",),
)
_EXPORTED = record({"path": TEXT, "candles": COUNT, "filled": COUNT, "missing": COUNT, "doubtful": COUNT})
_COPIED = record({**_SERIES, "candles": COUNT, "written": COUNT, "checksum": TEXT})
_EXCHANGE = record(
    {
        "exchange": TEXT,
        "title": TEXT,
        "url": said(TEXT, "of its API, as the settings have it"),
        "intervals": array(MINUTES),
        "newest": said(nullable(INTEGER), "how many candles back can be requested; null where any time can"),
        "trades": said(YES_OR_NO, "candles are made of its trades too"),
        "stored_pairs": COUNT,
    }
)
_HOURS = record({"start": TIME, "end": TIME})
_FUNDING = record(
    {
        "pair": PAIR,
        "start": said(nullable(TIME), "the hour of the first rate that is stored"),
        "end": said(nullable(TIME), "the end of that of the last"),
        "rates": COUNT,
        "missing": said(COUNT, "hours between without a rate"),
        "gaps": said(array(_HOURS), "these hours, as ranges"),
        "new": said(COUNT, "with --update"),
        "changed": said(COUNT, "with --update: rates that were others before"),
        "skipped": said(array(TEXT), "with --update: rates that cannot be read, or differ of one instant"),
        "problem": said(nullable(TEXT), "with --update: why nothing came"),
    },
    ("new", "changed", "skipped", "problem"),
)
_TIER = record({"tier": TEXT, "assets": array(TEXT), "pairs_held": COUNT, "candles": COUNT})
_SIMULATION = record(
    {"paths": array(TEXT), "holes": array(TEXT), "url": TEXT, "ws_url": said(TEXT, "its WebSocket")}, ("url", "ws_url")
)
_ADOPTED = record(dict.fromkeys(("series", "candles", "proven", "misplaced"), COUNT))
_BACKUP = record(
    {
        "folder": TEXT,
        "saved_at": TIME,
        "table": TEXT,
        **dict.fromkeys(("version", "files", "copied", "bytes"), COUNT),
        "damaged": said(array(TEXT), "files of candles that were missing or damaged, and are not saved"),
        "ledger_is_older": said(YES_OR_NO, "than the candle table beside it"),
    }
)
_EXACT = said(TEXT, "a decimal, exact")
_TRADE = record(
    {
        "time": said(TIME, "to the nanosecond"),
        "id": nullable(COUNT),
        "price": _EXACT,
        "volume": _EXACT,
        "side": nullable(one_of(("buy", "sell"))),
        "order_type": nullable(one_of(("market", "limit"))),
        "source": one_of(TradeSource),
    }
)
_BAR = record(
    {
        **dict.fromkeys(("time", "end"), TIME),
        **dict.fromkeys(("open", "high", "low", "close", "volume", "quote_volume"), NUMBER),
        "vwap": nullable(NUMBER),
        "trades": COUNT,
        "complete": YES_OR_NO,
    }
)
_SQL_ROWS = array(said({"type": "object"}, "a row, by the columns of the query"))
DOCUMENTS = (
    Document("result", ("ingest", "backfill", "ingest-sequential", "backfill-gaps"), _RESULT),
    Document("plan", ("ingest --dry-run", "backfill --dry-run"), _PLAN),
    Document(
        "job", ("ingest --detach", "backfill --detach", "audit --detach", "pause", "resume", "cancel", "undo"), rows.JOB
    ),
    Document("jobs", ("jobs",), array(rows.JOB)),
    Document("rounds", ("watch",), array(_ROUND)),
    Document("phases", ("live",), array(_PHASE)),
    Document("test-notice", ("watch --test-notice",), record({"sent": COUNT, "failures": array(TEXT)})),
    Document("coverage", ("coverage",), array(rows.COVERAGE)),
    Document("gaps", ("gaps",), array(rows.GAP)),
    Document("report", ("report",), array(rows.COMPLETENESS)),
    Document("report-changes", ("report --compare",), array(_CHANGE)),
    Document("expectations", ("expect",), array(_EXPECTATION)),
    Document("silences", ("silences",), array(rows.SILENCE)),
    Document("price-findings", ("price-findings",), array(rows.PRICE_FINDING)),
    Document("incidents", ("incidents",), array(rows.INCIDENT)),
    Document("conditions", ("conditions",), array(rows.CONDITION)),
    Document("verification", ("verify",), _VERIFICATION),
    Document("certificate", ("certify",), _CERTIFICATE),
    Document("certificate-check", ("check-certificate",), _CHECKED),
    Document("citation", ("cite",), record({"root": TEXT, "citation": TEXT})),
    Document("audit", ("audit",), _AUDIT),
    Document("audit-plan", ("audit --dry-run",), _AUDIT_PLAN),
    Document("export", ("export",), array(_EXPORTED)),
    Document("copy", ("copy",), array(_COPIED)),
    Document("import-assetprice", ("import-assetprice",), _ADOPTED),
    Document("sql", ("sql",), _SQL_ROWS),
    Document("trade-coverage", ("trades",), array(row_of(COVERAGE))),
    Document("trades", ("trades PAIR",), array(_TRADE)),
    Document("bars", ("trades PAIR --bars",), array(_BAR)),
    Document("pairs", ("pairs",), array(rows.STORED_PAIR)),
    Document("tiers", ("tiers",), array(_TIER)),
    Document("exchanges", ("exchanges",), array(_EXCHANGE)),
    Document("funding-rates", ("funding-rates",), array(_FUNDING)),
    Document("universe", ("universe",), _UNIVERSE),
    Document("simulation", ("simulate",), _SIMULATION),
    Document("backup", ("backup", "restore"), _BACKUP),
    Document("diagnosis", ("doctor",), _DIAGNOSIS),
    Document("dashboard", ("app",), record({"url": TEXT})),
    Document("server", ("serve",), record({"url": TEXT, "token_needed": YES_OR_NO})),
)
