"""A worker's lease of its job: renewed while it works, with its progress, and where it gets requests of others."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from kraken_core.domain.errors import IllegalMoveError, LedgerError
from kraken_core.domain.jobs import Control, IngestionJob, ProgressReport
from kraken_core.ports import Ledger, Progress

LEASE_S = 30  # a worker without a sign of life for so long is taken for lost
HEARTBEAT_S = 1.0  # how soon a request to pause takes effect

LOG = logging.getLogger("kraken_core")


def last_seen(job: IngestionJob, now: int) -> datetime | None:
    """When the worker of a running job last gave a sign of life, by ``now``; None where it has no lease."""
    return None if job.lease_until is None else datetime.fromtimestamp(min(job.lease_until - LEASE_S, now), UTC)


@dataclass(slots=True)
class Lease:
    """Renews the lease in a thread of its own while entered, and passes on what the worker is ``doing``.

    ``over`` is whether the worker has to stop.
    """

    ledger: Ledger
    job: IngestionJob
    doing: ProgressReport | None = None
    requested: Control | None = None
    lost: str = ""  # why, once it is
    _left: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @property
    def over(self) -> bool:
        """Whether the worker has to stop: on request, or as its job is no longer its own."""
        return bool(self.lost) or self.requested is not None

    def pass_on(self, progress: Progress, report: ProgressReport) -> None:
        """Progress for the caller that started the job, and for other processes."""
        self.doing = report
        progress(report)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._beat, name=f"lease of job {self.job.id}", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        if self._thread:
            self._thread.join()

    def _beat(self) -> None:
        """Renew it again and again.

        How long it lasts is counted from before it was requested, so that it ends here before it does in the ledger.
        """
        valid_until = time.monotonic() + LEASE_S
        while not self._left.wait(HEARTBEAT_S) and not self.lost:
            requested_at = time.monotonic()
            try:
                self.requested = self.ledger.renew(self.job, LEASE_S, self.doing) or self.requested
                valid_until = requested_at + LEASE_S
            except IllegalMoveError:
                self.lost = "it was taken for lost, or another process moved it"
            except LedgerError:  # it may come back before the lease runs out
                LOG.warning("the lease of job %s could not be renewed", self.job.id, exc_info=True)
                if time.monotonic() >= valid_until:
                    self.lost = f"its ledger did not answer for {LEASE_S} s, so that others may take it for lost"
