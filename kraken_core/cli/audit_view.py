"""An audit on a terminal: its planned requests, and its outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kraken_core.cli.output import echo, print_json, print_table

if TYPE_CHECKING:
    from kraken_core.cli.options import CliContext
    from kraken_core.pipeline.audit import AuditOutcome
    from kraken_core.pipeline.run import JobResult
    from kraken_core.workbench import Workbench
    from kraken_core.workbench.jobs.audit_plan import AuditPlan

LISTED = 50  # rows of each kind on a terminal
EVERYTHING = 1_000_000


def print_plan(ctx: CliContext, plan: AuditPlan) -> None:
    """The requests an audit would make."""
    from kraken_core.domain.formatting import duration
    from kraken_core.domain.plural import counted
    from kraken_core.workbench import documents

    if ctx.as_json:
        print_json(documents.audit_plan_document(plan))
        return
    most = f", {plan.at_most:,} at most" if plan.at_most is not None else ""
    echo(
        f"{counted(len(plan.covered), 'pair')}: {counted(plan.requests, 'request')} for both ends stored{most}; "
        f"that takes {duration(plan.estimated_seconds)} at least. Nothing was requested."
    )


def print_outcome(ctx: CliContext, workbench: Workbench, result: JobResult) -> int:
    """The outcome of an audit; returns the exit code: 1 where anything differs."""
    from kraken_core.domain.audit_summary import findings
    from kraken_core.pipeline.audit import AuditOutcome
    from kraken_core.workbench import documents

    found = result.audit or AuditOutcome()
    differing = findings(found.spans)
    named = workbench.audits.findings(differing, EVERYTHING if ctx.as_json else LISTED)
    if ctx.as_json:
        print_json(documents.audit_document(result, found, named))
    else:
        _print_tables(found)
        for finding in named:
            echo(finding.description)
        _more(len(differing))
    for pair, problem in sorted(found.problems.items()):
        ctx.say(problem if str(pair) in problem else f"{pair}: {problem}")
    _advise(ctx, found, located=result.job.request.locate, differing=bool(differing))
    return 1 if differing else 0


def _print_tables(found: AuditOutcome) -> None:
    """The finest interval of each pair, the least proved first, and its months that are not proved as a whole."""
    from kraken_core.domain.audit_summary import by_month, summaries
    from kraken_core.domain.formatting import percent
    from kraken_core.domain.interval_units import short
    from kraken_core.domain.market import Pair, Series

    counts = summaries(found.spans)
    finest: dict[Pair, Series] = {}
    for series in counts:
        finest.setdefault(series.pair, series)
    rows = sorted(finest.values(), key=lambda series: counts[series].proved / counts[series].slots)
    print_table(
        ("pair", "interval", "audited", "proved", "more by ids", "fewer by ids", "not compared"),
        (
            (str(series.pair), short(series.interval), n.slots, percent(n.proved / n.slots), n.more, n.fewer, n.unknown)
            for series, n in ((series, counts[series]) for series in rows[:LISTED])
        ),
    )
    _more(len(rows))
    months = [
        (str(series.pair), month, short(series.interval), n.slots, percent(n.proved / n.slots))
        for (series, month), n in by_month(found.spans).items()
        if series == finest[series.pair]
    ]
    if months:
        echo("Months that are not proved as a whole:")
        print_table(("pair", "month", "interval", "audited", "proved"), months[:LISTED])
        _more(len(months))


def _more(rows: int) -> None:
    if rows > LISTED:
        echo(f"… and {rows - LISTED:,} more: use --json for all.")


def _advise(ctx: CliContext, found: AuditOutcome, *, located: bool, differing: bool) -> None:
    from kraken_core.domain.plural import counted

    if found.withdrawn:
        slots = sum(ranges.slots(series.width) for series, ranges in found.withdrawn.items())
        ctx.say(
            f"{counted(slots, 'candle')} with missing trades became gaps: kraken-history backfill reads their trades "
            "again, and recognises ids that no trade has."
        )
    if found.left:
        ctx.say(f"{counted(found.left, 'pair')} not fully audited: allow more with --max-requests, and audit again.")
    elif differing and not located:
        ctx.say("Find the candles that differ with: kraken-history audit --locate")
