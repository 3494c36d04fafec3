"""Filters: widgets whose values are in the URL, so that a view can be shared and survives a reload.

A widget that moves on its page, as something above it comes or goes, is no longer heard by the URL. So what comes and
goes has a container of its own, which stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Literal, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.shared import formatting
from app.shared.left_choices import FILTERED
from app.shared.unknown_values import unknown_values, warn_of_unknown, wrong_values
from app.shared.workbench_cache import remembered, workbench
from kraken_core import Workbench
from kraken_core.domain.market import INTERVALS, Pair, Series
from kraken_core.domain.request import Selection

USUAL_MINUTES = 60
FIRST_DAY = date(2013, 9, 1)  # the exchange's first month
FILTER_PX = 250  # wide, with the name of a pair in it
INTERVAL_NAMES = {formatting.interval(minutes): minutes for minutes in INTERVALS}
T = TypeVar("T", str, int)
_FILTERS = frozenset({"tier", "pair", "quote", "interval", "from", "to"})  # their names in an address
IN_URL: Literal["query-params"] = "query-params"  # streamlit's name for it; the widget's key is the parameter's name


def selection() -> Selection:
    """The filters of a page, and what they select; everything stored, where none is set. Pairs go before tiers."""
    if not _FILTERS.isdisjoint(st.query_params):
        st.session_state[FILTERED] = True
    markets = known_markets()
    unknown = unknown_values({name: markets[name] for name in ("tier", "pair", "quote")} | {"interval": INTERVAL_NAMES})
    with st.container():
        warn_of_unknown(unknown, "what the other filters select", wrong_days("from", "to"))
    with st.expander("Filters", icon=":material/filter_alt:", expanded=FILTERED in st.session_state):
        upper, lower = _cells(), _cells()
        with upper[1]:
            pairs = choice("Pairs", "pair", markets["pair"])
        with upper[0]:
            tiers = choice("Tiers", "tier", markets["tier"], disabled=bool(pairs))
        with upper[2]:
            quotes = choice("Quotes", "quote", markets["quote"])
        with lower[0]:
            intervals = choice("Intervals", "interval", INTERVALS, format_func=formatting.interval)
        with lower[1]:
            start = day("From (UTC day)", "from")
        with lower[2]:
            end = day("To (UTC day, included)", "to")
    chosen = {"quotes": quotes, "intervals": intervals, "start_date": start, "end_date": end}
    return workbench().select(tiers=[] if pairs else tiers, pairs=pairs, **chosen)


def _cells() -> list[DeltaGenerator]:
    """Three places beside each other; where a window is narrow, below each other, so that names are read whole."""
    with st.container(horizontal=True):
        return [st.container(width=FILTER_PX) for _ in range(3)]


@remembered
def known_markets(workbench: Workbench) -> dict[str, list[str]]:
    """What there is to choose from: every ``tier`` and ``pair``, and every ``quote`` of a pair."""
    pairs = [record.pair for record in workbench.pairs()]
    quotes = sorted({pair.quote for pair in pairs})
    return {"tier": list(workbench.tiers.names), "pair": list(map(str, pairs)), "quote": quotes}


def choice(label: str, name: str, options: Any, **more: Any) -> list[Any]:  # noqa: ANN401 - streamlit's own types
    """Several of the options; none chosen means all of them."""
    return st.multiselect(label, options, key=name, bind=IN_URL, placeholder=f"All {label.lower()}", **more)


def day(label: str, name: str, **more: Any) -> date | None:  # noqa: ANN401 - streamlit's own types
    """A UTC day, or none."""
    latest = datetime.now(UTC).date()
    bounds: dict[str, Any] = {"min_value": FIRST_DAY, "max_value": latest, "format": "YYYY-MM-DD"}
    chosen: date | None = st.date_input(label, None, key=name, bind=IN_URL, **bounds, **more)
    return chosen


def wrong_days(*names: str) -> list[str]:
    """What these parameters of the address name, and is no day that can be chosen."""
    return wrong_values(dict.fromkeys(names, _is_day))


def _is_day(text: str) -> bool:
    """Whether a text of the address is a UTC day that can be chosen."""
    try:
        return FIRST_DAY <= date.fromisoformat(text) <= datetime.now(UTC).date()
    except ValueError:
        return False


def toggle(label: str, name: str, *, on: bool = False, **more: Any) -> bool:  # noqa: ANN401 - streamlit's own types
    """Yes or no."""
    return st.toggle(label, value=on, key=name, bind=IN_URL, **more)


def series_picker() -> Series:
    """One series: a pair, found by typing, and an interval; both in the URL. At first one that is expected.

    Neither widget has a default of its own: an address does not name what is one, and which pair is the first of all,
    say, changes with time.
    """
    pairs = known_markets()["pair"]
    unknown = unknown_values({"pair": pairs, "interval": INTERVAL_NAMES})
    said = st.container()
    _begin_with("pair", {pair: pair for pair in pairs}, "BTC/USD" if "BTC/USD" in pairs else pairs[0])
    named = st.session_state.get("pair") or str(st.query_params.get("pair"))
    _begin_with("interval", INTERVAL_NAMES, usual_interval(named))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pair = st.selectbox("Pair", pairs, index=None, key="pair", bind=IN_URL, width=240, required=True)
        interval = st.segmented_control(
            "Interval",
            INTERVALS,
            key="interval",
            bind=IN_URL,
            format_func=formatting.interval,
            required=True,
            wrap=True,
        )
    if pair is None or interval is None:  # on the way back to an address without them, which is all that counts then
        st.rerun()
    series = Series(Pair.stored(pair), interval)
    with said:
        warn_of_unknown(unknown, formatting.series_name(series))
    return series


@remembered
def usual_interval(workbench: Workbench, pair: str) -> int:
    """The interval at which a pair is looked at first: hours, or the finest expected where these are not."""
    expected = [series.interval for series in workbench.charts.series(workbench.select(pairs=[Pair.stored(pair)]))]
    return USUAL_MINUTES if USUAL_MINUTES in expected or not expected else expected[0]


def _begin_with(name: str, options: Mapping[str, T], value: T) -> None:
    """Choose the value where neither the session nor the address names an option; those by their names there."""
    if st.session_state.get(name) not in options.values() and st.query_params.get(name) not in options:
        st.session_state[name] = value
