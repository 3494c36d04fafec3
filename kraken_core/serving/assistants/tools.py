"""The tools: what an assistant may ask of a home. Answers are documents that cite the claims they rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kraken_core.domain.completeness_answer import completeness_answer
from kraken_core.domain.errors import UsageError
from kraken_core.domain.interval_text import parse_length
from kraken_core.domain.interval_units import short
from kraken_core.domain.timerange import TimeRange, iso
from kraken_core.workbench import documents
from kraken_core.workbench.slot_document import claim_row, incomplete_rows, slot_document

if TYPE_CHECKING:
    from kraken_core.domain.errors import IncompleteError
    from kraken_core.domain.plan import IngestionPlan
    from kraken_core.workbench import Workbench

NAMED = 50  # gaps, ranges and claims of an answer; there is a total beside them
MOST_CANDLES = 1000  # of an answer


@dataclass(frozen=True, slots=True)
class Tools:
    """Answers about a home; plans become jobs only where jobs are allowed."""

    workbench: Workbench
    jobs_allowed: bool = False

    def is_complete(
        self,
        pair: str | None = None,
        interval: str | None = None,
        start: str | None = None,
        end: str | None = None,
        evidence: str = "claimed",
    ) -> dict[str, Any]:
        """Whether candles are complete: of a pair at an interval in [start, end), or, without a pair, of all pairs.

        Complete means that every slot in the pair's life is covered by a source and none is doubtful. ``evidence`` asks
        for a grade: claimed (one source says so), confirmed (two agree) or proved (by trade ids). Without an end, up to
        the last detection. The answer says what is missing and why, and cites the claims that cover the rest.
        """
        self.workbench.refresh()
        if (pair is None) != (interval is None):
            raise UsageError("name both a pair and an interval, or neither for everything stored.")
        if pair is None or interval is None:
            if start or end or evidence != "claimed":
                raise UsageError("dates and evidence are of a pair at an interval: name both.")
            report = self.workbench.holdings.report(self.workbench.select())
            answer = completeness_answer((line.series, line.counts) for line in report.series)
            worst = [documents.report_row(line) for line in report.worst[:NAMED]]
            return {"complete": answer.is_yes, "answer": answer.text, "as_of": self._as_of, "least_complete": worst}
        span = self.workbench.span(pair, start, end)
        found = self.workbench.incomplete(pair, interval, span.start, span.end, evidence=evidence)
        cited = self._claims(pair, interval, span)
        name = f"{self.workbench.pair(pair)} {short(parse_length(interval))}"
        return {
            "complete": found is None,
            "answer": str(found) if found else _complete(name, span, evidence, cited["claims"]),
            "as_of": self._as_of,
            **_incomplete(found),
            **cited,
        }

    def explain_slot(self, pair: str, interval: str, at: str) -> dict[str, Any]:
        """Why the candle at an instant is there or not: traded, no trades, missing, or outside the pair's life.

        ``interval`` is one of 1m, 5m, 15m, 30m, 1h, 4h, 12h, 1d; ``at`` a UTC time such as 2024-01-31T12:00:00Z. Says
        how good the evidence is, cites the claims, and says of a missing slot what would fill it.
        """
        self.workbench.refresh()
        return slot_document(self.workbench.explain(pair, interval, at))

    def gaps(
        self,
        pairs: list[str] | None = None,
        tier: str | None = None,
        intervals: list[str] | None = None,
        start_date: str | None = None,
        end_date: str | None = None,
    ) -> dict[str, Any]:
        """What is missing, as ranges, with the route that would fill each, of a selection or of everything stored.

        Routes: derive (from finer candles), ohlc and trades (requests to the exchange), download (an archive), none.
        The first 50 are listed; ``total`` and ``candles`` count all.
        """
        self.workbench.refresh()
        chosen = self.workbench.select(
            pairs=pairs or (), tier=tier, intervals=intervals or (), start_date=start_date, end_date=end_date
        )
        self.workbench.holdings.check_known(chosen)
        found = self.workbench.holdings.gaps(chosen)
        return {
            "as_of": self._as_of,
            "total": len(found),
            "candles": sum(gap.candles for gap in found),
            "gaps": [documents.gap_row(gap) for gap in found[:NAMED]],
        }

    def candles(
        self, pair: str, interval: str, start: str | None = None, end: str | None = None, limit: int = 100
    ) -> dict[str, Any]:
        """Candles that open in [start, end), of the first ``limit`` slots (up to 1,000), and whether they are complete.

        Slots without trades have no candle; missing ones have none either, and are listed as ``missing``. Go on at
        ``next_start``, null at the end. ``complete`` is null while a job changes candles: ask again then. Cites the
        claims that cover them.
        """
        self.workbench.refresh()
        if not 1 <= limit <= MOST_CANDLES:
            raise UsageError(f"limit is {limit}; it must be from 1 to {MOST_CANDLES:,}.")
        slots, version = self.workbench.first_slots(pair, interval, start, end, limit), self.workbench.version
        read = self.workbench.candles(pair, interval, slots.start, slots.end, to="polars")
        found = self.workbench.incomplete(pair, interval, slots.start, slots.end)
        return {
            "pair": str(self.workbench.pair(pair)),
            "interval": parse_length(interval),
            "candles": read.with_columns(read["time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")).to_dicts(),
            "complete": found is None if self.workbench.version == version else None,
            **_incomplete(found),
            "next_start": iso(slots.following) if slots.following else None,
            **self._claims(pair, interval, TimeRange(slots.start, slots.end)),
        }

    def plan_backfill(  # noqa: PLR0917 - a tool's arguments are given by name
        self,
        pairs: list[str] | None = None,
        tier: str | None = None,
        intervals: list[str] | None = None,
        start_date: str | None = None,
        end_date: str | None = None,
        max_requests: int | None = None,
        start: bool = False,  # noqa: FBT001, FBT002 - see above
    ) -> dict[str, Any]:
        """What filling the open gaps of a selection would take: requests to the exchange, time, disk. Starts nothing.

        With ``start`` the plan becomes a job that runs by itself, where whoever started this server allows that; else
        the answer names the command that does it.
        """
        if start and not self.jobs_allowed:
            raise UsageError(
                "jobs are not allowed here: run the command that the plan names, or start this server with "
                "kraken-history mcp --allow-jobs."
            )
        self.workbench.refresh()
        selection = {"pairs": pairs or (), "tier": tier, "intervals": intervals or ()}
        days = {"start_date": start_date, "end_date": end_date}
        request = self.workbench.backfill_request(**selection, **days, max_requests=max_requests)
        plan = self.workbench.runner.build_plan(request)
        job = self.workbench.run_detached(plan) if start else None
        return {
            "gaps": len(plan.gaps),
            "candles": sum(gap.candles for gap in plan.gaps),
            "requests": plan.requests,
            "requests_at_most": plan.at_most if plan.limit is None else plan.limit,
            "estimated_seconds": round(plan.estimated_seconds, 1),
            "disk_bytes": plan.disk_bytes,
            "notes": list(plan.all_notes),
            "command": _command(plan, max_requests),
            "job": None if job is None else documents.job_row(job),
        }

    @property
    def _as_of(self) -> str | None:
        as_of = self.workbench.holdings.as_of
        return None if as_of is None else iso(as_of)

    def _claims(self, pair: str, interval: str, span: TimeRange) -> dict[str, Any]:
        in_force = [claim for claim in self.workbench.claims(pair, interval, span) if claim.in_force]
        return {"claims": [claim_row(claim) for claim in in_force[:NAMED]], "claims_in_force": len(in_force)}


def _complete(name: str, span: TimeRange, evidence: str, claims: Sequence[Mapping[str, Any]]) -> str:
    if not claims:
        return f"No candle of {name} is expected in {span}: that is outside the life of the pair."
    ids = ", ".join(str(claim["id"]) for claim in claims)
    return f"{name} is complete in {span}, on evidence as good as {evidence}, by claim {ids}."


def _incomplete(found: IncompleteError | None) -> dict[str, Any]:
    rows = incomplete_rows(found)
    return {"missing": rows[:NAMED], "missing_ranges": len(rows)}


def _command(plan: IngestionPlan, max_requests: int | None) -> str:
    """The command that does what the plan says."""
    request = plan.request
    options = {
        "--tiers": ",".join(request.tiers),
        "--pairs": ",".join(map(str, request.pairs)),
        "--intervals": ",".join(map(short, request.intervals)),
        "--start-date": request.start_date and request.start_date.isoformat(),
        "--end-date": request.end_date and request.end_date.isoformat(),
        "--max-requests": max_requests,
    }
    return " ".join(["kraken-history backfill", *(f"{name} {value}" for name, value in options.items() if value)])
