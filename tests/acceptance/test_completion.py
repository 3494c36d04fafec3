"""What a shell completes: asked of a real bash, with the script that users source."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kraken_core.cli.completion import SHELLS
from tests.support.command_line import Kraken

TYPED = """
eval "$(kraken-history completion bash)"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_kraken_history_completion kraken-history
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(*typed: str, home: Path) -> list[str]:
    """What bash offers for the last of the words typed."""
    environment = os.environ | {"KRAKEN_HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    asked = ["bash", "--norc", "-c", TYPED, "bash", "kraken-history", *typed]
    done = subprocess.run(asked, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
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


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_completing_makes_no_home_and_says_nothing_where_one_cannot_be_read(tmp_path: Path) -> None:
    assert completed("report", "--pairs", "B", home=tmp_path / "none") == [""]
    assert not (tmp_path / "none").exists()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "ledger.sqlite").write_bytes(b"no database" * 100)
    assert completed("report", "--pairs", "B", home=tmp_path / "broken") == [""]


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_has_its_script(kraken: Kraken, shell: str) -> None:
    assert "_KRAKEN_HISTORY_COMPLETE" in kraken("completion", shell).out
