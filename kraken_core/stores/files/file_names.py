"""What files of candles are called: a number that no other process draws, and a checksum of what is in them.

A name goes wherever its file does, through logs, merges and copies, so that anyone can check whether the file is as it
was written: a CRC-32 finds every flip of a single bit, and of up to 32 in a row. Files of earlier versions of this
program carry none.
"""

from __future__ import annotations

import re
import uuid
import zlib
from collections.abc import Callable
from pathlib import PurePosixPath

Name = Callable[[int], str]  # a file's path relative to the table, given the checksum of its content

_OURS = re.compile(r"[0-9a-f]{32}(?:-(?P<checksum>[0-9a-f]{8}))?\.parquet")


def new_name(folder: str) -> Name:
    """The name of a new file in a folder of the table."""
    number = uuid.uuid4().hex
    return lambda checksum: f"{folder}/{number}-{checksum:08x}.parquet"


def is_ours(path: str) -> bool:
    """Whether this program named a file."""
    return _OURS.fullmatch(PurePosixPath(path).name) is not None


def checksum_in(path: str) -> int | None:
    """The checksum that a file's name carries; None where it carries none."""
    found = _OURS.fullmatch(PurePosixPath(path).name)
    return int(found["checksum"], 16) if found and found["checksum"] else None


def is_as_written(path: str, content: bytes) -> bool:
    """Whether a file's content is what its name states; also where that states nothing."""
    return checksum_in(path) in {None, zlib.crc32(content)}
