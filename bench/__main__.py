"""How fast an ingest is, as a ratio to what this machine can do at all, measured in the same run.

python -m bench [--full] [--runs 3]

The archives and the raw loop (inflate, parse, write; nothing else) come from ../shared/bench. Each ratio is the median
over the runs of: rows per second of the ingest stage, over rows per second of the raw loop just before it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared" / "bench"


@dataclass(frozen=True)
class Case:
    """An archive to make and to ingest."""

    name: str
    pairs: int
    minutes: int
    target: float  # of the raw loop's rows per second


QUICK = [Case("large files", 8, 500_000, 0.8), Case("many small files", 150, 20_000, 2.5)]
FULL = [Case("large files", 40, 2_000_000, 0.8), Case("many small files", 600, 20_000, 2.5)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="the sizes the targets are set for (some minutes)")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    if not SHARED.is_dir():
        sys.exit(f"the benchmark's archives and raw loop are made by scripts in {SHARED}, which is absent")
    print(f"{'case':<18}{'rows':>12}{'raw rows/s':>13}{'ingest rows/s':>15}{'ratio':>7}{'target':>8}{'whole s':>9}")
    for case in FULL if args.full else QUICK:
        with tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder:
            print(measured(case, Path(folder), args.runs), flush=True)


def measured(case: Case, folder: Path, runs: int) -> str:
    archive = folder / "archive.zip"
    script(SHARED / "make_dump.py", archive, "--pairs", case.pairs, "--minutes", case.minutes)
    results = [(raw_rows_per_second(archive, folder / "raw"), ingested(archive, folder / "home")) for _ in range(runs)]
    raw = statistics.median(speed for speed, _ in results)
    ingest = statistics.median(speed(document) for _, document in results)
    ratio = statistics.median(speed(document) / before for before, document in results)
    whole = statistics.median(document["seconds"]["total"] for _, document in results)
    rows = results[0][1]["records"]["read"]
    return f"{case.name:<18}{rows:>12,}{raw:>13,.0f}{ingest:>15,.0f}{ratio:>7.2f}{case.target:>8.2f}{whole:>9.1f}"


def raw_rows_per_second(archive: Path, out: Path) -> float:
    line = script(SHARED / "raw_loop.py", archive, out).split()
    shutil.rmtree(out)
    return float(line[-2])


def ingested(archive: Path, home: Path) -> dict[str, dict[str, float]]:
    """One ingest into a new home, in a process of its own; what it says of itself."""
    command = [sys.executable, "-m", "kraken_core", "ingest", "--json", "--quiet", "--yes", "--tier", "ALL"]
    told = subprocess.run(
        [*command, "--home", str(home), "--csv-source-dir", str(archive), "--start-date", "2020-01-01"],
        check=True,
        stdout=subprocess.PIPE,
    )
    shutil.rmtree(home)
    document: dict[str, dict[str, float]] = json.loads(told.stdout)
    return document


def speed(document: dict[str, dict[str, float]]) -> float:
    return document["records"]["read"] / document["seconds"]["ingest"]


def script(path: Path, *args: object) -> str:
    command = [sys.executable, str(path), *map(str, args)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
