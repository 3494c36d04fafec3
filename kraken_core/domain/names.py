"""What the exchange itself calls its pairs: AssetPairs, read now or remembered, before rules of names (domain 1)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.errors import UnknownPairError
from kraken_core.domain.market import KNOWN_ASSETS, QUOTES, SPELLED, Pair, is_tokenized, parse_pair, shown_pair, splits

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

CURRENCY, TOKENIZED = "currency", "tokenized_asset"  # classes of assets, as AssetPairs calls them


class PairName(NamedTuple):
    """What AssetPairs calls a pair: its key (XXBTZUSD), its altname (XBTUSD), and the class of its base asset."""

    pair: Pair
    altname: str
    key: str
    asset_class: str = CURRENCY


class Names:
    """The names of pairs as far as the exchange gave them; by rules where it did not. Small and picklable."""

    def __init__(self, entries: Iterable[PairName] = ()) -> None:
        self.entries = tuple(entries)

    def __or__(self, newer: Names) -> Names:
        """Both; where they differ about an altname, the newer ones count."""
        by_altname = {entry.altname: entry for entry in (*self.entries, *newer.entries)}
        return Names(by_altname.values())

    def pair(self, text: str) -> Pair:
        """The pair that a text names, be it XBTUSD, XXBTZUSD or BTC/USD. Raises UnknownPairError as Pair.parse."""
        known = self._known(text.strip())
        return known.pair if known else parse_pair(text, self._assets, self._quotes)

    def known(self, text: str) -> Pair | None:
        """The pair that the exchange calls so; None for a name it did not give."""
        known = self._known(text.strip())
        return known.pair if known else None

    def meanings(self, text: str) -> list[Pair]:
        """The pairs that a name of a file can mean, the one that :meth:`pair` takes first; none where it is no name."""
        try:
            taken = self.pair(text)
        except UnknownPairError:
            return []
        if self._known(text.strip()):
            return [taken]
        return [taken, *(shown_pair(*split) for split in splits(text, self._assets, self._quotes)[1:])]

    def query(self, pair: Pair) -> dict[str, str]:
        """The request parameters of a pair; tokenized stocks need their class."""
        entry = self._by_pair.get(pair)
        asset_class = entry.asset_class if entry else TOKENIZED if is_tokenized(pair.base) else CURRENCY
        named = {"pair": entry.altname if entry else pair.altname}
        return named if asset_class == CURRENCY else {**named, "asset_class": asset_class}

    def corrections(self, pairs: Collection[Pair]) -> dict[Pair, Pair]:
        """Which of these pairs have another name at the exchange: a file's name was split wrongly.

        So a pair that the exchange does not list, though it lists its altname (ETHA/USD, where ETHAUSD is ETH/AUSD).
        """
        unlisted = (pair for pair in pairs if not pair.market and pair not in self._by_pair)
        found = ((pair, self._by_altname.get(pair.altname.upper())) for pair in unlisted)
        return {pair: entry.pair for pair, entry in found if entry}

    def corrected(self, pair: Pair) -> Pair:
        """The pair, by its name at the exchange."""
        return self.corrections([pair]).get(pair, pair)

    @cached_property
    def tokenized(self) -> frozenset[str]:
        """The bases that are tokenized stocks."""
        return frozenset(entry.pair.base for entry in self.entries if entry.asset_class == TOKENIZED)

    @cached_property
    def quotes(self) -> frozenset[str]:
        """Every quote currency known, as we show it."""
        return frozenset(shown_pair("", quote).quote for quote in self._quotes)

    def _known(self, text: str) -> PairName | None:
        return self._by_name.get(text) or self._by_name.get(text.upper())

    @cached_property
    def _by_name(self) -> Mapping[str, PairName]:
        """By every spelling; in capitals too, unless that is another pair's own name."""
        spelled = [(_spellings(entry), entry) for entry in self.entries]
        # Altnames come last: of two names that are alike they count.
        exact = {names[way]: entry for way in range(_WAYS) for names, entry in spelled}
        return {name.upper(): entry for name, entry in exact.items()} | exact

    @cached_property
    def _by_altname(self) -> Mapping[str, PairName]:
        return {entry.altname.upper(): entry for entry in self.entries}

    @cached_property
    def _by_pair(self) -> Mapping[Pair, PairName]:
        return {entry.pair: entry for entry in self.entries}

    @cached_property
    def _assets(self) -> frozenset[str]:
        return KNOWN_ASSETS.union(SPELLED.get(entry.pair.base, entry.pair.base) for entry in self.entries)

    @cached_property
    def _quotes(self) -> frozenset[str]:
        return QUOTES.union(SPELLED.get(entry.pair.quote, entry.pair.quote) for entry in self.entries)


_WAYS = 5


def _spellings(entry: PairName) -> tuple[str, ...]:
    base, quote, _ = entry.pair
    spelled = f"{SPELLED.get(base, base)}/{SPELLED.get(quote, quote)}"
    return (base + quote, spelled, str(entry.pair), entry.key, entry.altname)


BY_RULES = Names()
