"""``kraken-history backup`` and ``restore``: a home saved whole, while jobs run, and brought back.

A backup is a home: its ledger is a file, its candle table a folder, wherever the home's own are. Its ledger is of the
very version of the table beside it, or, where jobs leave no moment for that, of an earlier one: candles that no ledger
counts yet are found by ``doctor --repair``; candles that a ledger counts and nobody has would be lost.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from kraken_core.domain.errors import HomeError, UsageError
from kraken_core.domain.jobs import JobStatus, ProgressReport
from kraken_core.domain.timerange import iso
from kraken_core.failpoints import reached
from kraken_core.ledger.ledger import SqlLedger
from kraken_core.ledger.saving import add_note, move_to_table, save_ledger
from kraken_core.ports import CandleTable, Progress, Savable, SavedTable, no_progress
from kraken_core.settings import Settings, ledger_address
from kraken_core.stores.files.durable import put_in_place, write_whole
from kraken_core.stores.trades.trade_table import TradeTable
from kraken_core.workbench.health.backup_folder import (
    LEDGER,
    MARKER,
    TABLE,
    TRADES,
    Backup,
    begin,
    check_outside,
    copy_small_files,
    messages,
    read_backup,
    text_of,
)
from kraken_core.workbench.home import OpenHome
from kraken_core.workbench.jobs.clock import SystemClock
from kraken_core.workbench.open_store import open_store

_TRIES = 20  # to find a moment in which no job commits
_NEW_LEDGER = f".{LEDGER}.new"


def backup(home: str | Path | None, folder: str | Path, progress: Progress = no_progress) -> Backup:
    """Save a home into a folder, where the same call later brings it up to date. Jobs may run meanwhile.

    Raises UsageError where the folder has anything else in it, or the candles are no files; HomeError where there is
    nothing to save; LedgerError and StoreError where ledger or table cannot be read.
    """
    target = Path(folder).expanduser().absolute()
    with OpenHome.open(home) as opened:
        settings = opened.settings
        if opened.ledger.is_temporary:
            raise HomeError(f"there is nothing to save in {settings.home}: the first job makes a home.")
        table = _savable(opened.store, settings)
        check_outside(target, settings.home)
        with messages("save", target):
            begin(target)
            version, matching = _save_ledger_of_one_version(opened, target / _NEW_LEDGER)
            saved = table.save(version, target / TABLE, _shown(progress))
            # Behind the ledger, as a newer table of trades is right: it has all that the ledger claims.
            saved = saved.joined(_save_trades(opened.trade_table, target, progress), TRADES)
            copy_small_files(settings.home, target)
            done = Backup(str(target), iso(opened.clock.now()), settings.table, *saved, ledger_is_older=not matching)
            add_note(target / _NEW_LEDGER, text_of(done))
            put_in_place(target / _NEW_LEDGER, target / LEDGER)
            reached("backup.ledger")
            write_whole(target / MARKER, text_of(done).encode())
            _forget_old_files(target, opened.clock.now())
    return done


def restore(folder: str | Path, home: str | Path | None = None, progress: Progress = no_progress) -> Backup:
    """Make a home of a backup. It comes into being at once, when all is there; interrupted, the same call continues.

    Files of candles that are damaged in the backup are left out, and listed. Jobs that ran are failed, to be resumed.
    Raises UsageError where the folder is no finished backup, or the home has anything in it.
    """
    source = Path(folder).expanduser().absolute()
    saved = read_backup(source)
    settings = _new_home(home, source)
    making = settings.home.with_name(f"{settings.home.name}.restoring")
    with messages("restore", settings.home):
        _begin_again(making, saved)
        table = _savable(open_store(Settings(source), lambda _: []), settings)
        restored = table.save(saved.version, making / TABLE, _shown(progress))
        restored = restored.joined(_save_trades(TradeTable(source / TRADES), making, progress), TRADES)
        copy_small_files(source, making)
        ledger = making / _NEW_LEDGER
        write_whole(ledger, (source / LEDGER).read_bytes())
        move_to_table(ledger, saved.table, settings.table)
        _fail_running(ledger, settings.table)
        put_in_place(ledger, making / LEDGER)
        reached("backup.ledger")
        (making / MARKER).unlink()
        making.replace(settings.home)
    return replace(saved, folder=str(settings.home), copied=restored.copied, damaged=restored.damaged)


def _save_trades(table: TradeTable, folder: Path, progress: Progress) -> SavedTable:
    """The table of kept trades as it is now, where there is one."""
    return table.save(table.version, folder / TRADES, _shown(progress))


def _savable(table: CandleTable, settings: Settings) -> Savable:
    if not isinstance(table, Savable):
        raise UsageError(
            f"{settings.table} is on a server, which saves its tables itself: its backup and that of the ledger are "
            "one. Or copy the candles to a folder, for a home of its own: kraken-history copy --to FOLDER"
        )
    return table


def _save_ledger_of_one_version(home: OpenHome, file: Path) -> tuple[int, bool]:
    """Save the ledger, of a moment in which no job commits if there is any; the table's version, and whether it was."""
    matching = False
    for _ in range(_TRIES):
        file.unlink(missing_ok=True)
        before = home.store.mark
        save_ledger(home.settings.ledger_url, file)
        if matching := home.store.mark == before:
            break
    return home.store.mark.version, matching


def _shown(progress: Progress) -> Callable[[int, int], None]:
    return lambda done, total: progress(ProgressReport("copy", done, total))


def _forget_old_files(folder: Path, now: int) -> None:
    """Delete what left the backup's tables more than a week ago."""
    open_store(Settings(folder), lambda _: []).vacuum(now)
    TradeTable(folder / TRADES).vacuum(now)


def _new_home(home: str | Path | None, source: Path) -> Settings:
    """The settings of a home to be made. Raises UsageError where there is one, or its files would be elsewhere."""
    settings = Settings.load(home)
    if settings.home.exists() and any(settings.home.iterdir()):
        raise UsageError(
            f"{settings.home} has files in it: name an empty folder, or one that does not exist, with --home."
        )
    if named := [name for name in ("ledger", "store", "trades_store") if settings.origins[name] != "default"]:
        raise UsageError(
            f"{settings.origins[named[0]]} names a {named[0]}, and a backup is restored into the home itself: unset it."
        )
    check_outside(source, settings.home)
    return settings


def _begin_again(making: Path, saved: Backup) -> None:
    """Continue what an interrupted restore of this backup left; that of another is of no use. Raises UsageError."""
    marker, text = making / MARKER, text_of(saved)
    if marker.is_file() and marker.read_text(encoding="utf-8") != text:
        shutil.rmtree(making)
    elif making.exists() and not marker.is_file() and any(making.iterdir()):
        raise UsageError(f"{making} is needed for the time being, and has other files in it: move it away.")
    write_whole(marker, text.encode())


def _fail_running(file: Path, table: str) -> None:
    """The workers of jobs that ran when the backup was made are those of the home it is of."""
    ledger = SqlLedger.open(ledger_address(file), table, SystemClock())
    try:
        for job in ledger.jobs([JobStatus.RUNNING]):
            ledger.move(job, job.mark_lost("the backup was made while it ran"))
    finally:
        ledger.close()
