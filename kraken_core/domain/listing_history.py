"""What AssetPairs answered over time: which pairs it listed, and how each stood (domain rule 2).

An answer without a pair shows that it is not listed only where it is whole; :meth:`Market.lacks` decides.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from kraken_core.domain.names import TOKENIZED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kraken_core.domain.exchange import Market
    from kraken_core.domain.market import Pair

GONE = "gone"  # the status of a pair that is absent from an answer


class ListingAnswer(NamedTuple):
    """An answer that differs from the one before: when it was given first and last, epoch seconds.

    ``whole``: it came without an error, and every entry of it was read. ``tokenized``: tokenized stocks are among it.
    """

    first: int
    last: int
    whole: bool
    tokenized: bool


class ListingChange(NamedTuple):
    """What an answer has of a pair, where that differs from before: its status, GONE where it is absent."""

    at: int  # epoch seconds, by the exchange's clock
    pair: Pair
    altname: str
    asset_class: str
    status: str

    @property
    def listed(self) -> bool:
        """Whether the pair was listed from then on, however it could be traded."""
        return self.status != GONE


class ListedSpan(NamedTuple):
    """From which answer to which a pair was listed; ``gone`` is None while it is, ``until`` the last that had it."""

    seen: int
    until: int
    gone: int | None


def changes(latest: Mapping[Pair, ListingChange], market: Market) -> list[ListingChange]:
    """What is new in an answer for each pair; all that it lists, where there was none before."""
    said = [
        ListingChange(market.now, entry.pair, entry.name.altname, entry.name.asset_class, entry.status)
        for entry in market.entries
    ]
    said += [
        before._replace(at=market.now, status=GONE)
        for pair, before in sorted(latest.items())
        if before.listed and market.lacks(pair)
    ]
    return [now for now in said if now.pair not in latest or latest[now.pair]._replace(at=now.at) != now]


@dataclass(frozen=True)
class ListingHistory:
    """All answers, oldest first, and what each of them changed."""

    answers: Sequence[ListingAnswer] = ()
    changes: Sequence[ListingChange] = ()

    @cached_property
    def by_pair(self) -> Mapping[Pair, Sequence[ListingChange]]:
        """The changes of each pair, oldest first."""
        found: dict[Pair, list[ListingChange]] = defaultdict(list)
        for change in self.changes:
            found[change.pair].append(change)
        return dict(found)

    def was_absent(self, first: ListingChange, at: int) -> bool:
        """Whether answers show that a pair was not listed at an instant before the one that had it ``first``.

        A whole one by then was without it, and so was the last before it was listed: in between it was not seen. An
        answer that was cut short shows nothing, and none is there of the time before the first.
        """
        before = self.answers[: bisect_left(self._firsts, first.at)]
        if not before or not self._shows_absence(before[-1], first):
            return False
        return at <= before[-1].last and any(each.first <= at and self._shows_absence(each, first) for each in before)

    @staticmethod
    def _shows_absence(answer: ListingAnswer, of: ListingChange) -> bool:
        return answer.whole and (answer.tokenized or of.asset_class != TOKENIZED)

    def spans(self, pair: Pair) -> list[ListedSpan]:
        """When answers had a pair, oldest first."""
        found: list[ListedSpan] = []
        for change in self.by_pair.get(pair, ()):
            listing = bool(found) and found[-1].gone is None
            if change.listed and not listing:
                found.append(ListedSpan(change.at, self.answers[-1].last, None))
            elif not change.listed and listing:
                before = self.answers[bisect_left(self._firsts, change.at) - 1]
                found[-1] = found[-1]._replace(until=before.last, gone=change.at)
        return found

    @cached_property
    def _firsts(self) -> list[int]:
        return [answer.first for answer in self.answers]
