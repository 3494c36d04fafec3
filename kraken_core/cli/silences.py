"""``kraken-history silences``: the spans in which nothing traded, with what explains them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kraken_core.cli.options import CliContext, at_an_instant, common, selected, selecting
from kraken_core.cli.output import echo, print_json, print_table

LONGEST = 50  # rows on a terminal


@click.command(
    epilog="\b\nExample:\n  kraken-history silences --pairs BTC/USD --intervals 1h --at-least 3\n"
    "  kraken-history silences --pairs BTC/USD --intervals 1h --csv silences.csv"
)
@selecting
@click.option(
    "--at-least",
    metavar="N",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Only spans of so many candles or more.",
)
@click.option("--csv", "file", metavar="FILE", type=click.Path(path_type=Path), help="Write all of them to a file.")
@at_an_instant
@common
def silences(
    ctx: CliContext,
    *,
    at_least: int,
    file: Path | None,
    as_known_at: str | None,
    **selection: Any,  # noqa: ANN401 - see selecting
) -> None:
    """Spans that are covered, and in which nothing traded.

    A span is suspicious where the pair's own rate makes trades likely and nothing explains why there are none: its
    candles are doubtful, not complete. It reads the candles of the selection.
    """
    with ctx.workbench() as workbench, selected(workbench, selection) as chosen:
        from kraken_core.workbench.documents import silence_row

        rows = [silence_row(each) for each in workbench.silent_spans(chosen, at_least, as_known_at)]
        if file:
            _write(file, rows)
            ctx.say(f"{len(rows):,} spans without trades are in {file}.")
        if ctx.as_json:
            print_json(rows)
        elif not rows:
            echo("Nothing of the selection is covered and without trades.")
        elif not file:
            rows.sort(key=lambda row: (row["kind"] != "suspicious", -row["slots"]))  # else by series and time
            print_table(list(rows[0]), map(_cells, rows[:LONGEST]))
            if len(rows) > LONGEST:
                ctx.say(f"{len(rows) - LONGEST:,} more: --at-least leaves short ones out, --csv writes all of them.")


def _cells(row: dict[str, Any]) -> list[object]:
    from kraken_core.domain.interval_units import short

    times = (row[name][:16].replace("T", " ") for name in ("start", "end"))
    return [row["pair"], short(row["interval"]), *times, row["slots"], row["kind"], f"{row['expected_trades']:,.1f}"]


def _write(file: Path, rows: list[dict[str, Any]]) -> None:
    import polars as pl

    from kraken_core.domain.candles import TIME
    from kraken_core.domain.file_errors import write_errors
    from kraken_core.workbench.documents import SILENCES

    columns: dict[str, Any] = {name: pl.String if kind == TIME else kind for name, kind in SILENCES.items()}
    with write_errors(file):
        pl.DataFrame(rows, columns).write_csv(file)
