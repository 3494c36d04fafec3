"""The answers of Assets and AssetPairs: what the exchange calls its assets, and the pairs that it lists."""

from __future__ import annotations

import re

from kraken_core.domain.exchange import Listed, ListedPair
from kraken_core.domain.market import Pair, shown_asset, shown_pair, splits
from kraken_core.domain.names import CURRENCY, PairName
from kraken_core.sources.rest.answers import Partial, Result

_DARK = ".d"
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.]{0,15}")  # of an asset
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9./]{1,32}")  # of a pair


def asset_names(found: Result) -> dict[str, str]:
    """Assets: how we show the asset of each canonical code; entries without a name are left out."""
    rows = ((code, row.get("altname")) for code, row in found.items() if isinstance(row, dict))
    return {code: shown_asset(name) for code, name in rows if isinstance(name, str) and _CODE.fullmatch(name)}


def asset_pairs(found: Result) -> Listed:
    """AssetPairs, sorted, without dark pools; entries that name no pair are skipped."""
    pairs: dict[Pair, ListedPair] = {}
    skipped: dict[str, str] = {}
    for key, row in sorted(found.items()):
        try:
            listed = _entry(key, row)
        except _UnreadableError as error:
            skipped[key] = str(error)
            continue
        if listed and pairs.setdefault(listed.pair, listed) is not listed:
            skipped[key] = f"it is called {listed.pair}, as {pairs[listed.pair].name.key} is"
    return Listed(tuple(pairs[pair] for pair in sorted(pairs)), skipped, whole=not isinstance(found, Partial))


class _UnreadableError(Exception):
    """An entry of AssetPairs cannot be read; the text is why."""


def _entry(key: str, row: object) -> ListedPair | None:
    """A pair as AssetPairs lists it; None for a dark pool. Raises _UnreadableError."""
    if not isinstance(row, dict):
        raise _UnreadableError("it has no fields")
    altname = row.get("altname") or key
    if not isinstance(altname, str) or not _NAME.fullmatch(altname):
        raise _UnreadableError("its altname is not a name")
    if altname.lower().endswith(_DARK):
        return None
    asset_class, status = row.get("aclass_base", CURRENCY), row.get("status", "online")  # before 2021 it had no state
    return ListedPair(
        PairName(_named(row, altname), altname, key, asset_class if isinstance(asset_class, str) else CURRENCY),
        status if isinstance(status, str) else "unknown",
    )


def _named(row: Result, altname: str) -> Pair:
    """The pair of an entry: by its wsname, else by its assets, else by its altname where that means one pair only."""
    wsname = row.get("wsname")
    for base, slash, quote in (str(wsname).partition("/"), (row.get("base"), "/", row.get("quote"))):
        if slash and all(isinstance(code, str) and _CODE.fullmatch(code) for code in (base, quote)) and base != quote:
            return shown_pair(str(base), str(quote))
    meanings = splits(altname)
    if len(meanings) != 1:
        raise _UnreadableError("neither its wsname nor its base and quote name a pair")
    return shown_pair(*meanings[0])
