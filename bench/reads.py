"""Reading: ranges of candles, beside what reads the same candles fastest elsewhere, in turns and in the same run."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench import read_homes, read_rivals
from bench.figures import Figure
from bench.scale_home import PAIRS
from tests.support.questdb_server import NoServerError, QuestDB

DAY_S = 86_400
END = 1_767_225_600  # 2026-01-01, where all of these histories end
TARGET = 1.1  # times the best rival
KINDS = ("pandas", "polars", "arrow")
OURS, COMPLETE, SCALE = "workbench", "complete", "scale home"
BUSY = 10  # of these pairs one is chosen, where one is read
COLD_RUNS = 5
Spent = Mapping[str, Sequence[float]]  # ms a read, by way


class Case(NamedTuple):
    """What is read: so many days of so many pairs, and how often."""

    what: str
    pairs: int
    interval: int
    days: int
    reads: int


DAY = Case("a day of minutes", 1, 1, 1, 200)
YEAR = Case("a year of minutes", 1, 1, 365, 40)
DECADE = Case("ten years of minutes", 1, 1, 3_650, 5)
MANY_DAYS = Case("a day of minutes of 500 pairs", 500, 1, 1, 20)
MANY_YEARS = Case("a year of hours of 40 pairs", 40, 60, 365, 30)


class Stored(NamedTuple):
    """A history: its pairs, the most active first, how many days it has, where it is, and what is read of it."""

    name: str
    pairs: list[str]
    days: int
    folder: Path
    cases: Sequence[Case]


class Reader:
    """A process that reads in one way; what it takes is its own processor's time, a server's the clock's."""

    def __init__(self, way: str, folder: Path, python: str) -> None:
        self._way = way
        command = [python, read_rivals.__file__, OURS if way == COMPLETE else way, str(folder)]
        environment = {**os.environ, "READS_PROJECT": str(Path(__file__).parents[1])}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def read(self, request: Mapping[str, Any]) -> tuple[float, object]:
        """Milliseconds, and what was found."""
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise ValueError("the process has no pipes")
        requests.write(json.dumps({**request, "complete": self._way == COMPLETE}) + "\n")
        requests.flush()
        line = answers.readline()
        if not line:
            raise AssertionError(f"{self._way} could not read {request}, as it says above")
        answer = json.loads(line)
        return 1_000 * answer["clock" if self._way == "questdb" else "processor"], tuple(answer["found"])

    def end(self) -> None:
        """Let it end."""
        self._process.communicate()


