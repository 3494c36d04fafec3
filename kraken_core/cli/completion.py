"""``kraken-history completion``: completing of commands, options and what a home has, in a shell."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click
from click.shell_completion import BashComplete, CompletionItem, FishComplete, ZshComplete

if TYPE_CHECKING:
    from kraken_core.workbench import Workbench

SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
PROGRAM = "kraken-history"
VARIABLE = "_KRAKEN_HISTORY_COMPLETE"  # what click's scripts call the program with

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


@click.command(epilog="\b\nExample:\n  kraken-history completion bash")
@click.argument("shell", type=click.Choice(list(SHELLS)))
def completion(shell: str) -> None:
    """Print the script that completes commands in a shell.

    It completes commands, options, tiers, pairs, intervals and the numbers of jobs. Append it to ~/.bashrc or ~/.zshrc,
    or save it as ~/.config/fish/completions/kraken-history.fish, and open a new shell.
    """
    whole = click.get_current_context().find_root().command
    click.echo(SHELLS[shell](whole, {}, PROGRAM, VARIABLE).source())


def of_home(values: Callable[[Workbench], Iterable[tuple[str, str]]]) -> Complete:
    """Completes a comma-separated list of what a home has: each value with what it is; nothing where it has none."""

    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from kraken_core import Workbench
        from kraken_core.domain.errors import KrakenError

        try:
            with Workbench.open(ctx.params.get("home")) as workbench:
                return _listed(values(workbench), incomplete)
        except KrakenError:  # a shell has no place for it, and the command itself will say it
            return []

    return complete


def intervals(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes a comma-separated list of intervals."""
    from kraken_core.domain.interval_units import short
    from kraken_core.domain.market import INTERVALS

    return _listed(((short(interval), "") for interval in INTERVALS), incomplete)


def _listed(values: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem]:
    """What continues the last item of a list, and is not in it before."""
    before, comma, last = incomplete.rpartition(",")
    named = set(before.upper().split(","))
    return [
        CompletionItem(f"{before}{comma}{value}", help=meaning)
        for value, meaning in values
        if value.upper().startswith(last.upper()) and value.upper() not in named
    ]


pairs = of_home(lambda workbench: ((str(record.pair), "") for record in workbench.pairs()))
tiers = of_home(lambda workbench: ((name, "") for name in (*workbench.tiers.names, "ALL")))
jobs = of_home(lambda workbench: ((str(job.id), job.status.value.lower()) for job in workbench.jobs()))
