"""Starting: what a fresh process costs until it shows help, has imported the workbench, read candles or reported."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.archives import made
from bench.figures import Figure
from bench.processes import processor_s, run_python

IMPORT = "from kraken_core import Workbench"
READ = f"{IMPORT}; Workbench.open({{home!r}}).candles({{pair!r}}, 60, to={{to!r}})"
FIND = f"{IMPORT}; print(Workbench.open({{home!r}}).pairs()[0].pair)"


def start() -> Iterator[Figure]:
    """In processes of their own, by the processor's time, modules compiled beforehand as for any user."""
    with tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder:
        archive, home = made(Path(folder) / "archive.zip", pairs=20, minutes=20_000), f"{folder}/home"
        ingest = ("ingest", "--yes", "--quiet", "--tier", "ALL", "--no-api-backfill", "--csv-source-dir", str(archive))
        run_python("-m", "kraken_core", *ingest, "--home", home)
        pair = run_python("-c", FIND.format(home=home)).strip()
        yield Figure("kraken-history --help: whole process", processor_s("-m", "kraken_core", "--help"), 0.15, "s")
        yield Figure(f"{IMPORT}: whole process", processor_s("-c", IMPORT), 0.25, "s")
        for kind in ("polars", "pandas"):
            read = READ.format(home=home, pair=pair, to=kind)
            yield Figure(f"first wb.candles, to {kind}: whole process", processor_s("-c", read), 0.8, "s")
        report = processor_s("-m", "kraken_core", "report", "--json", "--home", home)
        yield Figure("kraken-history report of 160 series: whole process", report, 0.8, "s")
