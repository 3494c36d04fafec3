"""Manual pages: every command has one, with all its help has."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from kraken_core.cli.main import cli
from scripts.man_pages import main


@pytest.mark.filterwarnings("ignore:'click.utils.make_default_short_help':DeprecationWarning")  # click-man's own use
def test_every_command_has_a_page_with_each_option_and_its_example(tmp_path: Path) -> None:
    main(tmp_path)
    assert {page.name for page in tmp_path.iterdir()} == {
        "kraken-history.1",
        *(f"kraken-history-{name}.1" for name in cli.commands),
    }
    for name, command in cli.commands.items():
        page = (tmp_path / f"kraken-history-{name}.1").read_text().replace("\\-", "-")
        options = [param for param in command.params if isinstance(param, click.Option) and not param.hidden]
        assert [word for option in options for word in option.opts if word not in page] == []
        assert ".SH EXAMPLE" in page, name
        assert "..." not in page.split(".SH SYNOPSIS")[0], "a summary is whole"
