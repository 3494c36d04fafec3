"""What a stranger reads first: a verdict, a suggestion, a unit; and nothing that has to be decoded."""

from __future__ import annotations

import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import UsageError
from kraken_core.domain.verification.checks import MEANINGS
from tests.support.command_line import Kraken, refused


def test_verifying_ends_in_a_verdict_and_explains_each_check(full: Kraken) -> None:
    said = full("verify")
    for name, meaning in MEANINGS.items():
        assert any(name in line and meaning in line for line in said.out.splitlines()), name
    checks = full("verify", "--json").json["checks"]
    unchecked = [check["name"] for check in checks if not check["checked"]]
    assert "trade ids" in unchecked, "nothing was audited"
    verdict, left_out = said.out.splitlines()[-2:]
    assert verdict == f"OK: {len(checks) - len(unchecked)} of {len(checks)} checks passed."
    assert left_out == f"Not checked, as there was nothing to compare: {', '.join(unchecked)}."
    for name in unchecked:
        [line] = [line for line in said.out.splitlines() if MEANINGS[name] in line]
        assert "not checked" in line


OF_PAIRS = [
    *("coverage", "gaps", "silences", "price-findings", "conditions", "verify", "certify", "audit", "expect"),
    *("export --to out", "copy --to out"),
]


@pytest.mark.parametrize("command", OF_PAIRS)
def test_a_mistyped_pair_gets_a_suggestion_and_never_a_clean_bill(full: Kraken, command: str) -> None:
    for words in (command, f"{command} --json --quiet"):
        said = full(*words.split(), "--pairs", "BTTC/USD", code=2)
        assert refused(said) == "kraken-history: No data of BTTC/USD. Did you mean BTC/USD?"


def test_a_report_has_named_pairs_that_are_not_there_at_nothing_with_the_reason(full: Kraken) -> None:
    words = ("--pairs", "BTTC/USD,BTC/USD", "--intervals", "1h,1d")
    said = full("report", *words, "--json", code=2)
    rows = {(row["pair"], row["interval"]): row for row in said.json}
    assert len(rows) == 4
    for interval in (60, 1440):
        row = rows["BTTC/USD", interval]
        assert (row["completeness"], row["covered"]) == (0, 0)
        assert row["missing"] == row["wanted"] > 0
        assert row["reason"] == "it was never ingested: did you mean BTC/USD?"
        assert rows["BTC/USD", interval]["completeness"] > 0
    assert said.err.endswith("No data of BTTC/USD. Did you mean BTC/USD?\n")
    assert "BTTC/USD" in full("report", "--pairs", "BTTC/USD", code=2).out
    full("report", *words, "--fail-under", "1", code=4)
    with Workbench.open(full.home) as workbench:
        completeness = workbench.completeness(pairs=["BTTC/USD"], intervals=["1h"])
    assert list(completeness["completeness"]) == [0]


def test_a_report_of_an_empty_home_has_no_such_pair(kraken: Kraken) -> None:
    assert "No data of BTC/USD" in kraken("report", "--pairs", "BTC/USD", code=2).err


@pytest.mark.parametrize(
    "before", ["--json", "--quiet --json", "--json -v", "--json --home={home}", "--home {home} --json"]
)
def test_options_of_every_command_may_come_before_it(full: Kraken, before: str) -> None:
    assert full(*before.format(home=full.home).split(), "coverage").json == full("coverage", "--json").json


def test_nothing_is_verified_in_python_of_a_pair_that_is_not_there(full: Kraken) -> None:
    with Workbench.open(full.home) as workbench, pytest.raises(UsageError, match="Did you mean BTC/USD"):
        workbench.verify(pairs=["BTC/USD", "BTTC/USD"], report_only=True)


def test_a_pair_like_no_other_gets_the_list_and_one_that_is_there_its_answer(full: Kraken) -> None:
    said = full("coverage", "--pairs", "BTC/USD,QQQ/JPY,BTTC/USD,QQ/EUR", "--intervals", "1d", code=2)
    suggested = "No data of BTTC/USD. Did you mean BTC/USD? "
    assert said.err.endswith(f"{suggested}No data of QQQ/JPY, QQ/EUR. List the stored pairs: kraken-history pairs\n")
    assert "BTC/USD" in said.out
    assert "1d" in said.out


def test_verifying_what_is_not_stored_says_that_no_candle_was_checked(one_release: Kraken) -> None:
    said = one_release("verify", "--start-date", "2019-01-01", "--end-date", "2019-01-02").out
    assert "No candle was checked: none of the selection is stored. See kraken-history coverage." in said.splitlines()
    assert "OK" not in said


def test_jobs_show_their_duration_and_the_time_zone(full: Kraken) -> None:
    said = full("jobs").out
    assert "created (UTC)" in said
    assert "duration" in said
    assert said.splitlines()[-2].split()[-1] == "s"
