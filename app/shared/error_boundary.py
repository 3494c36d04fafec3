"""What is around every page, and every part of one that is redrawn by itself: its errors, told as what to do next."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from app.shared.formatting import plain
from app.shared.workbench_cache import look_anew
from kraken_core.domain.errors import KrakenError

UNEXPECTED = (
    "This page could not be drawn: unexpected {}. What is stored is not affected, and other pages work. The terminal "
    "that runs the dashboard shows the details, for a report of the mistake."
)
LOG = logging.getLogger("app")


@contextmanager
def error_boundary() -> Iterator[None]:
    """Runs a page; what this package raises on purpose is shown in the page's place, in one sentence.

    Of anything else only its kind is: its text may have anything in it.
    """
    look_anew()
    try:
        yield
    except KrakenError as error:
        LOG.warning("a page could not be shown", exc_info=True)
        st.error(plain(str(error)), icon=":material/error:")
        st.stop()  # else filters that were not drawn would be taken out of the address
    except Exception as error:
        LOG.exception("a page could not be drawn")
        st.error(UNEXPECTED.format(type(error).__name__), icon=":material/error:")
        st.stop()
