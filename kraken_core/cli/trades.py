"""``kraken-history trades``: kept trades, and bars of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kraken_core.cli.options import CliContext, common
from kraken_core.cli.output import echo, print_json, print_table

if TYPE_CHECKING:
    import polars as pl

LONGEST = 50  # rows on a terminal
EXAMPLE = """\b
Example:
  kraken-history trades
  kraken-history trades BTC/USD --start-date 2024-03-30 --to trades.parquet
  kraken-history trades BTC/USD --bars tick --size 100
"""


@click.command(epilog=EXAMPLE)
@click.argument("pair", required=False)
@click.option("--start-date", metavar="DATE", help="First UTC day, or an instant (default: from the start).")
@click.option("--end-date", metavar="DATE", help="Last UTC day, included (default today).")
@click.option("--bars", type=click.Choice(["time", "tick", "volume", "dollar"]), help="Bars of them.")
@click.option("--size", metavar="SIZE", help="Of a bar: 30s, 5m, 1h; trades; an amount of the base, or the quote.")
@click.option("--require-complete", is_flag=True, help="Read nothing and exit 4 if a trade may be missing.")
@click.option(
    "--evidence",
    type=click.Choice(["proved", "claimed"]),
    help="Require that no trade is missing, on this evidence: consecutive ids, or a source's claim.",
)
@click.option(
    "--to", "file", metavar="FILE", type=click.Path(path_type=Path), help="Write all to a .csv or .parquet file."
)
@common
def trades(
    ctx: CliContext,
    *,
    pair: str | None,
    start_date: str | None,
    end_date: str | None,
    bars: str | None,
    size: str | None,
    require_complete: bool,
    evidence: str | None,
    file: Path | None,
) -> None:
    """Kept trades of a PAIR, or bars of them.

    Without a pair: where no trade is missing.

    Trades are kept where keep_trades of kraken.toml says so: those that sweeps, live and archives of trades read.
    """
    from kraken_core.domain.errors import UsageError
    from kraken_core.domain.timerange import END_OF_TIME

    if bool(bars) != bool(size):
        raise UsageError("name a kind of bars and their size: --bars tick --size 100.")
    with ctx.workbench() as workbench:
        if pair is None:
            if bars or file or require_complete or evidence:
                raise UsageError("name a pair, such as BTC/USD, whose trades are meant.")
            _show_coverage(ctx, workbench.trade_coverage_rows())
            return
        chosen = workbench.select(start_date=start_date, end_date=end_date)
        window = tuple(None if at == END_OF_TIME else at for at in chosen.window(END_OF_TIME))
        how: dict[str, Any] = {"require_complete": require_complete, "evidence": evidence, "to": "polars"}
        if bars and size:
            found: pl.DataFrame = workbench.bars(pair, *window, kind=bars, size=size, **how)
        else:
            found = workbench.trades(pair, *window, **how)
    what = "bar" if bars else "trade"
    if file:
        _write(file, found)
    if ctx.as_json:
        print_json(_plain(found))
    elif not file:
        print_table(found.columns, _shown(found.head(LONGEST)).iter_rows())
    _say_how_many(ctx, found.height, what, file)


def _show_coverage(ctx: CliContext, rows: list[dict[str, Any]]) -> None:
    if ctx.as_json:
        print_json(rows)
    elif rows:
        print_table(list(rows[0]), (list(row.values()) for row in rows[:LONGEST]))
    else:
        echo("No trades are kept. With keep_trades = true in kraken.toml, jobs keep the trades that they read.")


def _say_how_many(ctx: CliContext, rows: int, what: str, file: Path | None) -> None:
    from kraken_core.domain.plural import counted

    if file:
        ctx.say(f"{counted(rows, what)} in {file}.")
    elif not rows:
        ctx.say("No trades are kept of this pair in these days: see where they are with kraken-history trades.")
    elif rows > LONGEST and not ctx.as_json:
        ctx.say(f"… and {counted(rows - LONGEST, f'more {what}')}: use --to, or --json, for all.")


def _write(file: Path, found: pl.DataFrame) -> None:
    from kraken_core.domain.errors import UsageError
    from kraken_core.domain.file_errors import write_errors

    if file.suffix not in {".csv", ".parquet"}:
        raise UsageError(f"{file} is neither a .csv nor a .parquet file.")
    with write_errors(file):
        if file.suffix == ".csv":
            found.write_csv(file)
        else:
            found.write_parquet(file)


def _shown(found: pl.DataFrame) -> pl.DataFrame:
    """The rows as people read them: instants to the millisecond, decimals without the zeros behind them."""
    import polars as pl
    from polars import selectors

    exact = selectors.decimal().cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")
    return found.with_columns(selectors.datetime(time_zone="*").dt.strftime("%Y-%m-%d %H:%M:%S%.3f"), exact)


def _plain(found: pl.DataFrame) -> Any:  # noqa: ANN401 - JSON
    """The rows as JSON values: ISO 8601, and exact decimals as texts."""
    import json

    import polars as pl
    from polars import selectors

    exact = selectors.decimal().cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")
    times = selectors.datetime(time_zone="*").dt.strftime("%Y-%m-%dT%H:%M:%S%.9fZ")
    return json.loads(found.with_columns(times, exact).write_json())