def reads(*, full: bool) -> Iterator[Figure]:
    """Every case, warm, and one in a fresh process."""
    place = Path(tempfile.mkdtemp(prefix="kraken-bench-"))
    server = QuestDB(place, {"shared.worker.count": "2"})
    try:
        server.start()
        served = True
    except NoServerError as error:
        print(f"without QuestDB: {error}")
        served = False
    try:
        for home in _homes(place, full=full):
            python = read_homes.in_arcticdb(home.folder)
            if served:
                read_homes.in_questdb(home.folder, server, sorted({case.interval for case in home.cases}))
            ways = {OURS: sys.executable, "polars": sys.executable, "duckdb": sys.executable}
            ways |= {"arcticdb": python} if python else {}
            ways |= {"questdb": sys.executable} if served else {}
            for case in home.cases:
                yield from _warm(home, case if full else case._replace(reads=max(case.reads // 5, 5)), ways)
            yield from _cold(home, ways)
            yield from _complete(home)
    finally:
        if served:
            server.kill()
        shutil.rmtree(place, ignore_errors=True)


def _homes(place: Path, *, full: bool) -> Iterator[Stored]:
    """The histories, one after the other: there is room for one of them."""
    (folder := place / "forty").mkdir()
    pairs, minutes = (40, 2_000_000) if full else (12, 700_000)
    found = read_homes.ingested(folder, pairs, minutes)
    yield Stored(f"{pairs} × {minutes:,}", found, minutes // 1_440, folder, [DAY, YEAR, MANY_YEARS])
    shutil.rmtree(folder)
    if full:
        (folder := place / "decade").mkdir()
        found = read_homes.ingested(folder, 1, 5_256_000)
        yield Stored("1 × 5,256,000", found, 3_650, folder, [DECADE])
        shutil.rmtree(folder)
    (folder := place / "scale").mkdir()
    found = read_homes.scaled(folder, PAIRS if full else 500)
    yield Stored(SCALE, found, 1_460, folder, [DAY, YEAR, MANY_DAYS])


def _warm(home: Stored, case: Case, ways: Mapping[str, str]) -> Iterator[Figure]:
    for kind in KINDS:
        spent = _spent(home, case, ways, kind)
        yield from _figures(f"{home.name}: {case.what}, {kind}", spent)


def _spent(home: Stored, case: Case, ways: Mapping[str, str], kind: str, *, edge: int = 0) -> Spent:
    """All ways in turns, of the same random ranges; each series was read once before.

    So many days at the history's edge are not read.
    """
    chance, spent = random.Random(case.what), defaultdict[str, list[float]](list)
    readers = {way: Reader(way, home.folder, python) for way, python in ways.items()}
    busy = home.pairs[:BUSY]
    try:
        for number in range(-len(busy), case.reads):
            start = END - chance.randrange(case.days + edge, max(case.days, home.days - edge) + 1) * DAY_S
            chosen = home.pairs[: case.pairs] if case.pairs > 1 else [busy[number % len(busy)]]
            request = {"pairs": chosen, "interval": case.interval, "start": start, "end": start + case.days * DAY_S}
            found = set()
            for way in chance.sample(sorted(readers), len(readers)):
                took, seen = readers[way].read({**request, "to": kind})
                found.add(seen)
                if number >= 0:
                    spent[way].append(took)
            if len(found) != 1:
                raise AssertionError(f"they do not read the same of {request}: {found}")
    finally:
        for reader in readers.values():
            reader.end()
    return spent


def _figures(named: str, spent: Spent) -> Iterator[Figure]:
    for share in (50, 99):
        took = {way: _quantile(found, share) for way, found in spent.items()}
        best = min(took[way] for way in took if way != OURS)
        yield Figure(f"{named}: p{share}, to the best", took[OURS] / best, TARGET, "×")
        print("    " + ", ".join(f"{way} {ms:.1f} ms" for way, ms in took.items()), flush=True)


def _quantile(values: Sequence[float], share: int) -> float:
    return sorted(values)[min(len(values) * share // 100, len(values) - 1)]


def _cold(home: Stored, ways: Mapping[str, str]) -> Iterator[Figure]:
    """A day of minutes in a process of its own, from its start to its end, by the processor's time."""
    request = {"pairs": home.pairs[:1], "interval": 1, "start": END - 400 * DAY_S, "end": END - 399 * DAY_S}
    for kind in KINDS:
        spent = defaultdict[str, list[float]](list)
        for _ in range(COLD_RUNS):
            for way, python in ways.items():
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                reader = Reader(way, home.folder, python)
                reader.read({**request, "to": kind})
                reader.end()
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                spent[way].append(1_000 * seconds)
        took = {way: _quantile(found, 50) for way, found in spent.items()}
        best = min(took[way] for way in took if way not in {OURS, "questdb"})  # its server has started already
        yield Figure(f"{home.name}: a fresh process, {kind}: p50, to the best", took[OURS] / best, TARGET, "×")
        print("    " + ", ".join(f"{way} {ms:.0f} ms" for way, ms in took.items()), flush=True)


def _complete(home: Stored) -> Iterator[Figure]:
    """What it takes to check that nothing is missing, where nothing is: of archives, the scale home has holes.

    The last slot of an archive proves nothing, so that the days at both edges are left out.
    """
    if home.name == SCALE:
        return
    ways = dict.fromkeys((OURS, COMPLETE), sys.executable)
    for case in home.cases:
        inside = case._replace(days=min(case.days, home.days - 2))
        spent = _spent(home, inside, ways, "pandas", edge=1)
        ratio = _quantile(spent[COMPLETE], 50) / _quantile(spent[OURS], 50)
        yield Figure(f"{home.name}: {case.what}, checked to be complete, to unchecked", ratio, TARGET, "×")
