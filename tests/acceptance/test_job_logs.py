"""A job's log tells its course: what it set out to do, each stage and file with rows and time, and how it ended."""

from __future__ import annotations

import re

from tests.support.command_line import Kraken
from tests.support.little_market import LittleMarket


def test_the_log_of_a_job_tells_its_course(kraken: Kraken, little: LittleMarket) -> None:
    done = kraken.ingest(little.folder)

    log = (kraken.home / "logs" / f"{done['job_id']}.log").read_text()

    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO job 1 begins as of 20", log)
    assert f"plan: {done['files']['total']:,} files to read" in log
    for stage in ("ingest", "cover", "detect", "report"):
        assert re.search(rf"INFO {stage} begins", log)
        assert re.search(rf"INFO {stage} took \d+\.\d\d s", log)
    read = re.findall(r"^(?:\S+ INFO )?completed .+_\d+\.csv: ([\d,]+) rows; ", log, re.MULTILINE)
    assert len(read) == done["files"]["ingested"]
    assert sum(int(rows.replace(",", "")) for rows in read) == done["records"]["read"]
    covered, wanted, missing = (done["completeness"][name] for name in ("covered", "wanted", "missing"))
    assert f"{covered:,} of {wanted:,} expected candles covered, {missing:,} missing" in log.splitlines()[-1]


def test_the_log_names_a_file_that_failed_and_why(kraken: Kraken, little: LittleMarket) -> None:
    folder = kraken.home.parent / "broken"
    folder.mkdir()
    (folder / "XBTUSD_60.csv").write_text("this is no candle\n")

    done = kraken(
        "ingest", "--csv-source-dir", folder, "--tier", "ALL", "--no-api-backfill", "--yes", "--json", code=None
    )

    log = (kraken.home / "logs" / f"{done.json['job_id']}.log").read_text()
    assert re.search(r"failed \S+/broken: XBTUSD_60\.csv: none of its 1 rows is a candle", log)
