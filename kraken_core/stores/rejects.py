"""Rows that could not be taken, set aside as CSV: file, line, text, reason.

A text that a spreadsheet could take for a formula has an apostrophe in front: see ``untrusted.cell``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kraken_core.domain.jobs import FileIngestionRecord
from kraken_core.domain.ohlcvt import Reject
from kraken_core.domain.untrusted import cell
from kraken_core.failpoints import reached

COLUMNS = ("file", "line", "text", "reason")
LONGEST_TEXT = 1_000  # characters kept of a row: a binary file may have no lines


@dataclass(frozen=True, slots=True)
class CsvRejectLog:
    """One file a job in ``folder``."""

    folder: Path

    def path(self, job_id: int) -> Path:
        """Where the job's rejects are; it exists once there are any."""
        return self.folder / f"{job_id}.csv"

    def forget(self, job_id: int, files: Iterable[FileIngestionRecord]) -> None:
        """Drop the rows of files that will be read again, so that none is listed twice after a crash."""
        path = self.path(job_id)
        if not path.exists():
            return
        names = {_name(record) for record in files}
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        partial = path.with_suffix(".part")
        with partial.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(row for row in rows if len(row) == len(COLUMNS) and row[0] not in names)
        reached("rejects.rename.before")
        partial.replace(path)
        reached("rejects.rename.after")

    def add(self, job_id: int, rejected: Sequence[tuple[FileIngestionRecord, Sequence[Reject]]]) -> None:
        """Append the rows."""
        if not rejected:
            return
        reached("rejects.before")
        path = self.path(job_id)
        fresh = not path.exists()
        with path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if fresh:
                writer.writerow(COLUMNS)
            for record, rows in rejected:
                name = _name(record)
                writer.writerows((name, row.line, cell(row.text[:LONGEST_TEXT]), cell(row.reason)) for row in rows)
        reached("rejects.after")


def _name(record: FileIngestionRecord) -> str:
    return cell(f"{record.path}/{record.member}")
