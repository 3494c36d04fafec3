"""Certificates: all candles hashed, the same again when nothing changed, and the index alone compared."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from bench.figures import Figure
from bench.scale_home import PAIRS, write
from kraken_core.workbench import Workbench
from kraken_core.workbench.certificates.files import write_certificate

CANDLE_BYTES = 52  # of a candle, that are hashed
QUICK_PAIRS = PAIRS // 10
SLICE = 1 << 20


def certify(*, full: bool) -> Iterator[Figure]:
    """Of a home as large as Kraken's whole history, some 12,000 series of 50 million candles; a tenth if not ``full``.

    What it takes to hash the same bytes alone, with one processor, is measured beside it.
    """
    with tempfile.TemporaryDirectory() as folder:
        home, file = Path(folder) / "home", Path(folder) / "certificate.json"
        write(home, PAIRS if full else QUICK_PAIRS)
        with Workbench.open(home) as workbench:
            made = workbench.certificates.certify()
            (home / "certificates" / "months.parquet").unlink()
            first = seconds(workbench.certificates.certify)
            again = seconds(workbench.certificates.certify, time.process_time)
            write_certificate(file, made)
            checked = seconds(lambda: workbench.certificates.check(file), time.process_time)
        alone = seconds(lambda: _hash(made.candles * CANDLE_BYTES))
        share = made.candles / 50e6
        size = f"{made.candles / 1e6:.0f} M candles"
        yield Figure(f"to certify {size}", first, 60 * share, "s")
        yield Figure("  of the time to hash the same bytes alone", first / alone, 15, "×")
        yield Figure(f"to certify {size} again, when nothing changed: our own CPU", again, 10 * share, "s")
        yield Figure(f"to check {size} by their index: our own CPU", checked, 10 * share, "s")


def seconds(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """How long it takes, by a clock."""
    began = clock()
    work()
    return clock() - began


def _hash(size: int) -> None:
    some, digest = np.random.default_rng(1).bytes(SLICE), hashlib.sha256()
    for _ in range(0, size, SLICE):
        digest.update(some)
