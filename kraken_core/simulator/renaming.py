"""An asset of the simulated market that is traded under another name from an instant on, in another unit if need be."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kraken_core.domain.errors import UsageError
from kraken_core.domain.market import Pair
from kraken_core.domain.timerange import TimeRange, TimeRanges
from kraken_core.simulator.listing import Listing
from kraken_core.simulator.tape import Tape


@dataclass(frozen=True, slots=True)
class SimulatedRename:
    """From ``at`` (epoch seconds, a whole minute) ``old`` is traded as ``new``: the same tape continues.

    One of the old is ``new_per_old`` of the new.
    """

    old: Pair
    new: Pair
    at: int
    new_per_old: int = 1

    def split(self, listing: Listing, tape: Tape, span: TimeRange) -> tuple[tuple[Listing, Tape], tuple[Listing, Tape]]:
        """The listing and the tape of each name, of those of the old one; ``span`` is the market's time.

        Raises UsageError where the market does not go on on both sides.
        """
        if self.at % 60 or not span.start < self.at < span.end:
            raise UsageError(f"{self.old} is renamed outside of the market's time, or within a minute.")
        lives = TimeRanges.of(listing.lives or (span,))
        before, after = (lives.clip(*part) for part in ((span.start, self.at), (self.at, span.end)))
        decimals = listing.price_decimals + len(str(self.new_per_old)) - 1
        later = tape.between(self.at, span.end)
        scale = 10 ** (decimals - listing.price_decimals)
        renamed = replace(
            later,
            pair=self.new,
            price_decimals=decimals,
            price_ticks=np.maximum(1, np.rint(later.price_ticks * scale / self.new_per_old)).astype(np.int64),
            volume_units=later.volume_units * self.new_per_old,
            first_id=1,
        )
        return (
            (replace(listing, lives=tuple(before)), tape.between(span.start, self.at)),
            (replace(listing, pair=self.new, price_decimals=decimals, lives=tuple(after)), renamed),
        )
