"""The browser loads what draws charts while the server still reads what is to be drawn, and not only then.

It is 4.7 MB of script, which Streamlit has a browser load and run once there is a chart. Loaded at once it is run while
the browser would wait for the page's figures.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st

_SCRIPT = """
(() => {
  if (window.chartsAhead) return;
  window.chartsAhead = import(new URL("FILE", document.baseURI)).catch(() => {});
})();
"""


def charts_ahead() -> str:
    """The script that does so, which does nothing when it is run again; an empty one where there is no such file."""
    found = charts_file()
    return _SCRIPT.replace("FILE", found) if found else ""


@cache
def charts_file() -> str | None:
    """The script that Streamlit draws plotly's figures with, as seen from a page. Its name has a hash in it."""
    static = Path(st.__file__).parent / "static"
    found = [each.relative_to(static).as_posix() for each in static.glob("static/js/PlotlyChart.*.js")]
    return f"./{found[0]}" if len(found) == 1 else None
