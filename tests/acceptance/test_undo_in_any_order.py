"""Ingests, copies, interruptions, resumed jobs and undos in any order: what is covered has its candles, all of them."""

from __future__ import annotations

import shutil
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import pytest

from kraken_core import Workbench
from kraken_core.domain.jobs import FileIngestionRecord
from kraken_core.ledger.ledger import SqlLedger
from tests.support.command_line import Kraken, asked
from tests.support.helping import in_soak, table
from tests.support.little_market import LittleMarket

STEPS = 10
VALUES = ("time", "open", "high", "low", "close", "trades")
Candles: TypeAlias = "dict[tuple[str, int], list[tuple[Any, ...]]]"


def stored(home: Path) -> Candles:
    """The candles of each series, by time."""
    found: Candles = defaultdict(list)
    with Workbench.open(home) as workbench:
        for pair, interval, *values in table(workbench).select("pair", "interval_minutes", *VALUES).rows():
            found[pair, interval].append(tuple(values))
    return found


def within(candles: Candles, row: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Those of a covered range."""
    start, end = (datetime.fromisoformat(row[name]) for name in ("start", "end"))
    return sorted(each for each in candles[row["pair"], row["interval"]] if start <= each[0] < end)


class Doer:
    """Does one thing after another with a home, by chance."""

    def __init__(self, kraken: Kraken, sources: list[Path], chance: Random, patched: pytest.MonkeyPatch) -> None:
        self.kraken, self.sources, self.chance, self.patched = kraken, sources, chance, patched

    def ingest(self) -> None:
        self.kraken(*asked(self.chance.choice(self.sources)))

    def interrupt(self) -> None:
        """An ingest that is paused before some batch is on record, which may be the first one."""
        last, original = self.chance.randrange(3), SqlLedger.record_files

        def record(ledger: SqlLedger, job_id: int, records: list[FileIngestionRecord], *more: Any, **named: Any) -> Any:
            nonlocal last
            last -= 1
            if last < 0:
                raise KeyboardInterrupt
            return original(ledger, job_id, records, *more, **named)

        with self.patched.context() as patch:
            patch.setattr(SqlLedger, "record_files", record)
            self.kraken(*asked(self.chance.choice(self.sources)), code=None)

    def resume(self) -> None:
        if job := self._one_of("PAUSED"):
            self.kraken("ingest", "--resume", job, "--yes", code=None)

    def cancel(self) -> None:
        if job := self._one_of("PAUSED"):
            self.kraken("cancel", job)

    def undo(self) -> None:
        """Of the newest job that may be undone: others are refused, in a line, and nothing is changed."""
        for job in self.kraken.rows("jobs"):
            if (
                job["status"] in {"COMPLETED", "CANCELLED"}
                and not self.kraken("undo", job["job_id"], "--yes", code=None).code
            ):
                return

    def _one_of(self, *statuses: str) -> int | None:
        found = [job["job_id"] for job in self.kraken.rows("jobs") if job["status"] in statuses]
        return self.chance.choice(found) if found else None


@pytest.mark.parametrize("seed", [4, *in_soak(*(seed for seed in range(40) if seed != 4))])
def test_what_is_covered_has_its_candles(
    seed: int, kraken: Kraken, full_home: Path, little: LittleMarket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth, chance = stored(full_home), Random(seed)
    copy = Path(shutil.copy(little.first, tmp_path))
    doer = Doer(kraken, [little.first, copy, little.second], chance, monkeypatch)
    acts = {doer.ingest: 4, doer.interrupt: 2, doer.resume: 3, doer.cancel: 1, doer.undo: 3}
    done = []
    for act in [doer.ingest, *chance.choices([*acts], [*acts.values()], k=STEPS)]:
        done.append(act.__name__)
        act()
        candles = stored(kraken.home)
        for row in kraken.rows("coverage"):
            assert within(candles, row) == within(truth, row), (done, row)
            assert row["candles"] == len(within(candles, row)), (done, row)
