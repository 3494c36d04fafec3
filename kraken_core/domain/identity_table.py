"""The table of identities as people write it: TOML, with a source for every fact. Each wrong line is named."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NoReturn, TypeVar

from kraken_core.domain.errors import SettingError
from kraken_core.domain.identities import Alias, AmbiguousError, Distinct, Fact, Identities, Renaming, Reuse
from kraken_core.domain.market import shown_asset

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.]{0,15}")  # of an asset
_FACT = {"certain", "source", "seen", "note"}
_KEYS = {
    "rename": {"from", "to", "on", "new_per_old"} | _FACT,
    "redenomination": {"ticker", "on", "new_per_old"} | _FACT,
    "reuse": {"ticker", "on"} | _FACT,
    "distinct": {"tickers"} | _FACT,
    "alias": {"name", "of"} | _FACT,
}
_FIRST_DAY, _LAST_DAY = date(1970, 1, 2), date(9000, 1, 1)  # a name before the epoch had no candles
_T = TypeVar("_T")


def parse_identities(text: str, origin: str) -> Identities:
    """Identities from TOML. ``origin`` names the file in errors. Raises SettingError."""
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        message = f"{origin} is not valid TOML: {error}. Correct that line, or delete the file to use the defaults."
        raise SettingError(message) from error
    if unknown := sorted(document.keys() - _KEYS.keys()):
        raise SettingError(f"{origin}: {unknown[0]!r} is unknown; allowed are [[{']], [['.join(_KEYS)}]].")
    try:
        return Identities(
            (
                *_entries(document, "rename", origin, _renaming),
                *_entries(document, "redenomination", origin, _redenomination),
            ),
            _entries(document, "reuse", origin, lambda e: Reuse(e.ticker("ticker"), e.day("on"), e.fact())),
            _entries(document, "alias", origin, _alias),
            _entries(document, "distinct", origin, _distinct),
        )
    except AmbiguousError as error:
        raise SettingError(f"{origin}: {error}. Remove one of them, or correct its day.") from error


class _Entry:
    """An entry of the table; each error has its place, its value and what would be right."""

    def __init__(self, values: Mapping[str, Any], place: str) -> None:
        self._values, self._place = values, place

    def wrong(self, name: str, right: str) -> NoReturn:
        """Raises SettingError."""
        given = f"{name} is {_shown(self._values[name])}" if name in self._values else f"{name} is left out"
        raise SettingError(f"{self._place}: {given}; it must be {right}.")

    def code(self, name: str) -> str:
        """An asset's code, as it is written."""
        value = self._values.get(name)
        if not isinstance(value, str) or not _CODE.fullmatch(value):
            self.wrong(name, 'the code of an asset, such as "MATIC"')
        return value

    def ticker(self, name: str) -> str:
        """An asset, as we show it."""
        return shown_asset(self.code(name))

    def day(self, name: str) -> int:
        """The start of a UTC day."""
        value = self._values.get(name)
        if not isinstance(value, date) or isinstance(value, datetime) or not _FIRST_DAY <= value < _LAST_DAY:
            self.wrong(name, "a day, such as 2024-09-04, without quotes")
        return int(datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp())

    def ratio(self, name: str) -> Fraction:
        """A number above 0."""
        value = self._values.get(name)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | Decimal)
            or not Decimal(value).is_finite()
            or value <= 0
        ):
            self.wrong(name, "how many of the new asset were one of the old, a number above 0 such as 1 or 24000")
        return Fraction(value)

    def several(self, name: str) -> tuple[str, ...]:
        """Two assets or more."""
        value = self._values.get(name)
        texts = value if isinstance(value, list) else []
        codes = tuple(shown_asset(code) for code in texts if isinstance(code, str) and _CODE.fullmatch(code))
        if len(set(codes)) < 2 or len(set(codes)) < len(texts):  # noqa: PLR2004 - one is distinct from nothing
            self.wrong(name, 'a list of different assets, such as ["REP", "REPV2"]')
        return codes

    def fact(self) -> Fact:
        """Where it is known from."""
        source, seen, certain, note = (self._values.get(name) for name in ("source", "seen", "certain", "note"))
        if not isinstance(source, str) or not source.strip():
            self.wrong("source", "the address or the title of its source")
        if not isinstance(seen, date) or isinstance(seen, datetime):
            self.wrong("seen", "the day on which the source was looked up, such as 2026-11-28, without quotes")
        if not isinstance(certain, bool):
            self.wrong("certain", "true, or false where the source does not state all of it")
        if not isinstance(note, str | None):
            self.wrong("note", "a text, or be left out")
        return Fact(source, seen.isoformat(), certain, note or "")


def _renaming(entry: _Entry) -> Renaming:
    old, new = entry.ticker("from"), entry.ticker("to")
    if old == new:
        entry.wrong("to", "another asset than from; the same in another unit is a [[redenomination]]")
    return Renaming(old, new, entry.day("on"), entry.ratio("new_per_old"), entry.fact())


def _redenomination(entry: _Entry) -> Renaming:
    ticker, ratio = entry.ticker("ticker"), entry.ratio("new_per_old")
    if ratio == 1:
        entry.wrong("new_per_old", "another number than 1, by which nothing changes")
    return Renaming(ticker, ticker, entry.day("on"), ratio, entry.fact())


def _alias(entry: _Entry) -> Alias:
    name, of = entry.code("name"), entry.ticker("of")
    if name == of:
        entry.wrong("of", "another asset than its alias")
    return Alias(name, of, entry.fact())


def _distinct(entry: _Entry) -> Distinct:
    return Distinct(entry.several("tickers"), entry.fact())


def _entries(document: Mapping[str, Any], kind: str, origin: str, read: Callable[[_Entry], _T]) -> tuple[_T, ...]:
    """The entries of a kind."""
    rows = document.get(kind, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SettingError(f"{origin}: {kind} is {_shown(rows)}; write it as entries, each below a line [[{kind}]].")
    for number, row in enumerate(rows, start=1):
        if unknown := sorted(row.keys() - _KEYS[kind]):
            known = ", ".join(sorted(_KEYS[kind]))
            raise SettingError(f"{origin}: [[{kind}]] {number}: there is no {unknown[0]!r}; there are {known}.")
    return tuple(read(_Entry(row, f"{origin}: [[{kind}]] {number}")) for number, row in enumerate(rows, start=1))


def _shown(value: object) -> str:
    return str(value) if isinstance(value, date | Decimal) else repr(value)
