"""A job's own log: what is logged while it runs, in a file of its home."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kraken_core import __version__
from kraken_core.domain.errors import HomeError
from kraken_core.domain.jobs import IngestionJob
from kraken_core.domain.plan import Action, IngestionPlan
from kraken_core.domain.plural import counted
from kraken_core.domain.timerange import iso
from kraken_core.domain.untrusted import VisibleFormatter
from kraken_core.pipeline.run import JobResult

LOG = logging.getLogger("kraken_core")


class _LogFile(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Nothing: a log that cannot be written, as on a full disk, is no reason to fill the terminal."""


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Whatever is logged meanwhile goes to the file too. Raises HomeError where there cannot be one."""
    try:
        handler = _LogFile(path, encoding="utf-8")
    except OSError as error:
        raise HomeError(f"Cannot write {path}: {error.strerror}. Nothing was done; fix that first.") from error
    formatter = VisibleFormatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOG.removeHandler(handler)
        with suppress(OSError):  # what could not be written before cannot be now
            handler.close()


def begun(job: IngestionJob, plan: IngestionPlan) -> str:
    """What a job sets out to do, in one entry."""
    counts = Counter(planned.action for planned in plan.files)
    reads = (
        f"{counted(counts[Action.INGEST], 'file')} to read ({plan.text_bytes:,} bytes), {counts[Action.SKIP]:,} known"
    )
    entry = [
        f"job {job.id} begins as of {iso(job.as_of)}, kraken-history {__version__}: {job.request.key}",
        f"plan: {reads}, {counted(plan.requests, 'request')} and {counted(len(plan.gaps), 'gap')} expected",
        *(f"archive {archive.path}: {counted(len(archive.files), 'file')}" for archive in plan.archives),
        *(f"note: {note}" for archive in plan.archives for note in archive.notes),
        *(f"note: {note}" for note in plan.notes),
    ]
    return "\n".join(entry)


def ended(result: JobResult, seconds: float) -> str:
    """How a job ended, in one entry."""
    metrics, counts = result.job.metrics, result.report.overall
    parts = (
        f"job {result.job.id} is {result.job.status} after {seconds:.2f} s",
        f"{counted(metrics.files_ingested, 'file')} read",
        f"{metrics.files_skipped:,} skipped, {metrics.files_failed:,} failed",
        f"{counted(metrics.records_ingested, 'new candle')}, {metrics.records_changed:,} changed",
        f"{counted(metrics.records_rejected, 'row')} rejected",
        counted(metrics.requests, "request"),
        f"{metrics.gaps_filled:,} of {counted(metrics.gaps_detected, 'gap')} filled, {metrics.gaps_open:,} open",
        f"{counts.covered:,} of {counted(counts.wanted, 'expected candle')} covered, {counts.missing:,} missing",
    )
    return "; ".join(parts if result.job.error is None else (*parts, result.job.error))
