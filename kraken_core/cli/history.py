"""``kraken-history coverage`` and ``gaps``: what is covered, and what is missing."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from kraken_core.cli.options import CliContext, at_an_instant, common, selected, selecting
from kraken_core.cli.output import echo, print_json, print_table
from kraken_core.domain.interval_units import short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kraken_core.domain.gaps import GapRecord
    from kraken_core.domain.request import Selection
    from kraken_core.workbench import Workbench
    from kraken_core.workbench.queries.holdings import Holdings

LONGEST = 50  # rows on a terminal


@click.command(epilog="\b\nExample:\n  kraken-history coverage --pairs BTC/USD --intervals 1h,1d")
@selecting
@at_an_instant
@common
def coverage(ctx: CliContext, *, as_known_at: str | None, **selection: Any) -> None:  # noqa: ANN401 - the options of selecting
    """List covered ranges with their sources and candles."""
    with ctx.workbench() as workbench, selected(workbench, selection) as chosen:
        from kraken_core.workbench import documents

        holdings = workbench.holdings_at(as_known_at)
        found = [documents.coverage_row(c) for c in holdings.coverage(chosen)]
        if ctx.as_json:
            print_json(found)
        else:
            _say_as_of(ctx, holdings)
            _print_rows(ctx, tuple(documents.COVERAGE), found, "Nothing is covered")
        _say_not_assessed(ctx, workbench, chosen, as_known_at)


@click.command(epilog="\b\nExample:\n  kraken-history gaps --tier TIER1 --intervals 1d")
@selecting
@at_an_instant
@common
def gaps(ctx: CliContext, *, as_known_at: str | None, **selection: Any) -> None:  # noqa: ANN401 - the options of selecting
    """List missing ranges and how each can be filled.

    Where nothing fills one automatically, the archive to download manually is named.
    """
    with ctx.workbench() as workbench, selected(workbench, selection) as chosen:
        holdings = workbench.holdings_at(as_known_at)
        show_gaps(ctx, holdings, holdings.gaps(chosen))
        _say_not_assessed(ctx, workbench, chosen, as_known_at)


def show_gaps(ctx: CliContext, stored: Holdings, gaps: Sequence[GapRecord]) -> None:
    """Print gaps as a table or as JSON."""
    from kraken_core.workbench import documents

    found = [documents.gap_row(gap) for gap in gaps]
    if ctx.as_json:
        print_json(found)
        return
    _say_as_of(ctx, stored)
    for row in found:
        row["filled by"] = _filled_by(row)
    columns = ("id", "pair", "interval", "start", "end", "candles", "filled by")
    _print_rows(ctx, columns, found, "No gaps", folding="filled by")


def _filled_by(gap: dict[str, Any]) -> str:
    """An open route, or else the archive to download manually, or why there is none."""
    from kraken_core.domain.gaps import IN_PARTS

    if gap["route"] == "none":
        by_hand = "" if IN_PARTS in gap["reason"] else gap["archive"]  # the reason says which archive contains what
        return str(by_hand or gap["reason"] or "nothing")
    return f"{gap['route']} (failed)" if gap["status"] == "FAILED" else str(gap["route"])


def _print_rows(
    ctx: CliContext, columns: tuple[str, ...], found: list[dict[str, Any]], nothing: str, folding: str | None = None
) -> None:
    if not found:
        echo(f"{nothing}.")
        return
    print_table(columns, ([_cell(name, row[name]) for name in columns] for row in found[:LONGEST]), folding=folding)
    if len(found) > LONGEST:
        ctx.say(f"… and {len(found) - LONGEST:,} more: narrow it with --pairs or --intervals, or use --json for all.")


def _cell(name: str, value: Any) -> object:  # noqa: ANN401 - any value of a contract row
    if name in {"start", "end"}:
        return datetime.fromisoformat(value)
    return short(value) if name == "interval" else value


def _say_as_of(ctx: CliContext, stored: Holdings) -> None:
    from kraken_core.domain.formatting import instant

    if (as_of := stored.as_of) is not None:
        ctx.say(f"As of {instant(as_of)} UTC, when gaps were last detected.")


def _say_not_assessed(ctx: CliContext, workbench: Workbench, chosen: Selection, at: str | None) -> None:
    if beyond := workbench.holdings_at(at).not_assessed(chosen, workbench.known(at).now):
        ctx.say(beyond)
