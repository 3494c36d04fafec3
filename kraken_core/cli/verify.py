"""``kraken verify``: does everything that is held agree?"""

from __future__ import annotations

from typing import Any

import click

from kraken_core.cli.options import Common, common, selecting
from kraken_core.cli.output import print_json, print_table, progress


@click.command(epilog="\b\nExample:\n  kraken verify\n  kraken verify --tier TIER1 --intervals 60,1440")
@selecting
@common
def verify(told: Common, **selection: Any) -> int:  # noqa: ANN401 - the options of selecting
    """Hold series against each other and the ledger against the candles; exit 1 where anything is wrong."""
    with told.workbench() as workbench, progress(told) as report:
        from kraken_core.workbench import rows

        found = workbench.verify(progress=report, **selection)
    if told.as_json:
        print_json(rows.verification_document(found))
    else:
        print_table(("check", "series", "checked", "failed"), (check[:4] for check in found.checks))
        for check in found.checks:
            for example in check.examples:
                click.echo(f"{check.name}: {example}")
    return 0 if found.ok else 1
