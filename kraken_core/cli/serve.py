"""``kraken-history serve``: the home for other programs, over HTTP."""

from __future__ import annotations

import click

from kraken_core.cli.options import CliContext, common
from kraken_core.cli.output import print_json

EXAMPLE = """\b
Example:
  kraken-history serve
  kraken-history serve --port 8700 --quiet
"""


@click.command(epilog=EXAMPLE)
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65_535),
    default=8600,
    show_default=True,
    help="The port; 0 picks a free one.",
)
@click.option(
    "--allow-host", "allowed", metavar="NAME", multiple=True, help="A name it is reached by too; may be repeated."
)
@common
def serve(ctx: CliContext, *, host: str, port: int, allowed: tuple[str, ...]) -> None:
    """Answer other programs over HTTP, read-only.

    Pairs, coverage, gaps, completeness, candles (JSON or Arrow), evidence, jobs and metrics; /openapi.json describes
    them. On another address than this machine's own a token is needed: KRAKEN_SERVE_TOKEN. Ctrl-C stops it.
    """
    from kraken_core import Workbench
    from kraken_core.serving.http import server

    with Workbench.open(ctx.home, read_only=True) as workbench:
        token = workbench.settings.serve_token
        rules = server.access_rules(host, allowed, token)
        home = workbench.settings.home
        if not home.is_dir():
            from kraken_core.domain.errors import UsageError

            raise UsageError(f"there is no home at {home}: name one with --home, or ingest an archive first.")
        _ = workbench.jobs()  # a ledger that cannot be read is refused before anybody asks
        listening = server.listen(host, port)
        url = server.url_of(listening)

        def began() -> None:
            if ctx.as_json:
                print_json({"url": url, "token_needed": bool(token)})
            ctx.say(f"Serving {home} at {url}, read-only{' and with a token' if token else ''} (Ctrl-C stops it)")

        server.serve(workbench, listening, rules, began)
        ctx.say("Stopped.")
