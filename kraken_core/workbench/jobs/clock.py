"""The time of this machine."""

from __future__ import annotations

import time


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Epoch seconds."""
        return int(time.time())
