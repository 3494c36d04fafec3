"""Rows that could not be taken, set aside as CSV: file, line, text, reason."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kraken_core.domain.jobs import FileIngestionRecord
from kraken_core.domain.ohlcvt import Reject

COLUMNS = ("file", "line", "text", "reason")
LONGEST_TEXT = 1_000  # characters kept of a row: a binary file has no lines to speak of


@dataclass(frozen=True, slots=True)
class CsvRejectLog:
    """One file a job in ``folder``."""

    folder: Path

    def path(self, job_id: int) -> Path:
        """Where the job's rejects are; it exists once there are any."""
        return self.folder / f"{job_id}.csv"

    def add(self, job_id: int, rejected: Sequence[tuple[FileIngestionRecord, Sequence[Reject]]]) -> None:
        """Append the rows."""
        if not rejected:
            return
        path = self.path(job_id)
        fresh = not path.exists()
        with path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if fresh:
                writer.writerow(COLUMNS)
            for record, rows in rejected:
                name = f"{record.path}/{record.member}"
                writer.writerows((name, row.line, row.text[:LONGEST_TEXT], row.reason) for row in rows)
