"""Values in an address that a page cannot show: a widget drops them without a word, and something else is shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import streamlit as st

from app.shared.formatting import plain


def unknown_values(options: Mapping[str, Collection[str]]) -> list[str]:
    """What the address names, and no option is; the options by the names of their filters.

    To be asked before the filters' widgets are drawn: they take it out of the address.
    """
    return [value for name, known in options.items() for value in st.query_params.get_all(name) if value not in known]


def warn_of_unknown(values: Sequence[str], shown: str) -> None:
    """Say that values of the address are none of this home, and what is shown instead, where there are any."""
    if values:
        is_or_are = "is" if len(values) == 1 else "are"
        text = f"{', '.join(values)} {is_or_are} not in this home; shown: {shown}."
        st.warning(plain(text), icon=":material/warning:")
