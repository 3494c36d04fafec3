"""``kraken-history``: the group of all commands, and the one place where errors become exit codes."""

from __future__ import annotations

import logging
import os
import sys

import click

from kraken_core import DISTRIBUTION
from kraken_core.cli.app import app
from kraken_core.cli.audit import audit
from kraken_core.cli.backfill import backfill
from kraken_core.cli.backup import backup, restore
from kraken_core.cli.certify import certify, check_certificate, cite
from kraken_core.cli.completion import VARIABLE, completion
from kraken_core.cli.control import cancel, pause, resume
from kraken_core.cli.data import export, sql
from kraken_core.cli.deprecated import backfill_gaps, ingest_sequential
from kraken_core.cli.doctor import doctor
from kraken_core.cli.expect import expect
from kraken_core.cli.funding import funding_rates
from kraken_core.cli.history import coverage, gaps
from kraken_core.cli.ingest import ingest
from kraken_core.cli.jobs import jobs
from kraken_core.cli.live import live
from kraken_core.cli.markets import exchanges, pairs, tiers
from kraken_core.cli.mcp import mcp
from kraken_core.cli.report import report
from kraken_core.cli.serve import serve
from kraken_core.cli.silences import silences
from kraken_core.cli.simulate import simulate
from kraken_core.cli.trades import trades
from kraken_core.cli.transfer import copy, import_assetprice
from kraken_core.cli.undo import undo
from kraken_core.cli.universe import universe
from kraken_core.cli.values import conditions, incidents, price_findings
from kraken_core.cli.verify import verify
from kraken_core.cli.watch import watch
from kraken_core.domain.errors import KrakenError
from kraken_core.domain.gc_pause import collect_rarely
from kraken_core.domain.untrusted import visible

_STOPPED = "stopped: what was written by then is kept, and the same command may be run again"
LONGEST = 500  # characters of one word in a message, which may quote whatever was typed
LOG = logging.getLogger("kraken_core")
EVERYWHERE = {  # the options of every command, see options.common: whether each takes a value
    "--home": True,
    **dict.fromkeys(("--json", "--quiet", "-q", "--verbose", "-v"), False),
}
EXAMPLE = """\b
Example:
  kraken-history ingest --csv-source-dir Kraken_OHLCVT.zip --tier TIER1 --yes
  kraken-history report
"""


class Commands(click.Group):
    """All commands; the options that each has (``--home``, ``--json``, …) may stand before its name too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments, such options moved behind the command."""
        given = list(args)
        moved: list[str] = []
        while given and (takes_value := EVERYWHERE.get(given[0].partition("=")[0])) is not None:
            size = 2 if takes_value and "=" not in given[0] else 1
            moved += given[:size]
            del given[:size]
        if moved and not given:
            raise click.UsageError(f"{moved[0]} is an option of a command: name one.", ctx)
        return super().parse_args(ctx, [*given[:1], *moved, *given[1:]])


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=EXAMPLE,
)
@click.version_option(package_name=DISTRIBUTION, prog_name="kraken-history")
def cli() -> None:
    """A complete history of Kraken's market data: ingest it, prove it complete, repair it."""


for command in (
    ingest,
    watch,
    live,
    backfill,
    jobs,
    pause,
    resume,
    cancel,
    undo,
    coverage,
    gaps,
    report,
    expect,
    silences,
    price_findings,
    incidents,
    conditions,
    verify,
    certify,
    check_certificate,
    cite,
    audit,
    export,
    copy,
    import_assetprice,
    sql,
    trades,
    pairs,
    tiers,
    exchanges,
    funding_rates,
    universe,
    simulate,
    ingest_sequential,
    backfill_gaps,
    doctor,
    backup,
    restore,
    app,
    serve,
    mcp,
    completion,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line, and exit: 0 done, 1 failed, 2 wrong use or bad input, 3 paused, 4 incomplete."""
    collect_rarely()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; returns its exit code. Errors are one line on stderr, and a traceback only with --verbose."""
    before = {*LOG.handlers}
    try:
        return _run(arguments)
    finally:
        for of_verbose in {*LOG.handlers} - before:  # to which errors were still written
            LOG.removeHandler(of_verbose)


def _run(arguments: list[str]) -> int:
    try:
        result = cli.main(
            arguments or ["--help"], prog_name="kraken-history", complete_var=VARIABLE, standalone_mode=False
        )
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        where = f" (see: {context.command_path} --help)" if context else ""
        _say(f"{error.format_message().rstrip('.')}{where}")
        return error.exit_code
    except click.Abort as stopped:  # by Ctrl-C, or a question that was not answered with yes
        _say(_STOPPED if isinstance(stopped.__cause__, KeyboardInterrupt) else "not confirmed: nothing was done")
        return 3
    except KrakenError as error:
        _say(str(error))
        return error.exit_code
    except BrokenPipeError:  # whoever read our output closed it: there is nowhere to write to
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        LOG.debug("unexpected", exc_info=True)
        _say(f"unexpected {type(error).__name__}: {error}. What was committed is kept; --verbose shows the details.")
        return 1
    return result if isinstance(result, int) else 0


def _say(message: str) -> None:
    colour = False if os.environ.get("NO_COLOR") else None  # None: as the stream can
    words = (word if len(word) <= LONGEST else f"{word[:LONGEST]}…" for word in message.split())
    click.echo(click.style("kraken-history: ", bold=True) + visible(" ".join(words)), err=True, color=colour)
