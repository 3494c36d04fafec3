"""What a page imports stays for as long as the server does, so no search for garbage has to go through it again.

Streamlit searches everything after each run of a page, and of each fragment of one: a quarter of a million objects,
nearly all of them of modules, which takes longer than drawing a page does.
"""

from __future__ import annotations

import gc
from functools import cache


@cache
def exempt_from_search(page: str) -> None:  # noqa: ARG001 - once for each
    """Exempt what there is once a page was drawn; of the same page only once, as what is exempt is never searched."""
    gc.collect()
    gc.freeze()
