"""What a stranger reads first: a verdict, a suggestion, a unit; and nothing that has to be decoded."""

from __future__ import annotations

import pytest

from kraken_core.domain.verification.checks import MEANINGS
from tests.support.command_line import Kraken


def test_verifying_ends_in_a_verdict_and_explains_each_check(full: Kraken) -> None:
    said = full("verify")
    for name, meaning in MEANINGS.items():
        assert any(name in line and meaning in line for line in said.out.splitlines()), name
    assert said.out.splitlines()[-1] == f"OK: all {len(MEANINGS)} checks passed."


@pytest.mark.parametrize("command", [("report",), ("coverage",), ("gaps",), ("export", "--to", "out")])
def test_a_mistyped_pair_gets_a_suggestion(full: Kraken, command: tuple[str, ...]) -> None:
    said = full(*command, "--pairs", "BTTC/USD")
    assert (said.out, said.err) == ("", "No data of BTTC/USD. Did you mean BTC/USD?\n")


def test_a_pair_like_no_other_gets_the_list_and_one_that_is_there_its_answer(full: Kraken) -> None:
    said = full("coverage", "--pairs", "BTC/USD,QQQ/JPY", "--intervals", "1d")
    assert said.err.startswith("No data of QQQ/JPY. List the stored pairs: kraken-history pairs\n")
    assert "BTC/USD" in said.out
    assert "1d" in said.out


def test_jobs_show_their_duration_and_the_time_zone(full: Kraken) -> None:
    said = full("jobs").out
    assert "created (UTC)" in said
    assert "duration" in said
    assert said.splitlines()[-2].split()[-1] == "s"
