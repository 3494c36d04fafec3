"""What a shell completes, as click works it out, and once as a real bash shows it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from kraken_core.cli.completion import PROGRAM, SHELLS, VARIABLE
from kraken_core.cli.main import cli
from tests.support.command_line import Kraken

TYPED = """
eval "$(kraken-history completion bash)"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_kraken_history_completion kraken-history
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(*typed: str, home: Path) -> list[str]:
    """What is offered for the last of the words typed."""
    *before, last = typed
    options = ["--home", str(home)] if before else []
    offered = BashComplete(cli, {}, PROGRAM, VARIABLE).get_completions([*before[:1], *options, *before[1:]], last)
    return [str(item.value) for item in offered]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (("che",), ["check-certificate"]),
        (("report", "--pairs", "btc/"), ["BTC/EUR", "BTC/USD"]),
        (("report", "--pairs", "BTC/EUR,BTC"), ["BTC/EUR,BTC/USD"]),
        (("gaps", "--intervals", "1h,1"), ["1h,1m", "1h,15m", "1h,12h", "1h,1d"]),
        (("ingest", "--tier", "A"), ["ALL"]),
        (("verify", "--tiers", "TIER1,TIER"), ["TIER1,TIER2", "TIER1,TIER3", "TIER1,TIER4"]),
        (("ingest", "--expe"), ["--expected"]),
        (("undo", ""), ["1"]),
        (("ingest", "--resume", ""), ["1"]),
    ],
)
def test_a_shell_completes_commands_options_and_what_a_home_has(
    full_home: Path, typed: tuple[str, ...], offered: list[str]
) -> None:
    assert completed(*typed, home=full_home) == offered


def test_completing_makes_no_home_and_says_nothing_where_one_cannot_be_read(tmp_path: Path) -> None:
    assert completed("report", "--pairs", "B", home=tmp_path / "none") == []
    assert not (tmp_path / "none").exists()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "ledger.db").write_bytes(b"no database" * 100)
    assert completed("report", "--pairs", "B", home=tmp_path / "broken") == []


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_bash_shows_it(full_home: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    words = ["bash", "--norc", "-c", TYPED, "bash", "kraken-history", "report", "--pairs", "BTC/EUR,BTC"]
    environment = os.environ | {"KRAKEN_HOME": str(full_home), "PATH": path}
    shown = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert (shown.stdout, shown.stderr) == ("BTC/EUR,BTC/USD\n", "")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_has_its_script(kraken: Kraken, shell: str) -> None:
    assert VARIABLE in kraken("completion", shell).out
