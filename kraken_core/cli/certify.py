"""``kraken-history certify``, ``check-certificate`` and ``cite``: what is stored, for others to check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kraken_core.cli.options import CliContext, common, selected, selecting
from kraken_core.cli.output import echo, print_json, progress


@click.command(epilog="\b\nExample:\n  kraken-history certify --tier TIER1 --end-date 2025-12-31 --output tier1.json")
@selecting
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Where to write it (else to stdout).")
@common
def certify(ctx: CliContext, *, output: Path | None, **selection: Any) -> None:  # noqa: ANN401 - the options of selecting
    """Write a certificate of the stored candles.

    It has hashes of the candles by month, coverage by grade, evidence and gaps, under one root. The same sources give
    the same root on any machine and in any order. Anyone can check it offline: see check-certificate.
    """
    from kraken_core.domain.plural import counted
    from kraken_core.workbench.certificates import files

    with ctx.workbench() as workbench, selected(workbench, selection), progress(ctx) as report:
        found = workbench.certificates.certify(progress=report, **selection)
    if output:
        files.write_certificate(output, found)
    if ctx.as_json:
        print_json(found.document)
    elif not output:
        click.echo(files.as_text(found), nl=False)
    where = f" in {output}" if output else ""
    ctx.say(
        f"{counted(found.candles, 'candle')} of {counted(len(found.series), 'series')} certified{where}: "
        f"root {found.root}."
    )


@click.command("check-certificate", epilog="\b\nExample:\n  kraken-history check-certificate tier1.json --data exports")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--data", metavar="PATH", type=click.Path(path_type=Path), help="Exported candles (csv, parquet): a folder or file."
)
@common
def check_certificate(ctx: CliContext, *, file: Path, data: Path | None) -> int:
    """Compare stored or exported candles with a certificate.

    Of a home candles, coverage, claims and gaps are compared with FILE; of an export the candles. No network is used.
    Exit 1 where anything differs.
    """
    with ctx.workbench() as workbench, progress(ctx) as report:
        checked = workbench.certificates.check(file, data=data, progress=report)
    if ctx.as_json:
        print_json(checked.document)
    else:
        echo(checked.line)
    return 0 if checked.comparison.is_equal else 1


@click.command(epilog="\b\nExample:\n  kraken-history cite tier1.json --bibtex")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--bibtex", is_flag=True, help="As an entry for a bibliography.")
@common
def cite(ctx: CliContext, *, file: Path, bibtex: bool) -> None:
    """Print a citation for the certificate FILE.

    With pairs, span, root, as of when, and the software that wrote it.
    """
    from kraken_core.domain.certificates.citation import as_bibtex, as_line
    from kraken_core.workbench.certificates.files import read_certificate

    found = read_certificate(file)
    text = as_bibtex(found) if bibtex else as_line(found)
    if ctx.as_json:
        print_json({"root": found.root, "citation": text})
    else:
        echo(text)
