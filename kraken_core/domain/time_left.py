"""How long work will still take: measured, shown only once there is something to go by, and never jumping."""

from __future__ import annotations

import math
from dataclasses import dataclass

LEAST_STEPS, LEAST_S = 3, 2.0  # of work that was measured; less is no basis
SETTLES_S = 10.0  # within about so long what is shown follows what is measured


def time_left(steps: int, done: float, left: float, seconds: float) -> float | None:
    """Seconds for the ``left`` work at the pace of what was ``done`` in ``steps``; None without a basis.

    The unit of work is any, such as bytes or requests.
    """
    if steps < LEAST_STEPS or seconds < LEAST_S or done <= 0:
        return None
    return max(0.0, left) / done * seconds


@dataclass(slots=True)
class SteadyTimeLeft:
    """Turns measurements that scatter into a time that can be shown: it counts down, and drifts to what is measured."""

    _shown: float | None = None
    _at: float = 0.0

    def follow(self, measured: float | None, at: float) -> float | None:
        """What to show at an instant (seconds of any clock); None where nothing is measured, from which it begins anew.

        It lies between what was shown before, less the time that has passed, and what is measured now.
        """
        if measured is None or self._shown is None:
            self._shown = measured
        else:
            passed = max(0.0, at - self._at)
            due = max(0.0, self._shown - passed)
            self._shown = due + (measured - due) * -math.expm1(-passed / SETTLES_S)
        self._at = at
        return self._shown
