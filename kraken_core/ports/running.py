"""Who carries a job out, by which clock, and who hears how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from kraken_core.domain.jobs import ProgressReport


class Clock(Protocol):
    """The present, replaceable, so that a run can be repeated."""

    def now(self) -> int:
        """Epoch seconds."""
        ...


class WorkerPool(NamedTuple):
    """Reads the batches of a job, ``size`` of them at once.

    What the executor is given, and what it gives back, may cross a network: small and picklable values.
    """

    executor: Executor
    size: int
    description: str = ""


Progress: TypeAlias = "Callable[[ProgressReport], None]"


def no_progress(report: ProgressReport) -> None:
    """Progress that is not shown."""


def never_stop() -> bool:
    """Never asks to stop."""
    return False
