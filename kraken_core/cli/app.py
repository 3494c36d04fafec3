"""``kraken-history app``: the dashboard."""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import click

from kraken_core.cli.options import CliContext, common
from kraken_core.cli.output import print_json

ADDRESS = "127.0.0.1"
CHECKOUT = Path(__file__).parents[2]
INSTALLED = Path(__file__).parents[1] / "_dashboard"  # where a wheel has what lies at the top of a checkout


@click.command(epilog="\b\nExample:\n  kraken-history app\n  kraken-history app --port 8502 --no-browser")
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(1, 65_535),
    default=8501,
    show_default=True,
    help="The port to serve it on.",
)
@click.option("--browser/--no-browser", default=True, help="Open a browser, or only print the address.")
@common
def app(ctx: CliContext, *, port: int, browser: bool) -> None:
    """Start the dashboard on this machine.

    It is served on 127.0.0.1 only. Ctrl-C stops it; running jobs continue.
    """
    from kraken_core.domain.errors import UsageError

    root = INSTALLED if INSTALLED.exists() else CHECKOUT
    script, config = root / "app" / "main.py", root / ".streamlit" / "config.toml"
    if not script.exists() or not config.exists():
        raise UsageError(f"the dashboard is not installed in {root}: install the project as its README says.")
    with ctx.workbench() as workbench:
        home = workbench.settings.home
    url = f"http://{ADDRESS}:{port}"
    if ctx.as_json:
        print_json({"url": url})
    ctx.say(f"Dashboard of {home}: {url} (Ctrl-C stops it; running jobs continue)")
    headless = [] if browser else ["--server.headless=true"]
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(script), f"--server.port={port}", *headless]
    paths = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])  # where "app" is imported from
    environment = {**streamlit_settings(config), **os.environ, "KRAKEN_HOME": str(home), "PYTHONPATH": paths}
    _become([*command, "--logger.hideWelcomeMessage=true"], environment)


def streamlit_settings(config: Path) -> dict[str, str]:
    """A ``config.toml`` of Streamlit as the environment variables it reads.

    Streamlit itself looks for the file in the working directory, and the dashboard needs the same settings
    and protection wherever it is started.
    """
    return dict(_variables(tomllib.loads(config.read_text(encoding="utf-8")), "STREAMLIT"))


def _variables(table: Mapping[str, Any], name: str) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        variable = f"{name}_{re.sub('(?<=[a-z])(?=[A-Z])', '_', key).upper()}"
        match value:
            case dict():
                yield from _variables(value, variable)
            case list() if not name.startswith("STREAMLIT_THEME"):  # Streamlit reads the theme's lists as JSON
                yield variable, " ".join(value)
            case str():
                yield variable, value
            case _:
                yield variable, json.dumps(value)


def _become(command: list[str], environment: dict[str, str]) -> NoReturn:
    """Become the server: it gets the signals, and its exit code is ours. Its output is for people, so on stderr."""
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    os.execve(command[0], command, environment)  # noqa: S606 - a list, never a shell line
