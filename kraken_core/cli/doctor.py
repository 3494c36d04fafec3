"""``kraken-history doctor``: is everything in a state in which jobs can run?"""

from __future__ import annotations

import click

from kraken_core.cli.options import CliContext, common
from kraken_core.cli.output import echo, print_json, print_table


@click.command(epilog="\b\nExample:\n  kraken-history doctor\n  kraken-history doctor --repair")
@click.option("--repair", is_flag=True, help="Repair what can be repaired, then check. Not while a job runs.")
@common
def doctor(ctx: CliContext, *, repair: bool) -> int:
    """Check settings, ledger, table, disk, exchange and jobs.

    Also versions, home and clock. Exit 1 on a problem.
    """
    from kraken_core.workbench.health.doctor import Diagnosis, examine
    from kraken_core.workbench.health.repair import Repaired
    from kraken_core.workbench.health.repair import repair as mend

    repaired = mend(ctx.home) if repair else Repaired()
    checks, settings = examine(ctx.home)
    found = Diagnosis((*checks, *repaired.checks), settings)
    if ctx.as_json:
        document = {
            "checks": [check._asdict() for check in found.checks],
            "settings": [setting._asdict() for setting in found.settings],
            "ok": found.ok,
        }
        print_json({**document, "repairs": repaired.done} if repair else document)
    else:
        if settings:
            print_table(("setting", "value", "from"), settings, folding="value")
        print_table(("check", "status", "what"), found.checks, folding="what")
        for done in repaired.done:
            echo(f"Repaired: {done}")
    return 0 if found.ok else 1
