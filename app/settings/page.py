"""Settings: what is in force and where it came from, what can be reached, and the tiers."""

from __future__ import annotations

import streamlit as st

from app.jobs.controls import act_and_rerun, refusal
from app.settings.expected import expectations
from app.shared import formatting
from app.shared.tables import texts
from app.shared.workbench_cache import workbench
from kraken_core.domain.errors import SettingError
from kraken_core.domain.tiers import Tiers
from kraken_core.workbench.archive_choices import unreadable_sources
from kraken_core.workbench.health.doctor import Diagnosis, Status, examine
from kraken_core.workbench.tiers_file import checked_tiers, forget_tiers, save_tiers, tier_file, tiers_text

SIGNS = {Status.OK: "✓", Status.WARNING: "⚠", Status.PROBLEM: "✗"}


def page() -> None:
    """The page."""
    st.title("Settings")
    refusal()
    _archives()
    _in_force()
    expectations()
    _health()
    _tiers()


def _archives() -> None:
    """Archives that are configured, and are not there: nothing would ever be read of them."""
    for problem in unreadable_sources(workbench().settings):
        st.error(formatting.plain(problem), icon=":material/error:")


def _in_force() -> None:
    settings = workbench().settings
    st.subheader("In force")
    texts(((name, value, f"from {origin}") for name, value, origin in settings.shown()), (3, 6, 4))
    st.caption(
        f"Change them in {formatting.plain(str(settings.home / 'kraken.toml'))} or as KRAKEN\\_… variables, which win. "
        "Passwords are never shown."
    )
    with st.expander("Point to archives"):
        st.write("Name folders, zips or addresses of archives, one or several:")
        st.code(
            'csv_source_dirs = ["/data/Kraken_OHLCVT", "/data/Kraken_OHLCVT_2026Q2.zip"]',
            language="toml",
            wrap_lines=True,
        )
        st.write("The next page you open sees it. Nothing else on this machine can be read from the dashboard.")


def _health() -> None:
    st.subheader("Health")
    if st.button("Check again", icon=":material/refresh:"):
        _examined.clear()
    diagnosis = _examined(str(workbench().settings.home))
    texts(((f"{SIGNS[status]} {name}", message) for name, status, message in diagnosis.checks), (3, 10))
    st.caption("✓ as it should be · ⚠ worth a look · ✗ to be mended")


@st.cache_data(ttl=60, show_spinner="Looking at stores and the exchange …")
def _examined(home: str) -> Diagnosis:
    return examine(home)


def _tiers() -> None:
    settings = workbench().settings
    before = tiers_text(settings)
    st.subheader("Tiers")
    own = tier_file(settings).exists()
    st.caption(
        f"Of this home: {formatting.plain(str(tier_file(settings)))}" if own else "The defaults; saving makes your own."
    )
    text = st.text_area("tiers.toml", before, height=360, key=f"tiers {hash(before)}")
    try:
        _summary(checked_tiers(settings, text), workbench().tiers)
    except SettingError as error:
        st.error(formatting.plain(str(error)), icon=":material/error:")
        return
    with st.container(horizontal=True):
        if st.button("Save tiers", type="primary", icon=":material/save:", disabled=text == before):
            act_and_rerun(lambda: save_tiers(settings, text, before))
        if own and st.button("Back to the defaults", icon=":material/undo:"):
            act_and_rerun(lambda: forget_tiers(settings))


def _summary(tiers: Tiers, in_force: Tiers) -> None:
    """How many assets each tier names, and how many more than what is in force."""
    bases, before = list(tiers.by_base.values()), list(in_force.by_base.values())
    rows = [
        {
            "Tier": name,
            "Assets": "every other" if name == tiers.rest else formatting.count(bases.count(name)),
            "Change": _change(bases.count(name) - before.count(name)),
        }
        for name in tiers.names
    ]
    st.dataframe(rows, hide_index=True, height="content")


def _change(more: int) -> str:
    return f"{more:+,}" if more else formatting.NOTHING


page()
