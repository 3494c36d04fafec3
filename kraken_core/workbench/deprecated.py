"""What the workbench's methods were called before 0.2; the old names go in 0.3."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from kraken_core.domain.jobs import IngestionJob
    from kraken_core.domain.plan import IngestionPlan


def _renamed(old: str, new: str) -> None:
    warnings.warn(f"Workbench.{old} is called {new} now", DeprecationWarning, stacklevel=3)


class DeprecatedNames:
    """The old names, each of which warns with what to write instead."""

    def query(self: Any, query: str) -> pl.DataFrame:
        """Use ``sql(query, to="polars")``."""
        _renamed("query()", 'sql(…, to="polars")')
        found: pl.DataFrame = self.sql(query, to="polars")
        return found

    def start(self: Any, plan: IngestionPlan, workers: int | None = None) -> IngestionJob:
        """Use ``run_detached``."""
        _renamed("start()", "run_detached()")
        job: IngestionJob = self.run_detached(plan, workers)
        return job

    def create(self: Any) -> None:
        """Use ``create_home``."""
        _renamed("create()", "create_home()")
        self.create_home()

    @property
    def state(self: Any) -> str:
        """Use ``change_token``."""
        _renamed("state", "change_token")
        return str(self.change_token)

    @property
    def work(self: Any) -> Any:  # noqa: ANN401 - see runner
        """Use ``runner``."""
        _renamed("work", "runner")
        return self.runner

    @property
    def held(self: Any) -> Any:  # noqa: ANN401 - see holdings
        """Use ``holdings``."""
        _renamed("held", "holdings")
        return self.holdings

    @property
    def pictures(self: Any) -> Any:  # noqa: ANN401 - see charts
        """Use ``charts``."""
        _renamed("pictures", "charts")
        return self.charts
