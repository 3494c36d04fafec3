"""``kraken-history verify``: does everything that is stored agree?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kraken_core.cli.options import CliContext, common, selected, selecting
from kraken_core.cli.output import echo, print_json, print_table, progress

if TYPE_CHECKING:
    from kraken_core.domain.verification.checks import Verification

OF_CANDLES = "unique"  # the check that counts all candles that were looked at


@click.command(epilog="\b\nExample:\n  kraken-history verify\n  kraken-history verify --tier TIER1 --intervals 1h,1d")
@selecting
@click.option("--report-only", is_flag=True, help="Only report; also works beside a running job.")
@common
def verify(ctx: CliContext, *, report_only: bool, **selection: Any) -> int:  # noqa: ANN401 - the options of selecting
    """Cross-check candles, coverage and the ledger.

    Exit 1 if a check fails. A claim of no trades that another interval contradicts is withdrawn, and becomes a gap.
    What agrees, and what is suspicious, grades the evidence: see kraken-history report.
    """
    with ctx.workbench() as workbench, selected(workbench, selection):
        from kraken_core.workbench import documents

        with progress(ctx) as report:
            found = workbench.verify(report_only=report_only, progress=report, **selection)
        if ctx.as_json:
            print_json(documents.verification_document(found))
        else:
            _print_checks(found)
        if found.note:
            ctx.say(found.note[0].upper() + found.note[1:])
    return 0 if found.ok else 1


def _print_checks(found: Verification) -> None:
    """A line for each check with what it means, then examples of what was found, then the verdict."""
    from kraken_core.domain.plural import counted
    from kraken_core.domain.verification.checks import MEANINGS, Outcome

    print_table(
        ("check", "status", "series", "checked", "failed", "meaning"),
        (
            (
                check.name,
                check.outcome.value,
                check.series,
                check.checked,
                check.failed,
                MEANINGS[check.name],
            )
            for check in found.checks
        ),
        folding="meaning",
    )
    for check in found.checks:
        for example in check.examples:
            echo(f"{check.name}: {example}")
    unchecked = [check.name for check in found.checks if check.outcome is Outcome.NOT_CHECKED]
    wrong = [check.name for check in found.checks if check.failed]
    checks = counted(len(found.checks), "check")
    if wrong:
        echo(f"FAILED: {len(wrong):,} of {checks}: {', '.join(wrong)}.")
    elif any(check.checked for check in found.checks if check.name == OF_CANDLES):
        passed = f"{len(found.checks) - len(unchecked):,} of {checks}" if unchecked else f"all {checks}"
        echo(f"OK: {passed} passed.")
    else:
        echo("No candle was checked: none of the selection is stored. See kraken-history coverage.")
        unchecked = []
    if unchecked:
        echo(f"Not checked, as there was nothing to compare: {', '.join(unchecked)}.")
    if found.files_left:
        left = counted(found.files_left, "file")
        echo(f"Not checked: {left} of the table without any candle of the selection. All: kraken-history verify.")
