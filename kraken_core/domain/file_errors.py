"""Why a file could not be written, whichever library was at it: some put the system's reason into their text alone."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from kraken_core.domain.errors import HomeError, KrakenError, UsageError

_FULL = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))
_NUMBER = re.compile(r"\s*\(os error \d+\)")  # as Rust's libraries add


def is_full(error: BaseException) -> bool:
    """Whether it is that a disk, or what of it is ours, is full."""
    return any(full in str(error) for full in _FULL)


def reason_of(error: BaseException) -> str:
    """What the system said, in one line."""
    if is_full(error):
        return "its disk is full"
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return _NUMBER.sub("", said.strip().partition("\n")[0]).rstrip(".") or type(error).__name__


@contextmanager
def write_errors(place: object, advice: str = "Choose another place.") -> Iterator[None]:
    """Turn whatever keeps files from being written into one line that names the file, else the ``place``.

    Raises HomeError where the disk is full, as the same request is right once there is room; UsageError.
    """
    try:
        yield
    except KrakenError:
        raise
    except Exception as error:
        where = getattr(error, "filename", None) or place
        if is_full(error):
            raise HomeError(
                f"{where} cannot be written: {reason_of(error)}. Free some space, or choose another place."
            ) from error
        if isinstance(error, OSError):
            raise UsageError(f"{where} cannot be written: {reason_of(error)}. {advice}") from error
        raise
