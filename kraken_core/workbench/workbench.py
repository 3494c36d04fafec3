"""See :class:`Workbench`."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from kraken_core.domain.errors import UsageError
from kraken_core.domain.formatting import instant
from kraken_core.domain.html_tables import facts
from kraken_core.domain.timerange import END_OF_TIME
from kraken_core.workbench.candle_reads import CandleReads
from kraken_core.workbench.deprecated import DeprecatedNames
from kraken_core.workbench.funding_reads import FundingReads
from kraken_core.workbench.job_calls import JobCalls
from kraken_core.workbench.requests import When
from kraken_core.workbench.slot_reads import SlotReads
from kraken_core.workbench.trade_reads import TradeReads

if TYPE_CHECKING:
    from kraken_core.domain.metrics import Metric
    from kraken_core.domain.request import Selection
    from kraken_core.workbench.charts.charts import ChartData
    from kraken_core.workbench.expectations import Expectations
    from kraken_core.workbench.figures.plot import Plot
    from kraken_core.workbench.live.control import LiveControl
    from kraken_core.workbench.queries.audits import Audits
    from kraken_core.workbench.queries.export import Exported
    from kraken_core.workbench.watch.schedule import Schedule


@dataclass(repr=False)
class Workbench(CandleReads, TradeReads, SlotReads, FundingReads, JobCalls, DeprecatedNames):
    """A home's history: what is stored, how complete it is, and the jobs that complete it.

    Reading creates nothing: a home comes into being with its first job. Close it, or use it as a context manager.
    """

    @property
    def audits(self) -> Audits:
        """What audits found."""
        from kraken_core.workbench.queries.audits import Audits

        return Audits(self.ledger, self.tiers)

    @property
    def charts(self) -> ChartData:
        """What is stored of a selection, added up to what a screen can show.

        Raises JobRunningError where a job is being undone.
        """
        from kraken_core.workbench.charts.charts import ChartData

        self._last_undo()
        return ChartData(self.ledger, self.store, self.tiers)

    @property
    def schedule(self) -> Schedule:
        """The watch that keeps the home up to date."""
        from kraken_core.workbench.watch.schedule import Schedule

        return Schedule(self)

    @property
    def live(self) -> LiveControl:
        """The live history that keeps the home current as trades happen."""
        from kraken_core.workbench.live.control import LiveControl

        return LiveControl(self)

    def metrics(self) -> list[Metric]:
        """How complete and how fresh the home is, and what its jobs did, for Prometheus."""
        from kraken_core.workbench.monitoring.home_figures import HomeFigures

        now = self.clock.now()
        ages = self.holdings.ages(self.select(), now).values()
        return HomeFigures.of(
            now, self.charts.totals(), ages, self.jobs(), self.schedule.state, self.live.state
        ).metrics()

    def __repr__(self) -> str:
        return f"<Workbench of {self.settings.home.name}>"  # settings may hold passwords, and a path the user's name

    def _repr_html_(self) -> str:
        """The workbench in a notebook: its home, by name, whether that is complete, and how far by interval."""
        from kraken_core.domain.completeness_text import completeness_grid

        found = self.charts.totals()
        values = {
            "complete?": found.answer.text,
            "as of": f"{instant(found.as_of)} UTC" if found.as_of else "",
            "open gaps": f"{found.gaps.height:,}",
        }
        shown = facts(f"Workbench of {self.settings.home.name}", values if found.as_of else {"stored": "nothing yet"})
        return shown + completeness_grid(found.by_interval) if found.as_of else shown

    @property
    def plot(self) -> Plot:
        """Figures: ``coverage(…)``, ``gaps``, ``candles``, ``completeness``, ``silences`` and ``conditions``.

        Raises UsageError where plotly, which nothing else of the workbench needs, is not installed.
        """
        if find_spec("plotly") is None:
            raise UsageError("figures need plotly, which is not installed: pip install plotly. Nothing else needs it.")
        from kraken_core.workbench.figures.plot import Plot

        return Plot(self.charts, self.holdings, self.select)

    def export(
        self,
        folder: str | Path,
        selection: Selection,
        *,
        kind: str = "parquet",
        fill: str | None = None,
        require_complete: bool = False,
        evidence: str | None = None,
        as_known_at: When | None = None,
        follow_renames: bool = False,
        vwap: bool = False,
        overwrite: bool = False,
    ) -> list[Exported]:
        """Write the selection's candles to ``folder``, one file a series.

        ``kind``: ``parquet``, ``csv`` as Kraken's own, ``feather`` as freqtrade's, or ``nautilus``, which makes
        ``folder`` a catalog of NautilusTrader, by itself. Missing slots are left out, or
        nothing is written where ``require_complete`` and there are any, or doubtful ones, or some not on ``evidence``
        as good as asked (naming a grade requires it). Slots without trades are left out too, unless
        ``fill="previous"``. With ``as_known_at`` all of it is as it was known then. With ``follow_renames`` each series
        goes on under all names of its pair, as of :meth:`candles`, with the columns ``origin`` and ``factor``: in
        parquet, as other kinds have no room for them. So it is with ``vwap``, and its column. Returns a line a file.

        Raises UsageError before anything is written where a file exists and may not be replaced, IncompleteError where
        something is missing that may not be.
        """
        from kraken_core.workbench.queries.candles import Reading
        from kraken_core.workbench.queries.export import NAUTILUS, Export, check_how
        from kraken_core.workbench.queries.export_checks import ToExport
        from kraken_core.workbench.queries.nautilus import NautilusCatalog
        from kraken_core.workbench.queries.renames import RenamedReading
        from kraken_core.workbench.queries.required import parse_grade

        check_how(kind, fill, follow_renames=follow_renames, vwap=vwap)
        known, holdings, grade = self.known(as_known_at), self.holdings_at(as_known_at), parse_grade(evidence)
        reading = Reading(known.store, known.ledger, vwap)
        by_all_names = RenamedReading(reading, known.ledger, self.identities) if follow_renames else None
        with self.undisturbed() if as_known_at is None else nullcontext():
            chosen = ToExport.of(known, holdings, selection, by_all_names)
            if require_complete or evidence:
                chosen.check(known, holdings, grade)
            window = selection.window(END_OF_TIME)
            if kind == NAUTILUS:
                catalog = NautilusCatalog(reading, Path(folder), fill=fill is not None)
                return catalog.write(chosen.shortfalls(), window, overwrite=overwrite)
            export = Export(reading, Path(folder), kind, fill=fill is not None, by_all_names=by_all_names)
            return export.write(chosen.shortfalls(), window, overwrite=overwrite)

    @property
    def expectations(self) -> Expectations:
        """What is expected of every series, and how to change that."""
        from kraken_core.workbench.expectations import Expectations

        return Expectations(self)
