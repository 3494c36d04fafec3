"""Values in an address that a page cannot show: a widget drops them without a word, and something else is shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import streamlit as st

from app.shared.formatting import plain


def unknown_values(options: Mapping[str, Collection[str]]) -> list[str]:
    """What the address names, and no option is; the options by the names of their filters.

    To be asked before the filters' widgets are drawn: they take it out of the address.
    """
    return [value for name, known in options.items() for value in st.query_params.get_all(name) if value not in known]


def wrong_values(allowed: Mapping[str, Callable[[str], bool]]) -> list[str]:
    """What the address has, and no widget can show, as ``name=value``; what is allowed by the names of the widgets.

    To be asked before the widgets are drawn. What is empty is nothing that was chosen.
    """
    return [
        f"{name}={value}"
        for name, is_allowed in allowed.items()
        for value in st.query_params.get_all(name)
        if value and not is_allowed(value)
    ]


def one_of(*options: str) -> Callable[[str], bool]:
    """Whether a value of an address is one of these."""
    return options.__contains__


def is_switch(value: str) -> bool:
    """Whether a value of an address is that of a toggle."""
    return value.lower() in {"true", "false"}


def whole_number(least: int, most: int | None = None) -> Callable[[str], bool]:
    """Whether a value of an address is a whole number between bounds."""

    def is_inside(value: str) -> bool:
        try:
            return least <= int(value) and (most is None or int(value) <= most)
        except ValueError:
            return False

    return is_inside


def warn_of_unknown(values: Sequence[str], shown: str, wrong: Sequence[str] = ()) -> None:
    """Say which values of the address are none of this home, or ``wrong``, if any are, and what is shown instead."""
    said = []
    if values:
        said.append(f"{', '.join(values)} {_is_or_are(values)} not in this home")
    if wrong:
        said.append(f"{', '.join(wrong)} {_is_or_are(wrong)} not possible, and ignored")
    if said:
        st.warning(plain(f"{'; '.join(said)}; shown: {shown}."), icon=":material/warning:")


def _is_or_are(values: Sequence[str]) -> str:
    return "is" if len(values) == 1 else "are"
