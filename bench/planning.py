"""Planning: a dry run over an archive of 12,000 files."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.archives import made
from bench.figures import Figure
from bench.processes import environment


def planning() -> Iterator[Figure]:
    """The whole process, from its start to the plan on stdout."""
    with tempfile.TemporaryDirectory(prefix="kraken-bench-") as folder:
        archive = made(Path(folder) / "archive.zip", 1_500, 60)
        command = [
            sys.executable,
            "-m",
            "kraken_core",
            "ingest",
            "--dry-run",
            "--json",
            "--tier",
            "ALL",
            "--no-api-backfill",
        ]
        began = time.perf_counter()
        subprocess.run(
            [*command, "--home", f"{folder}/home", "--csv-source-dir", str(archive)],
            check=True,
            capture_output=True,
            env=environment(),
        )
        yield Figure("planning 12,000 files: whole process", time.perf_counter() - began, 1.5, "s")
