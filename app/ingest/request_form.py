"""The form of a request: everything ``kraken-history ingest`` can be told, each answer kept in the URL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import PurePath
from typing import Any, NamedTuple

import streamlit as st

from app.shared import formatting
from app.shared.filters import IN_URL, INTERVAL_NAMES, choice, day, known_markets, toggle, wrong_days
from app.shared.unknown_values import (
    is_switch,
    one_of,
    unknown_values,
    warn_of_unknown,
    whole_number,
    wrong_values,
)
from app.shared.workbench_cache import workbench
from kraken_core.domain.market import INTERVALS
from kraken_core.domain.request import DEFAULT_REQUESTS
from kraken_core.domain.tiers import ALL
from kraken_core.workbench.archive_choices import offered, unreadable_sources

BY_TIER, BY_PAIR = "Tiers", "Pairs"
MOST_WORKERS = 256
DOWNLOADS = {"Only with every route": None, "Yes": True, "No": False}
_SWITCHES = ("fill", "api", "trades", "complete", "new", "expected", "stop")
_ALLOWED = dict.fromkeys(_SWITCHES, is_switch) | {
    "by": one_of(BY_TIER, BY_PAIR),
    "download": one_of(*DOWNLOADS),
    "most": whole_number(0),
    "workers": whole_number(1, MOST_WORKERS),
}


class Form(NamedTuple):
    """The arguments of :meth:`Workbench.request`, None while nothing is chosen yet; and how many files at once."""

    options: dict[str, Any] | None
    workers: int | None


def request_form() -> Form:
    """Shows the form."""
    _warn_of_unknown()
    sources = _sources()
    chosen = _markets()
    first, second, third = st.columns(3)
    with first:
        intervals = choice("Intervals", "interval", INTERVALS, format_func=formatting.interval)
    with second:
        start = day("From (UTC day)", "from", help="Five years ago, where it is left open.")
    with third:
        end = day("To (UTC day, included)", "to", help="Today, where it is left open.")
    options = {**chosen, "intervals": intervals, "start_date": start, "end_date": end, "sources": sources}
    options |= _routes()
    more, workers = _more()
    return Form(options | more if chosen.get("tiers") or chosen.get("pairs") else None, workers)


def _warn_of_unknown() -> None:
    """Pairs and quotes may be new ones; whatever else the address names has to be known."""
    places = offered(workbench().settings)
    sources = {name for place in places for name in (place, _place(places, place))}
    options = {"tier": [*known_markets()["tier"], ALL], "interval": INTERVAL_NAMES, "source": sources}
    wrong = [*wrong_days("from", "to", "through"), *wrong_values(_ALLOWED)]
    with st.container():
        warn_of_unknown(unknown_values(options), "the request without it", wrong)


def _sources() -> list[str]:
    for problem in unreadable_sources(workbench().settings):
        st.error(formatting.plain(problem), icon=":material/error:")
    places = offered(workbench().settings)
    local = [place for place in places if "://" not in place]
    sources: list[str] = st.multiselect(
        "Archives",
        places,
        default=[place for place in workbench().settings.csv_source_dirs if place in places],
        key="source",
        bind=IN_URL,
        placeholder="None: only what is stored already, and the exchange",
        format_func=partial(_place, places),
        help="What the setting csv_source_dirs names, and the archives in it. Nothing else can be read.",
    )
    if not local:
        st.caption("No archive is configured on this machine: **Settings** shows how to add one.")
    return sources


def _place(places: Sequence[str], place: str) -> str:
    """The place by its last two parts; by all of it where that is an address, or another one ends like it.

    Of places that look the same, a list to choose from takes only the first.
    """
    short = _ending(place)
    return place if "://" in place or sum(_ending(other) == short for other in places) > 1 else short


def _ending(place: str) -> str:
    return "/".join(PurePath(place).parts[-2:])


def _markets() -> dict[str, Any]:
    markets = known_markets()
    by = st.segmented_control("By", [BY_TIER, BY_PAIR], default=BY_TIER, key="by", bind=IN_URL, required=True)
    names, quotes = st.columns(2)
    with names:
        if by == BY_TIER:
            chosen = {"tiers": st.multiselect("Tiers", [*markets["tier"], ALL], key="tier", bind=IN_URL)}
        else:
            pairs = st.multiselect(
                "Pairs",
                markets["pair"],
                key="pair",
                bind=IN_URL,
                accept_new_options=True,
                placeholder="BTC/USD, XBTEUR, …",
            )
            chosen = {"pairs": pairs}
    with quotes:
        return {
            **chosen,
            "quotes": choice("Quotes", "quote", markets["quote"] or ["USD", "EUR"], accept_new_options=True),
        }


def _routes() -> dict[str, Any]:
    """Which routes may fill what is missing, and how far they may go."""
    with st.container(horizontal=True):
        fill = toggle("Fill gaps", "fill", on=True, help="Off: only find and report them.")
        exchange = toggle("Query the exchange", "api", on=True, help="Off: no network at all but the archives named.")
        trades = toggle("Read its trades", "trades", on=True, help="For what its last 720 candles do not reach.")
        complete = toggle("Use every route", "complete", help="As often as it takes, until nothing more can be filled.")
        new_only = toggle("Only what is new", "new", help="From the end of each series' data to now.")
        expected = toggle(
            "Only what is expected", "expected", help="No pair and no interval is added to those expected."
        )
    with st.container(horizontal=True):
        download = st.segmented_control(
            "Download published archives",
            list(DOWNLOADS),
            default=next(iter(DOWNLOADS)),
            key="download",
            bind=IN_URL,
            required=True,
            help="Let gaps be filled from archives that are published; the plan says how many bytes.",
        )
        most = st.number_input(
            "Requests at most",
            min_value=0,
            value=None,
            step=100,
            placeholder="as many as it takes" if complete else formatting.count(DEFAULT_REQUESTS),
            key="most",
            bind=IN_URL,
            width=200,
            disabled=not exchange,
        )
    return {
        "auto_gap_fill": fill,
        "api_backfill": exchange,
        "trades": trades,
        "download": DOWNLOADS[download],
        "complete": complete,
        "incremental": new_only,
        "expected": expected,
        "max_requests": most,
    }


def _more() -> tuple[dict[str, Any], int | None]:
    with st.expander("More"):
        first, second, third = st.columns(3)
        with first:
            through: date | None = day(
                "Archives are complete through",
                "through",
                help="Only for archives that say it neither in their name nor in a manifest.",
            )
        as_of = second.text_input(
            "As of (UTC)", key="as_of", bind=IN_URL, placeholder="now", help="2026-07-08 or 2026-07-08T12:00:00Z"
        )
        workers = third.number_input(
            "Files read side by side",
            min_value=1,
            max_value=MOST_WORKERS,
            value=None,
            placeholder=f"{workbench().settings.workers}, as in Settings",
            key="workers",
            bind=IN_URL,
        )
        stop = toggle("Stop at the first bad file", "stop", help="Off: bad files are listed at the end.")
    return {"archive_through": through, "as_of": as_of or None, "stop_on_error": stop}, workers
