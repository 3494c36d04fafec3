"""Tiers: which base assets matter most. Defaults are packaged; a home may have its own ``tiers.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kraken_core.domain.errors import SettingError, UnknownTierError
from kraken_core.domain.market import Pair, is_tokenized, shown_asset

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


ALL = "ALL"


@dataclass(frozen=True, slots=True)
class Tiers:
    """Tier by base asset. ``rest`` names the tier of every base that is in no other.

    Bases that are ``fiat`` or ``tokenized`` stocks are in none, unless they are named.
    """

    by_base: Mapping[str, str]
    names: tuple[str, ...]
    fiat: frozenset[str]
    rest: str
    tokenized: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str, origin: str) -> Tiers:
        """Tiers from TOML. ``origin`` names the file in errors. Raises SettingError."""
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            message = f"{origin} is not valid TOML: {error}. Correct that line, or delete the file to use the defaults."
            raise SettingError(message) from error
        tiers = document.get("tiers", {})
        rest = document.get("rest", "TIER4")
        fiat = document.get("fiat", [])
        if unknown := sorted(document.keys() - {"tiers", "rest", "fiat"}):
            message = f"{origin}: unknown setting {unknown[0]!r}; allowed are [tiers], rest and fiat."
            raise SettingError(message)
        if not isinstance(tiers, dict) or not isinstance(rest, str) or not _words(fiat):
            message = f'{origin}: it needs a table [tiers], a name rest = "TIER4" and a list fiat = ["USD", …].'
            raise SettingError(message)
        by_base: dict[str, str] = {}
        for tier, bases in tiers.items():
            if not _words(bases):
                message = f'{origin}: tier {tier} is {bases!r}; it must be a list of base assets such as ["BTC"].'
                raise SettingError(message)
            for name in bases:
                base = shown_asset(name)
                if base in by_base:
                    message = f"{origin}: {base} is in {by_base[base]} and in {tier}; an asset has one tier."
                    raise SettingError(message)
                by_base[base] = tier
        names = tuple(dict.fromkeys([*tiers, rest]))
        if ALL in map(str.upper, names):
            raise SettingError(f"{origin}: {ALL} is every pair and cannot be the name of a tier; choose another.")
        if len({name.upper() for name in names}) < len(names):
            raise SettingError(f"{origin}: two tiers differ only in upper and lower case; rename one.")
        return cls(by_base, names, frozenset(map(shown_asset, fiat)), rest)

    def of(self, base: str) -> str | None:
        """The tier of a base asset; None for fiat and for tokenized stocks that no tier names."""
        if base in self.fiat:
            return None
        rest = None if base in self.tokenized or is_tokenized(base) else self.rest
        return self.by_base.get(base, rest)

    def knowing(self, tokenized: frozenset[str]) -> Tiers:
        """These, with more bases known as tokenized stocks."""
        return replace(self, tokenized=self.tokenized | tokenized)

    def check(self, names: Iterable[str]) -> tuple[str, ...]:
        """The tiers as they are spelled here. Raises UnknownTierError."""
        known = {name.upper(): name for name in (*self.names, ALL)}
        chosen = []
        for name in names:
            if name.strip().upper() not in known:
                message = (
                    f"{name!r} is not a tier: choose from {', '.join(known.values())} (see: kraken-history tiers)."
                )
                raise UnknownTierError(message)
            chosen.append(known[name.strip().upper()])
        return tuple(dict.fromkeys(chosen))

    def holds(self, names: Iterable[str], pair: Pair) -> bool:
        """Whether the pair is in one of the tiers; ALL is every pair, those of fiat bases too."""
        return any(name == ALL or self.of(pair.base) == name for name in names)


def _words(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)
