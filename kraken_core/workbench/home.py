"""An open home: its settings, and all that they name, loaded and opened when it is first used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from kraken_core.domain.errors import HomeError, UsageError
from kraken_core.domain.identities import Identities
from kraken_core.domain.tiers import Tiers
from kraken_core.domain.venues import SPOT_NAME, load_plugin
from kraken_core.ports import Access
from kraken_core.settings import Settings
from kraken_core.workbench.arguments import check_methods, checked
from kraken_core.workbench.jobs.clock import SystemClock
from kraken_core.workbench.open_store import open_store

if TYPE_CHECKING:
    from kraken_core.domain.completeness import Completeness
    from kraken_core.domain.jobs import IngestionJob
    from kraken_core.domain.report import Report
    from kraken_core.domain.revisions import Replacement
    from kraken_core.domain.table_mark import TableMark
    from kraken_core.ledger.ledger import SqlLedger
    from kraken_core.pipeline.keep_trades import TradeKeeper
    from kraken_core.pipeline.prices import PriceRules
    from kraken_core.ports import AssetRecord, CandleTable, Exchange, ExchangePlugin, Ledger
    from kraken_core.sources.exchanges import Exchanges
    from kraken_core.sources.remote_archives import Remote
    from kraken_core.sources.rest import RetryBudget
    from kraken_core.stores.trades.trade_table import TradeTable
    from kraken_core.workbench.jobs.runner import JobRunner
    from kraken_core.workbench.queries.holdings import Holdings
    from kraken_core.workbench.queries.remembered import RememberedRecords

_IN_MEMORY = "sqlite://"
_LEDGER, _RECORDS = "_ledger", "_records"


@dataclass
class OpenHome:
    """A home's ledger, candle table, tiers, sources and exchange; what runs, checks and repairs it uses these.

    Reading creates nothing: a home comes into being with its first job. Close it, or use it as a context manager.
    """

    settings: Settings
    clock: SystemClock = field(default_factory=SystemClock)
    read_only: bool = False

    def __init_subclass__(cls) -> None:
        """Public methods refuse arguments of other types by their names."""
        super().__init_subclass__()
        check_methods(cls)

    @classmethod
    @checked
    def open(cls, home: str | Path | None = None, *, read_only: bool = False) -> Self:
        """The workbench of a home: ``home``, else KRAKEN_HOME, else ./kraken-data. Raises SettingError, HomeError.

        Of one that is ``read_only`` the ledger's database refuses whatever would write, and so does every job.
        """
        return cls(Settings.load(home), read_only=read_only)

    def __post_init__(self) -> None:
        if not isinstance(self.settings, Settings):
            name = type(self).__name__
            opening = f"{name}.open({str(self.settings)!r})"
            raise UsageError(f"{name}({self.settings!r}) names no settings. A home is opened with {opening}.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, in any process, opens ledger, store and servers again."""
        return type(self), tuple(getattr(self, each.name) for each in fields(self))

    def close(self) -> None:
        """Let go of the ledger, and of web servers."""
        if "remote" in self.__dict__:
            self.remote.close()
        if opened := self.__dict__.pop(_LEDGER, None):
            opened.close()

    @property
    def ledger(self) -> SqlLedger:
        """The home's ledger; an empty one in memory while there is none, as reading writes nothing."""
        from kraken_core.ledger.ledger import SqlLedger

        opened: SqlLedger | None = self.__dict__.get(_LEDGER)
        if opened is None or opened.is_temporary:  # another process may have made one meanwhile
            where = (self.settings.ledger_url, self.settings.table, self.clock)
            found = SqlLedger.existing(*where, read_only=self.read_only)
            opened = found or opened or SqlLedger.open(_IN_MEMORY, *where[1:])
            self.__dict__[_LEDGER] = opened
        return opened

    @property
    def records(self) -> RememberedRecords:
        """What the ledger knows, read again only once anything in it has changed."""
        from kraken_core.workbench.queries.remembered import RememberedRecords

        ledger, remembered = self.ledger, self.__dict__.get(_RECORDS)
        if remembered is None or remembered.ledger is not ledger:
            remembered = self.__dict__[_RECORDS] = RememberedRecords(ledger)
        return remembered

    @cached_property
    def store(self) -> CandleTable:
        """The home's candle table."""
        return open_store(self.settings, self._assets, self._known_table, self._keep_replaced)

    def _assets(self, tickers: Collection[str]) -> list[AssetRecord]:
        return self.ledger.assets(tickers)  # whichever it is by then: the first job makes one

    def _known_table(self) -> TableMark | None:
        return self.ledger.known_table()

    def _keep_replaced(self, table: TableMark, replaced: Iterable[Replacement]) -> None:
        self.ledger.keep_replaced(table, replaced)

    @cached_property
    def tiers(self) -> Tiers:
        """The tiers in force."""
        return self.settings.tiers().knowing(self.ledger.names().tokenized)

    @cached_property
    def identities(self) -> Identities:
        """The names of assets in time, as they are in force. Raises SettingError."""
        return self.settings.identities()

    @cached_property
    def price_rules(self) -> PriceRules:
        """From where on stored values are a finding, by settings and identities. Raises SettingError."""
        from kraken_core.pipeline.prices import PriceRules

        return PriceRules(self.settings.price_limits(), self.identities)

    @cached_property
    def remote(self) -> Remote:
        """Archives on web servers; their content is remembered."""
        from kraken_core.sources.remote_archives import Remote

        return Remote(self.settings.home / "downloads")

    def refresh(self) -> None:
        """Read tiers and identities again when they are next used; ledger and candle table are always current."""
        for name in ("tiers", "identities"):
            self.__dict__.pop(name, None)

    @property
    def change_token(self) -> str:
        """Another text once candles, coverage or gaps have changed, or a job has moved."""
        return f"{self.store.version} {self.ledger.state()}"

    @property
    def holdings(self) -> Holdings:
        """What is stored of a selection."""
        from kraken_core.workbench.queries.holdings import Holdings

        return Holdings(self.ledger, self.store, self.tiers)

    @property
    def runner(self) -> JobRunner:
        """Plans and runs jobs."""
        from kraken_core.workbench.jobs.runner import JobRunner

        return JobRunner(
            self.settings,
            self.ledger,
            self.store,
            self.tiers,
            self.clock,
            self.remote,
            self.exchange,
            self._completeness,
            self._keeper,
        )

    def _keeper(self, ledger: Ledger, job: IngestionJob) -> TradeKeeper | None:
        """What keeps the trades that a job reads, where any are to be kept. Raises SettingError."""
        from kraken_core.workbench.kept_trades import keeper

        return keeper(self.settings, self.tiers, self.trade_table, ledger, job)

    @cached_property
    def trade_table(self) -> TradeTable:
        """The table of kept trades."""
        from kraken_core.stores.trades.trade_table import TradeTable

        return TradeTable(self.settings.trades_table, known=self._known_trades)

    def _known_trades(self) -> TableMark | None:
        return self.ledger.known_trades(self.settings.trades_table)

    def _completeness(self, report: Report | None) -> Mapping[int, Completeness]:
        from kraken_core.workbench.charts.charts import ChartData

        return ChartData(self.ledger, self.store, self.tiers).completeness(report)

    def exchange(
        self, stop: Callable[[], bool], patience: RetryBudget | None = None, venue: str = SPOT_NAME
    ) -> Exchange:
        """The exchanges' API, which jobs request: see :meth:`open_exchanges`."""
        return self.open_exchanges(stop, patience, venue)

    def open_exchanges(
        self, stop: Callable[[], bool], patience: RetryBudget | None = None, venue: str = SPOT_NAME
    ) -> Exchanges:
        """The exchanges' API, at the settings' addresses and pace; a wait for it ends when ``stop`` returns true.

        Pairs of any that is installed may be requested; ``venue`` is the one whose clock and list of pairs it has.
        """
        from kraken_core.sources.exchanges import Exchanges
        from kraken_core.sources.rest import BRIEF
        from kraken_core.sources.rest.spot import KRAKEN

        def opened(name: str) -> Exchange:
            plugin: ExchangePlugin = KRAKEN if name == SPOT_NAME else load_plugin(name)
            pace, names = self.settings.requests_per_second, self.ledger.names()
            return plugin.open(Access(self.settings.exchange_url(plugin.venue), pace, stop, patience == BRIEF, names))

        return Exchanges(opened, venue)

    def create_home(self) -> None:
        """Make the home, where it does not exist yet. Raises HomeError of one that is only to be read."""
        if self.read_only:
            raise HomeError(f"{self.settings.home} was opened to be read only: nothing can be started in it.")
        self.settings.create_home()
        ledger = self.ledger
        if ledger.is_temporary:
            self.close()
            self.__dict__[_LEDGER] = type(ledger).open(self.settings.ledger_url, self.settings.table, self.clock)
