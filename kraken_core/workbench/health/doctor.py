"""``kraken-history doctor``: is everything in a state in which jobs can do their work? Looks, and changes nothing."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from kraken_core import __version__
from kraken_core.domain.errors import ExchangeError, KrakenError
from kraken_core.domain.formatting import byte_size
from kraken_core.domain.jobs import UNFINISHED, IngestionJob, JobStatus
from kraken_core.domain.market import Pair
from kraken_core.domain.ohlcvt import EARLIEST
from kraken_core.domain.outages import called
from kraken_core.domain.plural import counted
from kraken_core.domain.redaction import without_secrets
from kraken_core.domain.table_mark import TableMark
from kraken_core.domain.timerange import iso
from kraken_core.domain.venues import SPOT_NAME, is_installed
from kraken_core.executors.dask import other_versions
from kraken_core.ledger.engine import file_of
from kraken_core.ledger.inspection import LedgerState, inspect_ledger
from kraken_core.ports import Ledger, StoreState
from kraken_core.settings import FORMAT, ShownSetting
from kraken_core.workbench.archive_choices import unreadable_sources
from kraken_core.workbench.health import open_files
from kraken_core.workbench.health.reach import Reached, pairs_by_exchange, reach
from kraken_core.workbench.home import OpenHome
from kraken_core.workbench.jobs import disk

_LIBRARIES = ("polars", "duckdb", "deltalake", "sqlalchemy")
_OLDEST_SQLITE = (3, 35, 0)  # the ledger's statements use RETURNING
_NAMED = 3  # jobs that a message names
_MANY_OPEN = 0.8  # of the files that a process may have open
_SKEW_S = 5  # both clocks are read in whole seconds, and an answer takes its time


class Status(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"  # jobs run, and something should be looked at
    PROBLEM = "problem"  # jobs fail, or cannot be trusted


class Finding(NamedTuple):
    """What a check found, in one line; where it is not well, with what to do."""

    status: Status
    message: str


class HealthCheck(NamedTuple):
    """A finding and what it is about."""

    name: str
    status: Status
    message: str


class Diagnosis(NamedTuple):
    """All checks, in order, and the settings in force (none where they cannot be read)."""

    checks: tuple[HealthCheck, ...]
    settings: tuple[ShownSetting, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return all(check.status is not Status.PROBLEM for check in self.checks)


def examine(home: str | Path | None = None) -> Diagnosis:
    """Check a home (see :meth:`OpenHome.open`) and all it depends on. Whatever is wrong is a finding, not an error."""
    about_versions = _check("versions", _versions)
    try:
        workbench = OpenHome.open(home)
        tiers = workbench.settings.tiers()
        workbench.settings.identities()  # refused here where it is wrong
    except KrakenError as error:
        return Diagnosis((HealthCheck("settings", Status.PROBLEM, str(error)), about_versions))
    with workbench:
        settings = workbench.settings.shown()
        chosen = sum(setting.origin != "default" for setting in settings)
        summary = f"{chosen} of {len(settings)} are not the default; tiers {', '.join(tiers.names)}."
        about_settings = HealthCheck("settings", Status.OK, summary)
        return Diagnosis((about_settings, about_versions, *_Examination(workbench).checks()), settings)


def _about(exchange: str) -> str:
    """The name of the check of an exchange."""
    return "exchange" if exchange == SPOT_NAME else f"exchange {exchange}"


def _check(name: str, look: Callable[[], Finding]) -> HealthCheck:
    try:
        return HealthCheck(name, *look())
    except KrakenError as error:
        return HealthCheck(name, Status.PROBLEM, str(error))


def _versions() -> Finding:
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    python, sqlite = platform.python_version(), sqlite3.sqlite_version
    found = f"kraken-history {__version__}, Python {python}, SQLite {sqlite}, {libraries}."
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        wanted = ".".join(map(str, _OLDEST_SQLITE))
        return Finding(Status.PROBLEM, f"{found} SQLite has to be {wanted} or newer: use a newer Python.")
    return Finding(Status.OK, found)


@dataclass
class _Examination:
    """The checks of one home."""

    workbench: OpenHome

    def checks(self) -> Iterator[HealthCheck]:
        looks: dict[str, Callable[[], Finding]] = {
            "home": self._home,
            "filesystem": self._file_system,
            "archives": self._archives,
            "ledger": self._ledger,
            "table": self._table,
            **({"trades": self._trades} if self._keeps_trades else {}),
            "disk": self._disk,
            "cluster": self._cluster,
            "clock": self._clock,
            **{_about(name): partial(self._exchange, name) for name in self._pairs},
            "skew": self._skew,
            "open files": self._open_files,
            "jobs": self._jobs,
        }
        return (_check(name, look) for name, look in looks.items())

    def _open_files(self) -> Finding:
        """Of this process: in the dashboard, that of the dashboard."""
        count, limit = open_files.count(), open_files.limit()
        if count > _MANY_OPEN * limit:
            advice = "restart the dashboard, or give it a higher limit (ulimit -n)"
            return Finding(Status.WARNING, f"{count:,} of at most {limit:,} are open in this process: {advice}.")
        return Finding(Status.OK, f"{count:,} of at most {limit:,} are open in this process.")

    def _archives(self) -> Finding:
        if problems := unreadable_sources(self.workbench.settings):
            return Finding(Status.PROBLEM, " ".join(problems))
        if not (named := len(self.workbench.settings.csv_source_dirs)):
            return Finding(Status.OK, "csv_source_dirs names none: a job reads those that --csv-source-dir names.")
        return Finding(Status.OK, f"{named} named by csv_source_dirs.")

    @cached_property
    def _inspected(self) -> LedgerState | KrakenError | None:
        """Looked at once, however many checks need it: one that cannot be read may take long to say so."""
        try:
            return inspect_ledger(self.workbench.settings.ledger_url)
        except KrakenError as error:
            return error

    @property
    def _state(self) -> LedgerState | None:
        if isinstance(self._inspected, KrakenError):
            raise self._inspected
        return self._inspected

    @cached_property
    def _stored(self) -> StoreState:
        settings = self.workbench.settings
        return settings.store_kind.state(settings.store, settings.store_path, self._known_table)

    @property
    def _size(self) -> int:
        try:
            return self._stored.size
        except KrakenError:  # which is another finding
            return 0

    @property
    def _readable(self) -> Ledger | None:
        """The ledger, where reading it neither creates nor migrates it; why it cannot be read is another finding."""
        try:
            return self.workbench.ledger if self._state and self._state.is_current else None
        except KrakenError:
            return None

    def _home(self) -> Finding:
        home = self.workbench.settings.home
        if not home.exists():
            return Finding(Status.OK, f"{home} does not exist yet: the first job makes it.")
        if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
            return Finding(
                Status.PROBLEM, f"{home} cannot be written: change its owner or mode, or name another --home."
            )
        return Finding(Status.OK, f"{home} can be written, and has format {FORMAT}.")

    def _file_system(self) -> Finding:
        file = file_of(self.workbench.settings.ledger_url)
        if not file:
            return Finding(Status.OK, "not applicable: the ledger is not a file.")
        disk.require_local(file)
        kind = disk.file_system(file)
        if disk.shared_with_host(kind):
            advice = "use it from this side alone, or choose a --home on a disk of its own"
            return Finding(
                Status.WARNING, f"the ledger is in a folder shared with a virtual machine's host ({kind}): {advice}."
            )
        return Finding(Status.OK, f"the ledger is on a local file system ({kind or 'of an unknown kind'}).")

    def _ledger(self) -> Finding:
        state = self._state
        if state is None or state.revision is None:
            return Finding(Status.OK, "there is none yet: the first job makes it.")
        if state.damage:
            advice = "restore it from a backup, or ingest the archives into a new home"
            return Finding(Status.PROBLEM, f"{state.address} is damaged ({state.damage}): {advice}.")
        if not state.is_current:
            return Finding(
                Status.WARNING, f"{state.address} is of an older version: the next other command migrates it."
            )
        if state.journal not in {"", "wal"}:
            advice = "readers and a job block each other; choose a --home on a disk that can do WAL"
            return Finding(Status.WARNING, f"{state.address} has journal mode {state.journal}: {advice}.")
        mode = f", journal mode {state.journal}" if state.journal else ""
        return Finding(Status.OK, f"{state.address}, revision {state.revision}{mode}.")

    def _known_table(self) -> TableMark | None:
        return self._readable.known_table() if self._readable else None

    def _table(self) -> Finding:
        found = self._stored
        status = Status.PROBLEM if found.damaged else Status.WARNING if found.improvable else Status.OK
        return Finding(status, found.text)

    @property
    def _keeps_trades(self) -> bool:
        ledger = self._readable
        return bool(self.workbench.settings.keep_trades or (ledger and ledger.kept_claims()))

    def _trades(self) -> Finding:
        from kraken_core.stores.delta.state import table_state  # noqa: PLC0415 - only where trades are kept

        where = self.workbench.settings.trades_table
        if self._readable:
            _ = self.workbench.trade_table.mark  # refused where it is not the known one
        found = table_state(where)
        if found.lost:
            advice = "restore them from a backup, or take them off the record with: kraken-history doctor --repair"
            lost = counted(len(found.lost), "file")
            return Finding(Status.PROBLEM, f"{where} is missing {lost}, such as {found.lost[0]}: {advice}.")
        size = byte_size(found.size)
        return Finding(Status.OK, f"{counted(found.candles, 'trade')} in {counted(found.files, 'file')}, {size}.")

    def _disk(self) -> Finding:
        settings, size = self.workbench.settings, self._size
        label = "candle table" if settings.store_is_local else "candles on their way"
        places = {settings.home: "home", settings.store_path: label}
        if not (settings.store_is_local or settings.store_kind.staged_here):
            del places[settings.store_path]
        free = {place: disk.free_bytes(place) for place in places}
        summary = "; ".join(f"{byte_size(free[place])} free for the {name}" for place, name in places.items())
        summary += f", which takes {byte_size(size)}" if settings.store_is_local else ""
        if min(free.values()) < disk.RESERVE_BYTES:
            return Finding(Status.PROBLEM, f"{summary}: too little for any job; free some, or move what is full.")
        if settings.store_is_local and free[settings.store_path] < size:
            return Finding(Status.WARNING, f"{summary}: too little to replace much of it; free some, or move it.")
        return Finding(Status.OK, f"{summary}.")

    def _cluster(self) -> Finding:
        address = self.workbench.settings.dask
        if not address:
            return Finding(Status.OK, "not used: the job's own threads read archives.")
        if others := other_versions(address):
            advice = "give all of them the same"
            return Finding(Status.PROBLEM, f"another version runs on {', '.join(others)} than {__version__}: {advice}.")
        return Finding(Status.OK, f"the Dask workers at {without_secrets(address)} are there, with this version.")

    def _clock(self) -> Finding:
        now, ledger = self.workbench.clock.now(), self._readable
        newest = max((covered.end for covered in ledger.coverage()), default=EARLIEST) if ledger else EARLIEST
        if now < newest:
            advice = "set it, or candles that have closed are refused"
            return Finding(
                Status.PROBLEM, f"it shows {iso(now)}, before {iso(newest)}, of which candles are stored: {advice}."
            )
        return Finding(Status.OK, f"it shows {iso(now)}, later than all stored candles.")

    @cached_property
    def _pairs(self) -> dict[str, set[Pair]]:
        return pairs_by_exchange(self._readable)

    @cached_property
    def _reached(self) -> dict[str, Reached | ExchangeError]:
        found: dict[str, Reached | ExchangeError] = {}
        for name in filter(is_installed, self._pairs):
            try:
                found[name] = reach(name, self.workbench.settings, self.workbench.clock)
            except ExchangeError as error:
                found[name] = error
        return found

    def _exchange(self, name: str) -> Finding:
        match self._reached.get(name):
            case None:
                advice = "what is stored is read, and nothing is requested: install its package"
                return Finding(Status.WARNING, f"no exchange {name} is installed: {advice}.")
            case ExchangeError() as error:
                return Finding(Status.WARNING, f"{error} {self._without(name)}")
            case Reached(state="maintenance"):
                return Finding(Status.WARNING, "its API answers that it is in maintenance: try again later.")
            case Reached(state=state):  # orders may be refused; market data is served all the same
                return Finding(Status.OK, f"its API answers; its state is {state}.")

    def _without(self, name: str) -> str:
        """What follows of an outage, and what to do."""
        if name == SPOT_NAME:
            return "Until it answers, gaps are filled from archives alone."
        pairs = counted(len(self._pairs[name]), "pair")
        return f"Until it answers, gaps of {pairs} here stay open. Its address is that of the setting exchange_urls."

    def _skew(self) -> Finding:
        """Of the exchange whose clock is furthest from ours."""
        found = {name: each.ahead_s for name, each in self._reached.items() if isinstance(each, Reached)}
        if not found:
            return Finding(Status.OK, "unknown, as the exchange's time is not available.")
        name = max(found, key=lambda name: abs(found[name]))
        ahead = found[name]
        theirs = "the exchange's" if name == SPOT_NAME else f"that of {called(name)}"
        if abs(ahead) < _SKEW_S:
            return Finding(Status.OK, f"our clock is less than {_SKEW_S} s from {theirs}.")
        by = f"our clock is {abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} {theirs}"
        return Finding(Status.WARNING, f"{by}: set it; until then jobs go by the earlier of the two.")

    def _jobs(self) -> Finding:
        if not (ledger := self._readable):
            return Finding(Status.OK, "none is known.")
        work = self.workbench.runner
        lost = [job for job, _ in work.stalled_jobs()]
        waiting = [job for job in ledger.jobs(UNFINISHED) if job.status is not JobStatus.RUNNING]
        if lost:
            advice = f"resume with {work.resume_command(lost[0])}"
            return Finding(Status.WARNING, f"the worker of {_listed(lost)} is gone: {advice}")
        if waiting:
            advice = (
                f"resume with {work.resume_command(waiting[0])}, or cancel with kraken-history cancel {waiting[0].id}"
            )
            return Finding(Status.WARNING, f"{_listed(waiting)} did not end: {advice}")
        running = ledger.jobs([JobStatus.RUNNING])
        return Finding(Status.OK, f"{_listed(running)} is running." if running else "no unfinished job.")


def _listed(jobs: Sequence[IngestionJob]) -> str:
    """``job 3``, or ``jobs 3, 2, 1 and 4 more``."""
    named = ", ".join(str(job.id) for job in jobs[:_NAMED])
    more = f" and {len(jobs) - _NAMED} more" if len(jobs) > _NAMED else ""
    return f"job{'s' if len(jobs) > 1 else ''} {named}{more}"
