"""``kraken-history universe``: which pairs traded at a date, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import click

from kraken_core.cli.options import CliContext, Words, common
from kraken_core.cli.output import echo, print_json, print_table

NAMED = 5  # pairs that a message names
COLUMNS = ("pair", "tier", "evidence", "last_candle", "listed", "listed_by", "delisted", "delisted_by", "became")
TIMES = ("last_candle", "listed", "delisted")
ENDED = {  # all others are still listed
    **{end: end for end in ("renamed", "delisted")},
    "reused": "whose name another asset has",
    "unknown": "of unknown fate",
}


@click.command(epilog="\b\nExample:\n  kraken-history universe --at 2024-01-01 --quotes USD")
@click.option("--at", "at", metavar="DATE", required=True, help="A UTC day, at its beginning, or a time.")
@click.option("--tier", metavar="T", help="Only pairs of a tier.")
@click.option("--quotes", type=Words(), default=(), help="Only pairs quoted in these.")
@common
def universe(ctx: CliContext, *, at: str, **selection: Any) -> None:  # noqa: ANN401 - the options above
    """List the pairs that traded at a date, and their fate.

    Delisted ones too, with the evidence for each.
    """
    with ctx.workbench() as workbench:
        found = workbench.universe_document(at, **selection)
    if ctx.as_json:
        print_json(found)
        return
    rows = found["pairs"]
    if rows:
        print_table(COLUMNS, ([_cell(name, row) for name in COLUMNS] for row in rows), folding="became")
        for line in _names(rows):
            echo(line)
    else:
        echo("No pair is known to have traded at that date.")
    for line in _summary(rows, found["unknown"]):
        ctx.say(line)


def _cell(name: str, row: dict[str, Any]) -> object:
    if name in TIMES and row[name]:
        return datetime.fromisoformat(row[name])
    return f"renamed {row['now']}" if name == "became" and row["became"] == "renamed" else row[name]


def _names(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What the pairs were called before and afterwards, and where a name had been another asset's."""
    for row in rows:
        if row["names"]:
            yield f"{row['pair']}: {', then '.join(map(_name, row['names']))}"


def _name(name: dict[str, Any]) -> str:
    since = f" from {name['start'][:10]}" if name["start"] else ""
    unit = "" if name["factor"] == 1 else f", prices times {name['factor']:.6g}"
    return f"{name['pair']}{since}{'' if name['certain'] else ' (day uncertain)'}{unit}"


def _summary(rows: Sequence[dict[str, Any]], unknown: Sequence[str]) -> Iterator[str]:
    from kraken_core.domain.plural import counted

    if rows:
        became = Counter(ENDED.get(row["became"], "still listed") for row in rows)
        yield f"{counted(len(rows), 'pair')} traded then: {', '.join(f'{n:,} {what}' for what, n in became.items())}."
    if assumed := [row["pair"] for row in rows if row["evidence"] == "assumed"]:
        yield f"Assumed for {counted(len(assumed), 'pair')}, without later evidence: {_first(assumed)}."
    if unknown:
        yield (
            f"Unknown for {len(unknown):,} more ({_first(unknown)}): they may have been listed before their first "
            "stored candle, or before the first list of pairs seen."
        )


def _first(pairs: Sequence[str]) -> str:
    return ", ".join(pairs[:NAMED]) + (", …" if len(pairs) > NAMED else "")
