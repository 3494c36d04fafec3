"""Keeps homes of a version as they are, for tests of later ones: one that is in order, one whose job was killed.

Run it with the version that is released, from its checkout: ``python scripts/keep_home.py tests/homes/0.1.0.zip``.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

KEPT = "/kept"  # what the folder is called in the ledger: a test puts its own in the place
SECONDS = {60: 3600, 1440: 86_400}
DAY = 86_400
FIRST = 1_704_067_200  # 2024-01-01


def main(target: Path) -> None:
    """Make both homes, and keep them with their archives in one file."""
    with TemporaryDirectory() as name:
        root = Path(name)
        for number, pairs in enumerate((("XBTUSD", "ETHUSD"), ("XBTUSD", "ADAEUR")), start=1):
            write_archive(root / f"archive{number}" / f"Kraken_OHLCVT_Q{number}_2024.zip", pairs, number)
        ingest(root, "ended", 1)
        shutil.copytree(root / "ended", root / "killed")
        ingest(root, "killed", 2, KRAKEN_FAILPOINT="table.commit.after")
        for home in (root / "ended", root / "killed"):
            shutil.rmtree(home / "logs", ignore_errors=True)
            change_texts(home / "ledger.db", str(root), KEPT)
            forget_host(home / "ledger.db")
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as kept:
            for path in sorted(root.rglob("*")):
                if path.is_file():
                    kept.write(path, path.relative_to(root))


def write_archive(path: Path, pairs: tuple[str, ...], quarter: int) -> None:
    """Ten days of each pair at two intervals, with an hour that is not there."""
    path.parent.mkdir()
    start = FIRST + (quarter - 1) * 91 * DAY
    with zipfile.ZipFile(path, "w") as archive:
        for pair in pairs:
            for interval, seconds in SECONDS.items():
                times = [at for at in range(start, start + 10 * DAY, seconds) if at != start + 5 * 3600]
                rows = (
                    f"{at},{100 + at % 7}.0,110.0,90.0,{100 + at % 5}.0,{1 + at % 3}.5,{2 + at % 4}\n" for at in times
                )
                archive.writestr(f"{pair}_{interval}.csv", "".join(rows))


def row(at: int) -> str:
    """A candle as archives have it."""
    return f"{at},{100 + at % 7}.0,110.0,90.0,{100 + at % 5}.0,{1 + at % 3}.5,{2 + at % 4}\n"


def ingest(root: Path, home: str, number: int, **environment: str) -> None:
    """Ingest an archive, as a user does; killed where the environment says so."""
    source, as_of = root / f"archive{number}", f"2024-0{4 * number}-01"
    words = ["--home", root / home, "--csv-source-dir", source, "--tier", "ALL", "--start-date", "2024-01-01"]
    more = ["--as-of", as_of, "--no-api-backfill", "--yes", "--quiet"]
    command = [sys.executable, "-m", "kraken_core", "ingest", *map(str, words), *more]
    ended = subprocess.run(command, env={**os.environ, **environment}, check=False)
    if ended.returncode != (-signal.SIGKILL if environment else 0):
        raise SystemExit(f"the job ended with {ended.returncode}")


def change_texts(ledger: Path, before: str, now: str) -> None:
    """Replace a text wherever a ledger has it."""
    with closing(sqlite3.connect(ledger)) as connection, connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for _, column, kind, *_ in connection.execute(f"PRAGMA table_info({table})").fetchall():
                if kind == "TEXT":
                    change = f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?)'  # noqa: S608 - our own names
                    connection.execute(change, (before, now))


def forget_host(ledger: Path) -> None:
    """No name of this machine is kept."""
    with closing(sqlite3.connect(ledger)) as connection:
        hosts = {worker.partition(":")[0] for (worker,) in connection.execute("SELECT worker FROM ingestion_job")}
    for host in hosts:
        change_texts(ledger, f"{host}:", "elsewhere:")
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("VACUUM")  # what was changed is gone from the file too
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
