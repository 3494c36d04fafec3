"""``kraken-history watch``: keep a history up to date, and notify when that fails."""

from __future__ import annotations

import signal
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kraken_core.cli.execute import pausing
from kraken_core.cli.notifying import metrics_kept, notifying, recipients, send_test
from kraken_core.cli.options import CliContext, Length, asking, common, selecting
from kraken_core.cli.output import print_json
from kraken_core.domain.errors import LedgerAwayError

if TYPE_CHECKING:
    from kraken_core.workbench.watch.watch import Round

EXAMPLE = """\b
Example:
  kraken-history watch --tier TIER1 --every 1h --command "mail -s kraken me@example.org"
"""


@click.command(epilog=EXAMPLE)
@selecting
@click.option(
    "--csv-source-dir",
    "--source",
    "sources",
    metavar="PATH",
    multiple=True,
    help="Archives to check; may be repeated.",
)
@click.option(
    "--api-backfill/--no-api-backfill", default=True, help="Query the exchange (default), or use no network for it."
)
@partial(asking, most="Most requests to the exchange a job (default 1,000).")
@click.option(
    "--every", type=Length(), default="1h", show_default=True, help="From the start of one round to the next."
)
@click.option("--jitter", type=Length(), help="Random delay up to this (default: a tenth of --every).")
@click.option("--rounds", metavar="N", type=click.IntRange(1), help="Stop after this many (default: at Ctrl-C).")
@notifying
@common
def watch(
    ctx: CliContext,
    *,
    sources: tuple[str, ...],
    every: int,
    jitter: int | None,
    rounds: int | None,
    metrics_file: Path | None,
    webhook: str | None,
    command: str | None,
    test_notice: bool,
    **selection: Any,  # noqa: ANN401 - what Workbench.request takes
) -> int:
    """Keep a history up to date on a schedule.

    Rounds never overlap. Notifies a webhook or a command when a round fails (the exchange was not reached, say), when
    rounds succeed again, and when there are new gaps that this watch does not fill.
    """
    notify = recipients(webhook, command)
    if test_notice:
        return send_test(ctx, notify)
    with ctx.workbench() as workbench, pausing(ctx, "Ending the watch") as stopped:
        from kraken_core.workbench.watch.schedule import TEST
        from kraken_core.workbench.watch.watch import Watch

        request = {**selection, "sources": sources or None, "incremental": True}
        with suppress(LedgerAwayError):  # which the first round notifies of
            workbench.request(**request)  # a wrong request would fail at every round
        late = every * 6 if jitter is None else jitter * 60
        watching = Watch(workbench, request, every * 60, late, stopped.wait, stopped.is_set, notify)
        signal.signal(TEST, lambda *_: watching.test_notice())
        done = []
        with metrics_kept(ctx, workbench, metrics_file) as update, closing(watching.rounds()) as all_rounds:
            for number, each in enumerate(all_rounds, start=1):
                done.append(_row(each))
                ctx.say(_line(each))
                update()
                if number == rounds:
                    break
        if ctx.as_json:
            print_json(done)
        return 1 if any(row["failed"] for row in done) else 0


def _line(done: Round) -> str:
    from kraken_core.domain.plural import counted

    if done.skipped:
        return f"Skipped: {done.skipped}"
    if not done.job:
        return f"Failed: {done.failed}"
    metrics = done.job.metrics
    new = f"{counted(metrics.records_ingested, 'new candle')}, {metrics.records_changed:,} changed"
    gaps = f"{counted(metrics.gaps_filled, 'gap')} filled, {metrics.gaps_open:,} open"
    gaps += f", {len(done.gaps):,} of them new, which this watch does not fill" if done.gaps else ""
    failed = f" Failed: {done.failed}" if done.failed else ""
    return f"Job {done.job.id}: {new}; {gaps}.{failed}"


def _row(done: Round) -> dict[str, Any]:
    from kraken_core.workbench import documents

    return {
        "job": documents.job_row(done.job) if done.job else None,
        "failed": done.failed,
        "skipped": done.skipped,
        "gaps": [documents.gap_row(gap) for gap in done.gaps],
    }
