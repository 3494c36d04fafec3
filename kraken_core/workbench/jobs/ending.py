"""How a run ends: its job moved to the state in which it ended, and the error of one that did not complete."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace

from kraken_core.domain.errors import (
    IllegalMoveError,
    Interrupted,
    JobError,
    KrakenError,
    LedgerError,
    MoreRequestsNeededError,
)
from kraken_core.domain.file_errors import reason_of
from kraken_core.domain.jobs import Control, IngestionJob
from kraken_core.pipeline.run import JobResult
from kraken_core.ports import Ledger
from kraken_core.settings import Settings
from kraken_core.workbench.jobs.lease import Lease
from kraken_core.workbench.jobs.log import LOG


@dataclass(frozen=True, slots=True)
class RunEnding:
    """Moves the job of a run to the state in which the run ended."""

    ledger: Ledger
    settings: Settings

    def guarded(
        self, job: IngestionJob, lease: Lease, stop: Callable[[], bool], run: Callable[[], JobResult]
    ) -> JobResult:
        """The run, with the job moved to the state in which it ended, whatever happens."""
        try:
            with self.ledger.with_retries(stop):
                result = run()
                return replace(result, job=self.ledger.move(job, job.mark_completed(result.job.error)))
        except MoreRequestsNeededError as needed:
            self.ledger.move(job, job.mark_paused())
            self.ledger.add_event(job.id, "requests", str(needed))
            raise MoreRequestsNeededError(
                f"job {job.id} is paused: {needed} To allow them: {resume_command(self.settings, job)} "
                "(or allow more beforehand, with --max-requests)",
                job.id,
            ) from None
        except (Interrupted, KeyboardInterrupt):
            raise self._interrupted(job, lease) from None
        except KrakenError as error:
            raise self._failed(job, str(error)) from error
        except OSError as error:
            where = error.filename or self.settings.home
            reason = f"{where}: {reason_of(error)}. What was committed is kept; fix that first."
            raise self._failed(job, reason) from error
        except BaseException as error:
            LOG.exception("job %s failed", job.id)
            reason = " ".join(f"{type(error).__name__}: {error}".split())  # one line, whatever its text
            self.ledger.move(job, job.mark_failed(reason))
            raise

    def _failed(self, job: IngestionJob, reason: str) -> JobError:
        """The job moved to FAILED, and its error."""
        LOG.exception("job %s failed", job.id)
        try:
            self.ledger.move(job, job.mark_failed(reason))
        except IllegalMoveError:
            return JobError(
                f"job {job.id} stopped: another process has taken it over or ended it, or this worker was considered "
                f"lost. What it did is kept; see: kraken-history jobs {job.id}"
            )
        except LedgerError:  # its disk may be full too: a later resume finds the worker gone
            LOG.exception("that job %s failed could not be recorded", job.id)
        return JobError(f"job {job.id} failed: {reason} Resume with: {resume_command(self.settings, job)}")

    def _interrupted(self, job: IngestionJob, lease: Lease) -> KrakenError:
        """The job moved as its interruption requested, and its error."""
        if lease.lost:
            return JobError(f"job {job.id} stopped: {lease.lost}. What it did is kept: kraken-history jobs {job.id}")
        if lease.requested is Control.CANCEL:
            self.ledger.move(job, job.mark_cancelled())
            return Interrupted(f"job {job.id} is cancelled: what it did is kept, and it cannot be resumed.")
        self.ledger.move(job, job.mark_paused())
        return Interrupted(f"job {job.id} is paused; resume with: {resume_command(self.settings, job)}")


def resume_command(settings: Settings, job: IngestionJob) -> str:
    """The command that resumes a job, here and now. It reads nothing: the ledger may be away."""
    where = f" --home {shlex.quote(str(settings.home))}" if settings.origins.get("home") == "--home" else ""
    command = "audit" if job.request.audit else "ingest"
    return f"kraken-history {command}{where} --resume {job.id}"
