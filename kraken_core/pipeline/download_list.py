"""The download list: which archives' files would fill what no open route can."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from kraken_core.domain.gaps import GapRecord
from kraken_core.domain.timerange import iso
from kraken_core.domain.untrusted import cell

COLUMNS = ("archive", "csv_file", "pair", "interval", "start", "end", "candles", "reason")


def write_download_list(path: Path, gaps: Iterable[GapRecord], as_of: int) -> Path | None:
    """Write what published archives would fill as CSV, by archive and file; None where there is nothing of that.

    Each line is of one archive that contains all of its range: a gap that no single one contains takes several.
    """
    rows = sorted(
        (
            cell(gap.archive),
            cell(gap.csv_file),
            cell(str(gap.series.pair)),
            gap.series.interval,
            iso(gap.start),
            iso(gap.end),
            gap.candles,
            cell(gap.reason),
        )
        for whole in gaps
        for gap in whole.by_archive(as_of)
    )
    if not rows:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return path
