"""Writes a manual page for each command, from its help, into a folder: ``make man``."""

from __future__ import annotations

import sys
from copy import copy
from importlib.metadata import version
from pathlib import Path

import click
from click_man.core import write_man_pages

from kraken_core import DISTRIBUTION
from kraken_core.cli.completion import PROGRAM
from kraken_core.cli.main import cli

WHOLE = 200  # characters of a summary: none is that long, and by default those of a page end in dots


def main(folder: Path) -> None:
    """Write them all; what is in the folder already is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = copy(cli)
    whole.commands = {name: _with_whole_summary(command) for name, command in cli.commands.items()}
    write_man_pages(PROGRAM, whole, version=version(DISTRIBUTION), target_dir=str(folder))
    for name, command in cli.commands.items():
        example = [line.strip() for line in (command.epilog or "").splitlines() if line.strip().startswith(PROGRAM)]
        if example:
            with (folder / f"{PROGRAM}-{name}.1").open("a", encoding="utf-8") as page:
                page.write(".SH EXAMPLE\n.nf\n" + "\n".join(line.replace("\\", "\\e") for line in example) + "\n.fi\n")


def _with_whole_summary(command: click.Command) -> click.Command:
    summarised = copy(command)
    summarised.short_help = command.get_short_help_str(WHOLE)
    return summarised


if __name__ == "__main__":
    main(Path(sys.argv[1]))
