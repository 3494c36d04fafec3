"""``kraken app``: the dashboard."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import click

from kraken_core.cli.options import CliContext, common
from kraken_core.cli.output import print_json

ADDRESS = "127.0.0.1"


@click.command(epilog="\b\nExample:\n  kraken app\n  kraken app --port 8600 --no-browser")
@click.option("--port", type=click.IntRange(1, 65_535), default=8501, show_default=True, help="Where it answers.")
@click.option("--browser/--no-browser", default=True, help="Open a browser, or only say where the dashboard is.")
@common
def app(ctx: CliContext, *, port: int, browser: bool) -> None:
    """Start the dashboard of a home on this machine; Ctrl-C ends it, and no job.

    It answers on 127.0.0.1 only.
    """
    from kraken_core.domain.errors import UsageError

    script = Path(__file__).parents[2] / "app" / "main.py"
    if not script.exists() or not find_spec("streamlit"):
        raise UsageError("the dashboard is not installed here: install the project as its README says.")
    with ctx.workbench() as workbench:
        home = workbench.settings.home
    url = f"http://{ADDRESS}:{port}"
    if ctx.as_json:
        print_json({"url": url})
    ctx.say(f"The dashboard of {home} is at {url}; Ctrl-C ends it, and no job.")
    headless = [] if browser else ["--server.headless=true"]
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(script), f"--server.port={port}", *headless]
    _become([*command, "--logger.hideWelcomeMessage=true"], {**os.environ, "KRAKEN_HOME": str(home)})


def _become(command: list[str], environment: dict[str, str]) -> NoReturn:
    """Be the server from here on: signals reach it, and its end is ours. What it says is for people, so on stderr."""
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    os.execve(command[0], command, environment)  # noqa: S606 - a list, never a shell line
