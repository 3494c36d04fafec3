"""Settings: read once, from the environment, then ``kraken.toml``, then defaults. A wrong value is refused here."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from kraken_core.domain.errors import HomeError, SettingError
from kraken_core.domain.exchange import SETTLING_S
from kraken_core.domain.identities import Identities
from kraken_core.domain.identity_table import parse_identities
from kraken_core.domain.prices.findings import PriceLimits
from kraken_core.domain.redaction import shown_value, without_secrets
from kraken_core.domain.tiers import ALL, Tiers
from kraken_core.domain.venues import SPOT_NAME, Venue
from kraken_core.ports import StoreKind
from kraken_core.stores.files.regular import regular
from kraken_core.stores.kinds import store_address

_ODD = re.compile(r"\\|%[0-9A-Fa-f]{2}")  # Delta Lake takes them for / and for the character of that number
FORMAT = 1  # of the home; raised when an older version could no longer use it
FORMAT_FILE = ".format"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{16,}=*")  # what may be in an Authorization header
_SECRET = frozenset({"serve_token"})  # settings that are never shown
_PLACE = re.compile(rf"https?://[^/]*[^{os.pathsep}]*|[^{os.pathsep}]+")  # an address has the separator in it
PACKAGED_TIERS = Path(__file__).parent / "domain" / "tiers.toml"
PACKAGED_IDENTITIES = PACKAGED_TIERS.with_name("identities.toml")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _text(*schemes: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:  # noqa: ANN401 - TOML values are of any type
        if not isinstance(value, str) or (value and urlsplit(value).scheme not in schemes):
            raise ValueError(" or ".join(f"{scheme}://…" for scheme in schemes))
        return value

    return check


def _dask(value: Any) -> str:  # noqa: ANN401 - TOML values are of any type
    if value == "local":
        return "local"
    try:
        return _text("tcp", "tls")(value)
    except ValueError as error:
        raise ValueError(f"{error}, or local") from None


def _number(kind: type[int | float], least: float, most: float) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:  # noqa: ANN401 - TOML values are of any type
        wanted = f"a{' whole' if kind is int else ''} number from {least:g} to {most:g}"
        try:
            number = kind(value)
        except (TypeError, ValueError):
            raise ValueError(wanted) from None
        if isinstance(value, bool) or not least <= number <= most or float(number) != float(value):
            raise ValueError(wanted)
        return number

    return check


def _tiers(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - TOML values are of any type
    """Names of tiers: all where it is true, none where it is false."""
    words = [word.strip() for word in value.split(",")] if isinstance(value, str) else value
    if words in (True, ["true"], ["1"]):
        return (ALL,)
    if words in (False, ["false"], ["0"], [""]):
        return ()
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        raise ValueError('true, false, or a list of tiers such as ["TIER1"] (in the environment: TIER1,TIER2)')
    return tuple(words)


def _addresses(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - TOML values are of any type
    """Addresses by name: a table, or a text of ``name=address`` with commas in between."""
    example = "name=https://… of each exchange, with commas in between (in kraken.toml: a table)"
    parts = [part.partition("=")[::2] for part in value.split(",") if part] if isinstance(value, str) else value
    named = list(parts.items()) if isinstance(parts, dict) else parts
    if not isinstance(named, list):
        raise ValueError(example)  # noqa: TRY004 - as of every other value
    for name, address in named:
        if (
            not name.strip()
            or not isinstance(address, str)
            or urlsplit(address.strip()).scheme not in {"https", "http"}
        ):
            raise ValueError(example)
    return tuple(f"{name.strip().lower()}={address.strip()}" for name, address in named)


def _token(value: Any) -> str:  # noqa: ANN401 - TOML values are of any type
    if not isinstance(value, str) or (value and not _TOKEN.fullmatch(value)):
        raise ValueError("at least 16 letters, digits, or any of ._~+/-")
    return value


def _store(value: Any) -> str:  # noqa: ANN401 - TOML values are of any type
    return store_address(value if isinstance(value, str) else "://")[1]


def _trades_store(value: Any) -> str:  # noqa: ANN401 - TOML values are of any type
    kind, address = store_address(value if isinstance(value, str) else "://")
    if kind.staged_here:
        raise ValueError("a folder, or s3://bucket/prefix")
    return address


def _paths(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - TOML values are of any type
    parts = _PLACE.findall(value) if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise ValueError(f"a list of paths or addresses (in the environment: separated by {os.pathsep!r})")
    return tuple(part for part in parts if part)


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "ledger": _text("sqlite", "postgresql+psycopg"),
    "store": _store,
    "api_url": _text("https", "http"),
    "exchange_urls": _addresses,
    "ws_url": _text("wss", "ws"),
    "archives_url": _text("https", "http"),
    "csv_source_dirs": _paths,
    "requests_per_second": _number(float, 0.01, 10),
    "pairs_in_parallel": _number(int, 1, 64),
    "settling_seconds": _number(int, 0, 3600),
    "price_outlier": _number(float, 2, 1000),
    "price_deviation": _number(float, 0.001, 1),
    "price_volume": _number(float, 2, 1e9),
    "price_stuck": _number(int, 5, 1_000_000),
    "workers": _number(int, 1, 256),
    "dask": _dask,
    "serve_token": _token,
    "keep_trades": _tiers,
    "trades_store": _trades_store,
}


class ShownSetting(NamedTuple):
    """A setting as people may see it: without secrets. ``origin`` is a file, a variable, an option or "default"."""

    setting: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What is in force in a home, and where each value came from."""

    home: Path
    ledger: str = ""
    store: str = ""
    api_url: str = "https://api.kraken.com"
    exchange_urls: tuple[str, ...] = ()
    ws_url: str = "wss://ws.kraken.com/v2"
    archives_url: str = "https://assets.kraken.com/marketing/institutions/"
    csv_source_dirs: tuple[str, ...] = ()
    requests_per_second: float = 1.0
    pairs_in_parallel: int = 4
    settling_seconds: int = SETTLING_S
    price_outlier: float = PriceLimits().outlier
    price_deviation: float = PriceLimits().deviation
    price_volume: float = PriceLimits().volume
    price_stuck: int = PriceLimits().stuck
    workers: int = field(default_factory=_cores)
    dask: str = ""
    serve_token: str = field(default="", repr=False)
    keep_trades: tuple[str, ...] = ()
    trades_store: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, home: str | Path | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings of a home: ``home``, else KRAKEN_HOME, else ./kraken-data. Creates nothing.

        Raises SettingError, naming the setting, its value and what would be right; HomeError for a newer home.
        """
        folder = Path(home or environment.get("KRAKEN_HOME") or "kraken-data").expanduser().absolute()
        _check_path(folder, "a home")
        _check_format(folder)
        values: dict[str, Any] = {}
        origins = {"home": "--home" if home else "KRAKEN_HOME" if environment.get("KRAKEN_HOME") else "default"}
        file = folder / "kraken.toml"
        for name, value in _read_toml(file).items():
            values[name] = _checked(name, value, str(file))
            origins[name] = str(file)
        for name in _CHECKS:
            variable = f"KRAKEN_{name.upper()}"
            if variable in environment:
                values[name] = _checked(name, environment[variable], variable)
                origins[name] = variable
        settings = cls(folder, **values, origins={n: origins.get(n, "default") for n in ("home", *_CHECKS)})
        _check_path(settings.store_path, "a candle table")
        return settings

    def with_store(self, store: str) -> Settings:
        """The same with another candle table; a folder is named from where one is, as others that are written to are.

        Raises SettingError.
        """
        address: str = _checked("store", store, "--to")
        if address and store_address(address)[0].local:
            address = str(Path(address).absolute())
        return replace(self, store=address, origins={**self.origins, "store": "--to"})

    def exchange_url(self, venue: Venue) -> str:
        """The address of an exchange's API: that of the settings, else its own."""
        if venue.name == SPOT_NAME:
            return self.api_url
        named = dict(each.split("=", 1) for each in self.exchange_urls)
        return named.get(venue.name, venue.url)

    @property
    def ledger_url(self) -> str:
        """Where the ledger is, as a SQLAlchemy URL."""
        return self.ledger or ledger_address(self.home / "ledger.db")

    @property
    def store_kind(self) -> StoreKind:
        """The kind of candle table it is."""
        return store_address(self.store)[0]

    @property
    def store_path(self) -> Path:
        """The folder of the candle table, or, where that is on a server, of candles on their way there."""
        return self.home / (self.store or "candles" if self.store_is_local else "staged")

    @property
    def store_is_local(self) -> bool:
        """Whether the candle table takes a disk of this machine's."""
        return self.store_kind.local

    @property
    def table(self) -> str:
        """The name of the candle table, which is the same for everybody who uses it."""
        return self.store_kind.name(self.store, self.store_path)

    @property
    def trades_table(self) -> str:
        """Where the table of kept trades is: a folder, or an address of an object store."""
        return self.trades_store if "://" in self.trades_store else str(self.home / (self.trades_store or "trades"))

    def shown(self) -> tuple[ShownSetting, ...]:
        """What is in force, and where each value comes from."""
        in_force = {"ledger": self.ledger_url, "store": self.store_path if self.store_is_local else self.store}
        in_force["trades_store"] = self.trades_table
        in_force["keep_trades"] = {(): "false", (ALL,): "true"}.get(self.keep_trades, ",".join(self.keep_trades))
        values = {name: in_force.get(name, getattr(self, name)) for name in self.origins}
        parts = {n: v if isinstance(v, tuple) else (str(v),) for n, v in values.items()}
        texts = {n: os.pathsep.join(map(without_secrets, each)) for n, each in parts.items()}
        texts["exchange_urls"] = ",".join(map(without_secrets, self.exchange_urls))  # as the environment has them
        texts |= {name: "set (not shown)" if getattr(self, name) else "" for name in _SECRET}
        return tuple(ShownSetting(n, text, self.origins[n]) for n, text in texts.items())

    def tiers(self) -> Tiers:
        """The user's tiers where the home has a tiers.toml, else the packaged ones. Raises SettingError."""
        file = self.home / "tiers.toml"
        file = file if file.exists() else PACKAGED_TIERS
        return Tiers.parse(read_text(file), str(file))

    def identities(self) -> Identities:
        """The user's where the home has an identities.toml, else the packaged ones. Raises SettingError."""
        file = self.home / "identities.toml"
        file = file if file.exists() else PACKAGED_IDENTITIES
        return parse_identities(read_text(file), str(file))

    def price_limits(self) -> PriceLimits:
        """From where on verify reports stored values."""
        return PriceLimits(self.price_outlier, self.price_deviation, self.price_volume, self.price_stuck)

    def create_home(self) -> None:
        """Make the home's folders. Raises HomeError where that is not allowed."""
        try:
            for folder in (self.home, *(self.home / name for name in ("logs", "exports", "rejects"))):
                folder.mkdir(parents=True, exist_ok=True)
            marker = self.home / FORMAT_FILE
            if not marker.exists():
                marker.write_text(f"{FORMAT}\n", encoding="ascii")
        except OSError as error:
            raise HomeError(
                f"{self.home} cannot be used as home: {error.strerror}. Choose another with --home or KRAKEN_HOME."
            ) from error


