"""What commits replaced, kept for whoever asks what was known before."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from kraken_core.domain.revisions import Replacement

# Given, before a commit changes anything, the version of the candle table it goes on from, and what it replaces, in
# parts. It may be called again for a commit that did not land, and must leave the store alone.
KeepReplaced: TypeAlias = Callable[[int, Iterable[Replacement]], None]
