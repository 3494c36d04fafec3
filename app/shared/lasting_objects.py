"""What a page imports stays for as long as the server does, so no search for garbage has to go through it again.

Streamlit searches everything after each run of a page, and of each fragment of one: a quarter of a million objects,
nearly all of them of modules, which takes longer than drawing a page does.
"""

from __future__ import annotations

import atexit
import gc
from functools import cache

atexit.register(gc.unfreeze)  # else libraries find their own objects alive at the end, and say so on the terminal


@cache
def exempt_from_search(page: str) -> None:  # noqa: ARG001 - once for each
    """Exempt what there is once a page was drawn; of the same page only once, as what is exempt is never searched."""
    gc.collect()
    gc.freeze()
