"""Starting: what ``kraken-history --help`` costs, and that it loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

from bench.figures import Figure

HEAVY = ("polars", "duckdb", "deltalake", "sqlalchemy")
_LOADED = f"""
import sys
from kraken_core.cli.main import run
run(["--help"])
print(sum(name in sys.modules for name in {HEAVY!r}), file=sys.stderr)
"""


def start() -> Iterator[Figure]:
    """In processes of their own."""
    told = subprocess.run([sys.executable, "-c", _LOADED], check=True, capture_output=True, text=True)
    yield Figure(f"kraken-history --help: of {', '.join(HEAVY)} loads", float(told.stderr), 0)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "kraken_core", "--help"], check=True, capture_output=True)
    yield Figure("kraken-history --help: whole process", time.perf_counter() - began, 0.5, "s")
