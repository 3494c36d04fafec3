"""``kraken-history mcp``: the home for assistants."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import click

from kraken_core.cli.options import CliContext, common


@click.command(epilog="\b\nExample:\n  kraken-history mcp --home /srv/kraken")
@click.option("--allow-jobs", is_flag=True, help="Let the assistant start backfills, not only plan them.")
@common
def mcp(ctx: CliContext, *, allow_jobs: bool) -> None:
    """Answer an assistant over stdin and stdout (MCP).

    Tools: is_complete, explain_slot, gaps, candles, plan_backfill. Answers cite the claims they rest on. The home is
    opened read-only; with --allow-jobs a plan may be started. An assistant starts this command by itself: name it in
    its settings.
    """
    from kraken_core import Workbench
    from kraken_core.domain.errors import UsageError

    if find_spec("mcp") is None:
        raise UsageError(
            "this command needs the library mcp, which is not installed: pip install 'kraken-history-workbench[mcp]'. "
            "All other commands work without it."
        )
    with Workbench.open(ctx.home, read_only=not allow_jobs) as workbench:
        home = workbench.settings.home
        if not home.is_dir():
            raise UsageError(f"there is no home at {home}: name one with --home, or ingest an archive first.")
        from kraken_core.serving.assistants import server
        from kraken_core.serving.assistants.tools import Tools

        if sys.stdin.isatty():
            ctx.say("This command answers an assistant over stdin and stdout; Ctrl-C ends it.")
        server.serve(Tools(workbench, allow_jobs))
