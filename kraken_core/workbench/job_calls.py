"""What changes a home's history, as calls that return once it is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kraken_core.domain.errors import StoreError
from kraken_core.domain.jobs import BY_HAND
from kraken_core.ports import never_stop, no_progress
from kraken_core.workbench import requests
from kraken_core.workbench.history_reads import HistoryReads

if TYPE_CHECKING:
    from kraken_core.domain.jobs import IngestionJob, JobOrigin
    from kraken_core.domain.plan import IngestionPlan
    from kraken_core.domain.request import Request
    from kraken_core.domain.verification.checks import Verification
    from kraken_core.pipeline.adopt import Adopted
    from kraken_core.pipeline.audit import AuditOutcome
    from kraken_core.pipeline.copy import Copied
    from kraken_core.ports import Progress
    from kraken_core.workbench.jobs.control import JobControl
    from kraken_core.workbench.transfer import Transfer


class JobCalls(HistoryReads):
    """Plans, runs and undoes jobs, verifies, audits and copies."""

    def verify(
        self,
        *,
        report_only: bool = False,
        keep: bool = True,
        progress: Progress = no_progress,
        **selection: Any,  # noqa: ANN401 - see select()
    ) -> Verification:
        """Compare series with each other, and the ledger with the candles. Arguments as for :meth:`select`.

        Claims to silence that another interval contradicts are withdrawn, and slots graded by what was found, unless
        ``report_only`` or while a job runs: ``note`` says so. What was found is kept, for
        ``run_records.verifications()``, unless not to be: then ``report_only`` leaves the home as it is.
        Raises StoreError where the table cannot be read, UsageError where pairs are named that the home does not have.
        """
        from kraken_core.workbench.jobs.verify import Verifying

        chosen = self.select(**selection)
        self.holdings.check_known(chosen)
        found = Verifying(self.runner, self.holdings, self.price_rules).run(chosen, progress, report_only=report_only)
        if keep:
            self.run_records.keep_verification(found, chosen, self.clock.now(), self._token_or_none)
        return found

    def _token_or_none(self) -> str:
        """The change token; "" where the table is damaged."""
        try:
            return self.change_token
        except StoreError:
            return ""

    def audit_request(self, **request: Any) -> Request:  # noqa: ANN401 - see audit_request()
        """What to audit: see :func:`kraken_core.workbench.requests.audit_request`."""
        return requests.audit_request(self, **request)

    def audit(
        self,
        *,
        progress: Progress = no_progress,
        stop: Callable[[], bool] = never_stop,
        **request: Any,  # noqa: ANN401 - see audit_request()
    ) -> AuditOutcome:
        """Compare counts of trades with the exchange's trade ids. Arguments as for :meth:`audit_request`.

        An unfinished audit of the same request is taken up instead. Raises what :meth:`JobRunner.run` raises.
        """
        return self.control.audit(self.audit_request(**request), progress=progress, stop=stop)

    def copy(
        self,
        to: str,
        *,
        progress: Progress = no_progress,
        stop: Callable[[], bool] = never_stop,
        **selection: Any,  # noqa: ANN401 - see select()
    ) -> list[Copied]:
        """Copy candles into another table, ``to``: a folder or a server. Arguments as for :meth:`select`.

        What is there already is not written again, so that the same call goes on with one that was interrupted.
        Raises StoreError where a series is not equal in both afterwards.
        """
        return self._transfer.copy(to, self.select(**selection), progress, stop)

    def import_assetprice(self, assets: str | Path | None = None, *, progress: Progress = no_progress) -> Adopted:
        """Take a table ``assetprice`` that is in QuestDB already into the ledger, and change nothing of it.

        ``assets``: a CSV of id and ticker, where the server has no table ``asset``. Raises UsageError, LedgerError.
        """
        self.create_home()
        return self._transfer.take_over(Path(assets) if assets else None, self.clock.now(), progress)

    @property
    def _transfer(self) -> Transfer:
        from kraken_core.workbench.transfer import Transfer

        return Transfer(self.settings, self.ledger, self.store, self.tiers)

    def request(self, **request: Any) -> Request:  # noqa: ANN401 - see ingest_request()
        """What to ingest: see :func:`kraken_core.workbench.requests.ingest_request`."""
        return requests.ingest_request(self, **request)

    def backfill_request(self, **request: Any) -> Request:  # noqa: ANN401 - see backfill_request()
        """What to fill: see :func:`kraken_core.workbench.requests.backfill_request`."""
        return requests.backfill_request(self, **request)

    def plan(self, **request: Any) -> IngestionPlan:  # noqa: ANN401 - see request()
        """What a request will do. Writes nothing. Arguments as for :meth:`request`."""
        return self.runner.build_plan(self.request(**request))

    @property
    def control(self) -> JobControl:
        """Beginning, pausing, resuming and cancelling jobs."""
        from kraken_core.workbench.jobs.control import JobControl

        return JobControl(self.runner)

    def run(
        self, plan: IngestionPlan, *, progress: Progress = no_progress, stop: Callable[[], bool] = never_stop
    ) -> IngestionJob:
        """Do what the plan says, to the end; an unfinished job of the same request is taken up instead.

        Raises what :meth:`JobRunner.run` raises.
        """
        self.runner.check_ready(plan)  # before a home is made
        self.create_home()
        return self.control.run(plan, progress=progress, stop=stop).job

    def run_detached(
        self, plan: IngestionPlan, workers: int | None = None, origin: JobOrigin = BY_HAND
    ) -> IngestionJob:
        """As :meth:`run`, but in a process of its own; returns the job once that has taken it up.

        Raises what :meth:`JobRunner.start_detached` raises, HomeError where the plan cannot go well.
        """
        self.runner.check_ready(plan)
        self.create_home()
        return self.control.start(plan, workers, origin)

    def undo(self, job_id: int) -> IngestionJob:
        """Take back the latest job that changed something: what it claimed, read and stored. Raises as ``undo``."""
        from kraken_core.workbench.jobs.undo import undo

        return undo(self.runner, job_id, lambda: self.trade_table)
