"""What is expected: which pairs, intervals and days; limited, dropped and expected again."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import polars as pl
import streamlit as st

from app.jobs.controls import act_and_rerun
from app.shared import formatting
from app.shared.filters import INTERVAL_NAMES, choice, day, known_markets, wrong_days
from app.shared.unknown_values import unknown_values, warn_of_unknown
from app.shared.workbench_cache import remembered, workbench
from kraken_core import Workbench
from kraken_core.domain.interval_units import short
from kraken_core.domain.market import INTERVALS
from kraken_core.domain.request import Selection
from kraken_core.domain.scope import NEVER
from kraken_core.workbench.expectations import Expectation

LISTED = 200  # rows of the table
JOBS, DAYS, NOT_EXPECTED = "as jobs requested", "these days only", "not expected"


@remembered
def expected(workbench: Workbench, chosen: Selection) -> list[Expectation]:
    """What is expected of the series of a selection."""
    return workbench.expectations.rows(chosen)


def expectations() -> None:
    """The part of the page."""
    st.subheader("What is expected")
    st.caption(
        "Jobs make the series that they select expected, on the days that they select, and whatever is stored. What "
        "you drop or limit here is neither missing nor backfilled, whatever later jobs select; no candle is changed."
    )
    if not known_markets()["pair"]:
        st.info("Nothing is expected yet: the first job decides.", icon=":material/inbox:")
        return
    unknown = unknown_values({"pair": known_markets()["pair"], "interval": INTERVAL_NAMES})
    with st.container():
        warn_of_unknown(unknown, "what the other filters select", wrong_days("from", "to"))
    first, second = st.columns(2)
    with first:
        pairs = choice("Pairs", "pair", known_markets()["pair"])
    with second:
        intervals = choice("Intervals", "interval", INTERVALS, format_func=formatting.interval)
    chosen = workbench().select(pairs=pairs, intervals=intervals)
    rows = expected(chosen)
    _table(rows)
    _buttons(chosen, rows)


def _table(rows: list[Expectation]) -> None:
    columns = dict.fromkeys(("Pair", "Interval", "From (UTC day)", "To (UTC day)", "Expected"), pl.String)
    cells = [_cells(each) for each in rows[:LISTED]]
    st.dataframe(pl.DataFrame(cells, columns, orient="row"), hide_index=True)
    if len(rows) > LISTED:
        st.caption(f"The first {LISTED} of {formatting.count(len(rows))} series: choose pairs or intervals.")


def _cells(found: Expectation) -> tuple[str, ...]:
    pair, interval = str(found.series.pair), formatting.interval(found.series.interval)
    if not (span := found.expected):
        return pair, interval, formatting.NOTHING, formatting.NOTHING, state_of(found)
    return pair, interval, formatting.day(span.start), formatting.day(span.end - 1), state_of(found)


def state_of(found: Expectation) -> str:
    """Why a series is expected as it is."""
    if found.limit is None:
        return JOBS
    return NOT_EXPECTED if found.limit == NEVER else DAYS


def _buttons(chosen: Selection, rows: list[Expectation]) -> None:
    """The three changes; each applies to the pairs and intervals that are chosen above."""
    named = bool(chosen.pairs)
    what = f"{', '.join(map(str, chosen.pairs[:3]))}{' …' if len(chosen.pairs) > 3 else ''}"  # noqa: PLR2004 - named
    if set(chosen.intervals) != set(INTERVALS):
        what += f" {', '.join(map(short, chosen.intervals))}"
    if not named:
        st.caption("Choose pairs to change what is expected of them.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        start, end = day("From (UTC day)", "from"), day("To (UTC day, included)", "to")
        if st.button("Expect these days only", icon=":material/date_range:", disabled=not (named and (start or end))):
            days = workbench().select(pairs=chosen.pairs, intervals=chosen.intervals, start_date=start, end_date=end)
            _change(lambda: workbench().expectations.limit(days))
    with st.container(horizontal=True):
        if st.button(f"Stop expecting {what or '…'}", icon=":material/remove_circle:", disabled=not named):
            _change(lambda: workbench().expectations.drop(chosen))
        limited = any(each.limit is not None for each in rows)
        if st.button("Undo: expect what jobs requested", icon=":material/undo:", disabled=not (named and limited)):
            _change(lambda: workbench().expectations.restore(chosen))


def _change(act: Callable[[], object]) -> NoReturn:
    """Change what is expected, and draw the page anew: a ledger that another process writes keeps it waiting."""
    with st.spinner("Waiting for the ledger …", show_time=True):
        act_and_rerun(act)
