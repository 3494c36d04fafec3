"""How many requests a job may still make."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass(slots=True)
class Budget:
    """How many requests may still be made, None for as many as it takes. Safe to use from several threads."""

    left: int | None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> bool:
        """Whether one more may be made; it counts as made."""
        with self._lock:
            if self.left is None:
                return True
            self.left -= 1
            return self.left >= 0
