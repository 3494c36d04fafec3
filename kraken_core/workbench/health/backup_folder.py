"""The folder of a backup: what is in it, and the small files that it has beside ledger and candles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from kraken_core.domain.errors import HomeError, UsageError
from kraken_core.domain.file_errors import reason_of
from kraken_core.ledger.saving import note_in
from kraken_core.settings import FORMAT_FILE, Settings
from kraken_core.stores.files.durable import write_whole

MARKER, LEDGER, TABLE, TRADES = "BACKUP.json", "ledger.db", "candles", "trades"
_SETTINGS = "kraken.toml"
_ASIDE = "kraken.toml.saved"
_FILES = (FORMAT_FILE, "tiers.toml", "identities.toml", "watch.json", "live.json")
_FOLDERS = ("logs", "rejects")
_HOW = "name a folder that is empty, does not exist yet, or has an earlier backup of this home"


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup has."""

    folder: str
    saved_at: str  # ISO 8601, UTC
    table: str  # as the ledger names it
    version: int  # of the table
    files: int  # of the table
    copied: int  # of them, those that were new
    bytes: int  # of all of them
    damaged: tuple[str, ...]  # files of candles that were missing, or not as they were written: not saved
    ledger_is_older: bool  # than the candle table beside it


@contextmanager
def messages(verb: str, place: Path) -> Iterator[None]:
    """Whatever is wrong with files or disk, in one line. Raises HomeError."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise HomeError(
            f"cannot {verb} {place}: {reason_of(error)}{where}. What was copied is kept: correct that, and the same "
            "command continues."
        ) from error


def check_outside(folder: Path, home: Path) -> None:
    """Raises UsageError where one is in the other."""
    ours, theirs = home.resolve(), folder.resolve()
    if ours.is_relative_to(theirs) or theirs.is_relative_to(ours):
        raise UsageError(f"{folder} and the home {home} are one in the other: name a folder elsewhere.")


def begin(folder: Path) -> None:
    """Make the folder, and a note that it is one of ours. Raises UsageError where something else is in it."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / MARKER).exists():
        if any(folder.iterdir()):
            raise UsageError(f"{folder} has other files in it: {_HOW}.")
        write_whole(folder / MARKER, b"the backup was not finished yet\n")


def text_of(saved: Backup) -> str:
    """What is noted of a backup."""
    return json.dumps(asdict(saved), indent=2) + "\n"


def read_backup(folder: Path) -> Backup:
    """What a backup has. Raises UsageError where the folder is none, or is not finished; LedgerError."""
    if not (folder / MARKER).is_file():
        raise UsageError(f"{folder} is no backup: it has no {MARKER}. Name the folder that kraken-history backup made.")
    if not (folder / LEDGER).is_file():
        raise UsageError(f"the backup in {folder} was not finished: run kraken-history backup again, or name another.")
    values = json.loads(note_in(folder / LEDGER))
    return Backup(**{**values, "damaged": tuple(values["damaged"])})


def copy_small_files(home: Path, folder: Path) -> None:
    """Settings, tiers, logs and rejected rows.

    Settings that name a ledger or a store elsewhere are put aside: a backup that was opened, or restored, with them
    would be another home's.
    """
    for name in _FILES:
        if (home / name).is_file():
            _copy(home / name, folder / name)
    origins = Settings.load(home, {}).origins
    elsewhere = {origins[name] for name in ("ledger", "store", "trades_store")} != {"default"}
    for name, to in ((_ASIDE, _ASIDE), (_SETTINGS, _ASIDE if elsewhere else _SETTINGS)):
        if (home / name).is_file():
            _copy(home / name, folder / to)
    for name in _FOLDERS:
        for path in sorted((home / name).glob("*")):
            if path.is_file():
                _copy(path, folder / name / path.name)


def _copy(path: Path, to: Path) -> None:
    """A file with the rights it has: settings may hold a password."""
    content = path.read_bytes()
    if not to.is_file() or to.read_bytes() != content:
        write_whole(to, content, path.stat().st_mode & 0o777)
