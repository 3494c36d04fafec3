"""The browser's history: one entry for each thing a person did, so that Back goes back one view.

Streamlit writes the address twice where the script leaves a page (its filters first, on the page that is left), once
more where it tidies up an address as a page is loaded, and not into the history at all where a widget is in the
address. Here an address that changes after a click or a key is a new entry, and any other change replaces the one there
is.
"""

from __future__ import annotations

import streamlit as st

_SCRIPT = """<script>
(() => {
  if (window.oneEntryForOneAct) return;
  window.oneEntryForOneAct = true;
  const push = history.pushState.bind(history), replace = history.replaceState.bind(history);
  let acted = false;
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => { acted = true; }, true);
  addEventListener("popstate", () => { acted = false; }, true);
  const change = (state, unused, url) => {
    const moves = acted && new URL(url ?? "", location.href).href !== location.href;
    if (moves) acted = false;
    (moves ? push : replace)(state, unused, url);
  };
  history.pushState = history.replaceState = change;
})();
</script>"""


def one_entry_for_one_act() -> None:
    """Have the browser do so from here on. Once is enough; it does nothing when it is drawn again."""
    st.html(_SCRIPT, width="content", unsafe_allow_javascript=True)


def tab_title(view: str) -> None:
    """Name the browser's tab after the view, so that tabs and entries of the history are told apart."""
    st.set_page_config(page_title=f"{view} · Kraken History")
