"""What ``watch`` and ``live`` share: notices to a webhook or a command, and metrics in a file."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from kraken_core.cli.options import CliContext
from kraken_core.cli.output import print_json

if TYPE_CHECKING:
    from kraken_core.workbench import Workbench
    from kraken_core.workbench.watch.notices import Notify

R = TypeVar("R")


def notifying(command: Callable[..., R], how_often: str = "after each round") -> Callable[..., R]:
    """Add --metrics-file, --webhook, --command and --test-notice."""
    options = (
        click.option(
            "--metrics-file",
            metavar="PATH",
            type=click.Path(dir_okay=False, path_type=Path),
            help=f"Write metrics for Prometheus to this file {how_often}.",
        ),
        click.option(
            "--webhook", metavar="URL", envvar="KRAKEN_WATCH_WEBHOOK", help="Post notices to this address, as JSON."
        ),
        click.option("--command", metavar="ARGV", help="Run this for each notice, passed as JSON on stdin (no shell)."),
        click.option("--test-notice", is_flag=True, help="Send a test notice, and do nothing else."),
    )
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), command)


@contextmanager
def metrics_kept(ctx: CliContext, workbench: Workbench, path: Path | None) -> Iterator[Callable[[], None]]:
    """Writes metrics to a file, if one is named, whenever it is called, and at the end, when all is over."""
    from kraken_core.workbench.monitoring.metrics_file import MetricsFile

    if path is None:
        yield lambda: None
        return
    file = MetricsFile(path, workbench.metrics)
    file.begin()

    def update() -> None:
        if problem := file.update():
            ctx.say(f"{problem[0].upper()}{problem[1:]}.")

    try:
        yield update
    finally:
        update()


def recipients(webhook: str | None, command: str | None) -> list[Notify]:
    """Those that are named. Raises UsageError for what is no address or no command line."""
    from kraken_core.workbench.watch import notices

    return notices.recipients(webhook, command)


def send_test(ctx: CliContext, notify: list[Notify]) -> int:
    """Send a test notice; the exit code."""
    from kraken_core.workbench.watch.notices import TEST_NOTICE, send

    if not notify:
        raise click.UsageError("--test-notice needs --webhook or --command: there is nobody to notify.")
    failures = send(TEST_NOTICE, notify)
    for failure in failures:
        ctx.say(f"Failed: {failure}")
    ctx.say(f"A test notice was sent to {len(notify) - len(failures)} of {len(notify)}.")
    if ctx.as_json:
        print_json({"sent": len(notify) - len(failures), "failures": failures})
    return 1 if failures else 0
