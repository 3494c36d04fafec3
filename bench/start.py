"""Starting: what a fresh process costs until it shows help, has imported the workbench, read candles or reported."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.archives import children_s, environment, made
from bench.figures import Figure

RUNS = 5
IMPORT = "from kraken_core import Workbench"
READ = f"{IMPORT}; Workbench.open({{home!r}}).candles({{pair!r}}, 60, to={{to!r}})"
FIND = f"{IMPORT}; print(Workbench.open({{home!r}}).pairs()[0].pair)"


def start() -> Iterator[Figure]:
    """In processes of their own, by the processor's time, modules compiled beforehand as for any user."""
    with tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder:
        archive, home = made(Path(folder) / "archive.zip", pairs=20, minutes=20_000), f"{folder}/home"
        ingest = ("ingest", "--yes", "--quiet", "--tier", "ALL", "--no-api-backfill", "--csv-source-dir", str(archive))
        _run("-m", "kraken_core", *ingest, "--home", home)
        pair = _run("-c", FIND.format(home=home)).strip()
        yield Figure("kraken-history --help: whole process", _processor_s("-m", "kraken_core", "--help"), 0.15, "s")
        yield Figure(f"{IMPORT}: whole process", _processor_s("-c", IMPORT), 0.25, "s")
        for kind in ("polars", "pandas"):
            read = READ.format(home=home, pair=pair, to=kind)
            yield Figure(f"first wb.candles, to {kind}: whole process", _processor_s("-c", read), 0.8, "s")
        report = _processor_s("-m", "kraken_core", "report", "--json", "--home", home)
        yield Figure("kraken-history report of 160 series: whole process", report, 0.8, "s")


def _processor_s(*arguments: str) -> float:
    """Seconds of a processor that a process takes, the median of several; none before it was compiled."""
    _run(*arguments)
    return statistics.median(_once(*arguments) for _ in range(RUNS))


def _once(*arguments: str) -> float:
    before = children_s()
    _run(*arguments)
    return children_s() - before


def _run(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment()).stdout
