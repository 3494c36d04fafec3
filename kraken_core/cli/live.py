"""``kraken-history live``: keep a history current as trades happen."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kraken_core.cli.execute import pausing
from kraken_core.cli.notifying import metrics_kept, notifying, recipients, send_test
from kraken_core.cli.options import CliContext, Length, asking, common, selecting
from kraken_core.cli.output import print_json

if TYPE_CHECKING:
    from kraken_core.pipeline.live import LiveProgress
    from kraken_core.workbench.live.live import LivePhase

METRICS_EVERY_S = 60
EXAMPLE = """\b
Example:
  kraken-history live --pairs BTC/USD,ETH/USD --intervals 1m,1h,1d
"""


@click.command(epilog=EXAMPLE)
@selecting
@partial(asking, most="Most requests to the exchange a job (default 1,000).")
@click.option(
    "--catch-up-every",
    type=Length(),
    default="1h",
    show_default=True,
    help="How often a job fills what trade ids could not prove.",
)
@partial(notifying, how_often="every minute")
@click.option("--phases", metavar="N", type=click.IntRange(1), help="Stop after this many jobs (default: at Ctrl-C).")
@common
def live(
    ctx: CliContext,
    *,
    catch_up_every: int,
    phases: int | None,
    metrics_file: Path | None,
    webhook: str | None,
    command: str | None,
    test_notice: bool,
    **selection: Any,  # noqa: ANN401 - what Workbench.request takes
) -> int:
    """Keep a history current as trades happen.

    First a job fills what is missing. Then trades are streamed, and each minute is stored once it has closed and
    settled and the ids of its trades are consecutive: its grade is proved. What the stream loses is requested at once.
    Stopped or killed, the next start fills what is missing. Notifies a webhook or a command when the stream is
    degraded, when a job fails, when all is well again, and of pairs that are halted, delisted or refused.
    """
    notify = recipients(webhook, command)
    if test_notice:
        return send_test(ctx, notify)
    with (
        ctx.workbench() as workbench,
        pausing(ctx, "Ending live") as stopped,
        metrics_kept(ctx, workbench, metrics_file) as update,
    ):
        from kraken_core.workbench.live.live import LiveHistory
        from kraken_core.workbench.watch.schedule import TEST

        workbench.request(**selection)  # a wrong request is refused before anything begins
        history = LiveHistory(
            workbench,
            selection,
            stopped.is_set,
            stopped.wait,
            lambda progress: ctx.say(_progress_line(progress)),
            catch_up_every * 60,
            notify=notify,
            observed=_seldom(update),
        )
        signal.signal(TEST, lambda *_: history.test_notice())
        ctx.say("Catching up by REST first (kraken-history jobs shows how far it is); then live, until Ctrl-C.")
        done = []
        with closing(history.phases()) as all_phases:
            for number, each in enumerate(all_phases, start=1):
                done.append(_row(each))
                ctx.say(_line(each))
                if number == phases:
                    break
        if ctx.as_json:
            print_json(done)
        return 1 if done and done[-1]["failed"] else 0


def _seldom(update: Callable[[], None]) -> Callable[[], None]:
    """The same, left out where it was called within the last minute: it counts all that is covered."""
    last = 0.0

    def observed() -> None:
        nonlocal last
        if (now := time.monotonic()) - last >= METRICS_EVERY_S:
            last = now
            update()

    return observed


def _progress_line(progress: LiveProgress) -> str:
    from kraken_core.domain.plural import counted
    from kraken_core.domain.timerange import iso

    waiting = f", {counted(progress.waiting, 'pair')} waiting for missing trades" if progress.waiting else ""
    return f"Stored up to {iso(progress.until)}: {counted(progress.metrics.records_ingested, 'new candle')}{waiting}."


def _line(done: LivePhase) -> str:
    from kraken_core.domain.plural import counted

    what = "Live" if done.live else "Caught up"
    if not done.job:
        return f"{what}: failed: {done.failed}"
    metrics = done.job.metrics
    failed = f" Failed: {done.failed}" if done.failed else ""
    new = f"{counted(metrics.records_ingested, 'new candle')}, {metrics.records_changed:,} changed"
    return f"{what} (job {done.job.id}): {new}, {counted(metrics.requests, 'request')}.{failed}"


def _row(done: LivePhase) -> dict[str, Any]:
    from kraken_core.workbench import documents

    return {
        "job": documents.job_row(done.job) if done.job else None,
        "live": done.live,
        "failed": done.failed or None,
    }
