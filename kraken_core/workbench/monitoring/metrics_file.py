"""A home's metrics as a file, which Prometheus' node exporter collects (its textfile collector)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kraken_core.domain.errors import JobRunningError, KrakenError, LedgerAwayError, UsageError
from kraken_core.domain.metrics import Metric, exposition
from kraken_core.workbench.jobs.log import LOG


@dataclass(frozen=True, slots=True)
class MetricsFile:
    """Writes what ``read`` finds to a file that is whole whenever it is read."""

    path: Path
    read: Callable[[], Sequence[Metric]]

    def begin(self) -> None:
        """Write it for the first time, or later where the ledger is away or a job being undone.

        Raises UsageError if it cannot be written.
        """
        try:
            self._write()
        except (JobRunningError, LedgerAwayError) as error:
            LOG.warning("the metrics file %s was not written: %s", self.path, error)
        except OSError as error:
            raise UsageError(
                f"the metrics file {self.path} cannot be written: {error.strerror}. Choose another --metrics-file."
            ) from error

    def update(self) -> str:
        """Write it again; what went wrong, "" where nothing did. The file is as it was then, and shows its age."""
        try:
            self._write()
        except OSError as error:
            problem = f"the metrics file {self.path} could not be written: {error.strerror}"
        except KrakenError as error:
            problem = f"the metrics file {self.path} was not written: {error}"
        else:
            return ""
        LOG.warning("%s", problem)
        return problem

    def _write(self) -> None:
        beside = self.path.with_name(f".{self.path.name}.new")  # the collector reads whatever ends in .prom
        beside.write_text(exposition(self.read()), encoding="utf-8")
        os.replace(beside, self.path)  # noqa: PTH105 - what is read is always whole
