"""The ledger: all that a job records, by role. A step of the pipeline takes the role it uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kraken_core.ports.audits import AuditLedger
from kraken_core.ports.claims import ClaimLedger
from kraken_core.ports.coverage import CoverageLedger
from kraken_core.ports.differences import DifferenceLedger
from kraken_core.ports.jobs import JobLedger
from kraken_core.ports.pairs import PairLedger
from kraken_core.ports.trades import KeptLedger

if TYPE_CHECKING:
    from collections.abc import Callable

    from kraken_core.domain.jobs import IngestionJob
    from kraken_core.domain.table_mark import TableMark


class MarketLedger(ClaimLedger, PairLedger, CoverageLedger, DifferenceLedger, AuditLedger, KeptLedger, Protocol):
    """What is known of the market, without the jobs that brought it."""


class Ledger(JobLedger, MarketLedger, Protocol):
    """What was requested, read, claimed, covered and found missing. Every method is one transaction."""

    def for_worker(self, job: IngestionJob, mark: Callable[[], TableMark]) -> Ledger:
        """This ledger for the worker that runs a job.

        Whatever it writes is recorded together with how far the table is (``mark``), and only while the worker has
        the job: else every method that writes raises IllegalMoveError.
        """
        ...
