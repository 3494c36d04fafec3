"""Text of archives and of the exchange, as it may be shown: it may contain what terminals and spreadsheets execute."""

from __future__ import annotations

import logging
import re

# Control characters but tab and line feed, of both sets; and those that turn the direction of what follows.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
FORMULA = r"^[=+\-@\t\r']"  # how a cell begins that a spreadsheet may take for a formula, or that was marked before
_FORMULA = re.compile(FORMULA)


def visible(text: str) -> str:
    r"""The text with each character that a terminal would obey written out: an escape reads ``\x1b``."""
    return _CONTROLS.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def cell(text: str) -> str:
    """A text cell of a CSV that no spreadsheet takes for a formula: where it could, an apostrophe comes first.

    So it does where the text begins with one: removing one apostrophe gives the original text.
    """
    return f"'{text}" if _FORMULA.match(text) else text


class VisibleFormatter(logging.Formatter):
    """Formats log records as :func:`visible` text, tracebacks too."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a visible text."""
        return visible(super().format(record))
