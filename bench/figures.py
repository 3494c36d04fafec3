"""What a benchmark found, beside what it should be."""

from __future__ import annotations

from typing import NamedTuple


class Figure(NamedTuple):
    """A figure and its target; ``least``: it should be at least that, else at most."""

    what: str
    measured: float
    target: float
    unit: str = ""
    least: bool = False

    @property
    def met(self) -> bool:
        """Whether it is as it should be."""
        return self.measured >= self.target if self.least else self.measured <= self.target

    def __str__(self) -> str:
        measured, target = (f"{value:.3g} {self.unit}".strip() for value in (self.measured, self.target))
        sign = "≥" if self.least else "≤"
        return f"{self.what:<66}{measured:>12}{f'{sign} {target}':>12}{'' if self.met else '  missed'}"
