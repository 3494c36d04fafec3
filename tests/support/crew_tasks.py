"""What tests have crews do: in a module of its own, which a worker in another process can import."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import NoReturn

from kraken_core.domain.errors import BadFileError

PATIENCE_S = 60


def refuse(name: str) -> NoReturn:
    raise BadFileError(f"{name} is broken")


def crash() -> NoReturn:
    raise ZeroDivisionError("nothing\nto divide")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def append(path: Path) -> None:
    with path.open("a") as file:
        file.write("done\n")


def hold(marker: Path, release: Path) -> int:
    """Say where this runs, and wait until it is let go."""
    marker.write_text(str(os.getpid()))
    until = time.monotonic() + PATIENCE_S
    while not release.exists() and time.monotonic() < until:
        time.sleep(0.01)
    return os.getpid()


def appeared(path: Path) -> str:
    """What a file holds, once it is there."""
    until = time.monotonic() + PATIENCE_S
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < until, f"{path.name} never appeared"
        time.sleep(0.01)
    return path.read_text()