def ledger_address(file: Path) -> str:
    """The address of a ledger in a file."""
    return f"sqlite:///{quote(str(file))}"


def _check_path(folder: Path, what: str) -> None:
    """Raises SettingError for a path in which the library of the candle table does not find what it wrote."""
    path = str(folder)
    odd = next((mark for mark in path if not mark.isprintable()), "") or (_ODD.findall(path) or [""])[0]
    if odd:
        raise SettingError(f"{folder}: {what} cannot be in a path with {odd!r}: choose another one, or rename it.")


def _check_format(home: Path) -> None:
    if home.exists() and not home.is_dir():
        raise HomeError(f"{home} is a file, not a folder: choose another home with --home or KRAKEN_HOME.")
    marker = home / FORMAT_FILE
    if not marker.exists():
        return
    text = marker.read_text(encoding="ascii", errors="replace").strip()
    if not text.isdecimal() or int(text) > FORMAT:
        raise HomeError(
            f"{home} has format {text}, made by a newer version; this one reads up to {FORMAT}. "
            "Nothing was touched: upgrade kraken-history, or choose another --home."
        )


def read_text(file: Path) -> str:
    """The text of a file that people edit. Raises SettingError where it cannot be read, or is no text."""
    try:
        return regular(file).read_text(encoding="utf-8")
    except OSError as error:
        raise SettingError(f"{file} cannot be read: {error.strerror}. Let it be read, or remove it.") from error
    except UnicodeDecodeError as error:
        raise SettingError(f"{file} is not UTF-8 text ({error.reason}). Save it as that.") from error


def _read_toml(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        return tomllib.loads(read_text(file))
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{file} is not valid TOML: {error}. Correct that line.") from error


def _checked(name: str, value: Any, origin: str) -> Any:  # noqa: ANN401 - each setting has its own type
    if name not in _CHECKS:
        raise SettingError(f"{origin}: there is no setting {name!r}; there are {', '.join(_CHECKS)}.")
    try:
        return _CHECKS[name](value)
    except ValueError as error:
        shown = repr(shown_value(value))
        shown = "not as it must be (not shown)" if name in _SECRET else shown
        raise SettingError(f"{origin}: {name} is {shown}; it must be {error}.") from None
