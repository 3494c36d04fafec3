"""Files that survive a power cut, and are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Make a file's content, or a folder's entries, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a file, durable when this returns; whatever interrupts it, there is the earlier one, or the new one.

    It is never readable for more people than ``mode`` says.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:
            file.write(content)
        put_in_place(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)  # half a file is of no use, and may be what fills the disk
        raise


def put_in_place(beside: Path, path: Path) -> None:
    """Have a file that was written take the place of another one, durable when this returns."""
    sync(beside)
    beside.replace(path)
    sync(path.parent)
