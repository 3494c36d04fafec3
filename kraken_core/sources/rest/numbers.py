"""Numbers of answers, in whatever form they come: JSON's own or a text, with a fraction of zeros or an exponent."""

from __future__ import annotations

import re
from decimal import Decimal

_NUMBER = re.compile(r"[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?", re.ASCII)


def number_of(value: object) -> Decimal | None:
    """A number that is not negative, exact; None where the value is none."""
    if type(value) is int:
        return Decimal(value) if value >= 0 else None
    return Decimal(value) if isinstance(value, (str, Decimal)) and _NUMBER.fullmatch(str(value)) else None


def whole_number(value: object, end: int) -> int | None:
    """A whole number from 0 up to an end; None where the value is none."""
    if type(value) is int:  # as nearly all are
        return value if 0 <= value < end else None
    number = number_of(value)
    if number is None or number >= end or number != number.to_integral_value():
        return None
    return int(number)


def plain_text(value: object) -> str | None:
    """A number's text without an exponent; None where the value is none."""
    number = number_of(value)
    return None if number is None else f"{number:f}"
