"""Options that several commands share, and the value that carries them."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kraken_core.cli import completion
from kraken_core.domain.untrusted import VisibleFormatter, visible

if TYPE_CHECKING:
    from kraken_core.domain.request import Selection
    from kraken_core.workbench import Workbench

R = TypeVar("R")


NUMBER = click.IntRange(1, 2**31 - 1)  # of a job or a gap, as the ledger counts them


class Words(click.ParamType[tuple[str, ...]]):
    """A comma-separated list."""

    name = "A,B,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:  # noqa: ANN401 - click's signature
        """The items, without blanks around them; none is empty."""
        if isinstance(value, tuple):
            return value
        words = tuple(word.strip() for word in str(value).split(",") if word.strip())
        if not words:
            self.fail("it is empty: leave the option out, or name something", param, ctx)
        return words


class Length(click.ParamType[int]):
    """A length of time, in minutes: 2d, 12h, 90m."""

    name = "2d, 12h, …"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401 - click's signature
        """Minutes; a bare number is minutes already."""
        from kraken_core.domain.errors import UsageError
        from kraken_core.domain.interval_text import parse_length

        try:
            return parse_length(value)
        except UsageError:
            self.fail(f"{value!r} is not a length of time: use 2d, 12h or 90m", param, ctx)


@dataclass(frozen=True, slots=True)
class CliContext:
    """The options of every command: where the home is, and how to print."""

    home: str | None
    as_json: bool
    quiet: bool
    verbose: bool

    def workbench(self) -> Workbench:
        """The home's workbench. To be closed."""
        from kraken_core import Workbench

        return Workbench.open(self.home)

    def say(self, message: str) -> None:
        """A message for the user, on stderr."""
        if not self.quiet:
            click.echo(visible(message), err=True)


@contextmanager
def selected(workbench: Workbench, selection: Mapping[str, Any], *, gated: bool = False) -> Iterator[Selection]:
    """What is selected. Raises UsageError where pairs are named that the home does not have: nothing is known of them.

    Where others are named too, it is raised once what there is of those was printed; not at all where a gate, which is
    ``gated``, refuses what is not there.
    """
    with workbench.undisturbed():
        chosen = workbench.select(**selection)
        unknown = workbench.holdings.unknown_pairs(chosen)
        if gated or not unknown or len(unknown) < len(chosen.pairs):
            yield chosen
        if not gated:
            workbench.holdings.check_known(chosen)


def common(command: Callable[..., R]) -> Callable[..., R]:
    """Add --home, --json, --quiet and --verbose; the command gets them as its first argument."""

    @click.option("--home", metavar="DIR", help="The home directory (else KRAKEN_HOME, else ./kraken-data).")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else.")
    @click.option("--quiet", "-q", is_flag=True, help="No messages and no progress on stderr.")
    @click.option("--verbose", "-v", is_flag=True, help="Log to stderr too, with tracebacks.")
    @functools.wraps(command)
    def wrapped(*args: Any, home: str | None, as_json: bool, quiet: bool, verbose: bool, **kwargs: Any) -> R:  # noqa: ANN401 - passed on
        if verbose:
            handler = logging.StreamHandler(sys.stderr)
            handler.setFormatter(VisibleFormatter("%(levelname)s %(message)s"))
            log = logging.getLogger("kraken_core")
            log.addHandler(handler)
            log.setLevel(logging.DEBUG)
        return command(CliContext(home, as_json, quiet, verbose), *args, **kwargs)

    return wrapped


def selecting(
    command: Callable[..., R], first_day: str = "First UTC day (default: from the start)."
) -> Callable[..., R]:
    """Add the options that select series and days."""
    options = (
        click.option(
            "--tier", metavar="T", shell_complete=completion.tiers, help="One tier, such as TIER1; ALL is every pair."
        ),
        click.option("--tiers", type=Words(), default=(), shell_complete=completion.tiers, help="Several tiers."),
        click.option(
            "--pairs", type=Words(), default=(), shell_complete=completion.pairs, help="Pairs, such as BTC/USD,ETHEUR."
        ),
        click.option("--quotes", type=Words(), default=(), help="Only pairs quoted in these, such as USD,EUR."),
        click.option(
            "--intervals",
            type=Words(),
            default=(),
            shell_complete=completion.intervals,
            help="From 1m,5m,15m,30m,1h,4h,12h,1d, or minutes (default all).",
        ),
        click.option("--start-date", metavar="DATE", help=first_day),
        click.option("--end-date", metavar="DATE", help="Last UTC day, included (default today)."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def asking(
    command: Callable[..., R], most: str = "Most requests to the exchange (default 1,000; with --complete no limit)."
) -> Callable[..., R]:
    """Add the options that limit requests to the exchange."""
    trades = click.option(
        "--trades/--no-trades",
        default=True,
        help="Request trades where the exchange has no candles (default), or candles only.",
    )
    limit = click.option("--max-requests", metavar="N", type=click.IntRange(min=0), help=most)
    return trades(limit(command))


def at_an_instant(command: Callable[..., R]) -> Callable[..., R]:
    """Add the option that asks for what was known at an instant."""
    return click.option(
        "--as-known-at",
        metavar="TIME",
        help="What was known then, before later jobs: 2024-01-31T12:00:00Z (a date is its first moment, UTC).",
    )(command)


def graded(command: Callable[..., R]) -> Callable[..., R]:
    """Add the option that requires a grade of evidence."""
    return click.option(
        "--evidence",
        type=click.Choice(["proved", "confirmed", "claimed"]),
        help="Count as complete only what has evidence of this grade or better (default claimed).",
    )(command)
