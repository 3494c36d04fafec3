"""A job's own log: what is logged while it runs, in a file of its home."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kraken_core.domain.errors import HomeError

LOG = logging.getLogger("kraken_core")


class _LogFile(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Nothing: a log that cannot be written, as on a full disk, is no reason to fill the terminal."""


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Whatever is logged meanwhile goes to the file too. Raises HomeError where there cannot be one."""
    try:
        handler = _LogFile(path, encoding="utf-8")
    except OSError as error:
        raise HomeError(f"{path} cannot be written: {error.strerror}. Nothing was done; mend that first.") from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOG.removeHandler(handler)
        with suppress(OSError):  # what could not be written before cannot be now
            handler.close()
