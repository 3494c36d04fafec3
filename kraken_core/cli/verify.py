"""``kraken-history verify``: does everything that is held agree?"""

from __future__ import annotations

from typing import Any

import click

from kraken_core.cli.options import CliContext, common, selecting
from kraken_core.cli.output import echo, print_json, print_table, progress


@click.command(epilog="\b\nExample:\n  kraken-history verify\n  kraken-history verify --tier TIER1 --intervals 60,1440")
@selecting
@click.option("--report-only", is_flag=True, help="Withdraw and grade nothing; also works beside a running job.")
@common
def verify(ctx: CliContext, *, report_only: bool, **selection: Any) -> int:  # noqa: ANN401 - the options of selecting
    """Hold series against each other and the ledger against the candles; exit 1 where anything is wrong.

    A claim of no trades that another interval contradicts is withdrawn, and becomes a gap. What agrees, and what is
    suspicious, grades the evidence: see kraken-history report.
    """
    with ctx.workbench() as workbench, progress(ctx) as report:
        from kraken_core.workbench import documents

        found = workbench.verify(report_only=report_only, progress=report, **selection)
    if ctx.as_json:
        print_json(documents.verification_document(found))
    else:
        print_table(("check", "series", "checked", "failed"), (check[:4] for check in found.checks))
        for check in found.checks:
            for example in check.examples:
                echo(f"{check.name}: {example}")
    if found.note:
        ctx.say(found.note[0].upper() + found.note[1:])
    return 0 if found.ok else 1
