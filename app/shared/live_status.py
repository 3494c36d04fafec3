"""The live history of the home as it goes: whether it runs, its connections, and how far behind each pair is."""

from __future__ import annotations

import streamlit as st

from app.shared import formatting
from app.shared.error_boundary import error_boundary
from app.shared.metrics import show_metrics
from app.shared.workbench_cache import workbench
from kraken_core.domain.formatting import duration
from kraken_core.domain.jobs import IngestionJob, Trigger
from kraken_core.workbench.live.state import CATCHING_UP, STREAMING, LivePair, LiveState

EVERY_S = 2.0
MEANINGS = {
    "Connections": "To the exchange's stream of trades: open, of those that there are to be.",
    "Largest lag": "From where what is stored of a pair ends until now. A minute is stored once it has settled, and a "
    "later trade came: a pair that trades seldom lags behind.",
    "Waiting": "Pairs with trades that the stream lost, and that the exchange has not answered yet.",
}
FIRST = ("Connections", "Last trade", "Largest lag")
EVERYTHING = "schedules"  # the page that shows all figures
DIED = "Live died: its process is gone."
DOING = {
    CATCHING_UP: "A job fills what is missing",
    STREAMING: "Trades are streamed",
}


def live_state() -> LiveState | None:
    """The live history, where one runs."""
    state = workbench().live.state
    return state if state and state.is_alive else None


def is_streaming(job: IngestionJob) -> bool:
    """Whether a job that runs has no end to get to: it streams trades."""
    state = live_state() if job.trigger is Trigger.LIVE else None
    return bool(state and state.phase == STREAMING)


def show_live(drawn: LiveState, page: str) -> None:
    """Show it on a page, and again every two seconds; once it has ended or sent a notice, the page is drawn anew."""
    st.fragment(_live, run_every=EVERY_S)(drawn, page)


def _live(drawn: LiveState, page: str) -> None:
    with error_boundary():
        state = live_state()
        if state is None or state.notices != drawn.notices:
            st.rerun()
        now = workbench().clock.now()
        text = f"It keeps {formatting.plain(state.what)} current. {DOING.get(state.phase, 'It waits to try again')}."
        if state.failed or state.open_connections < state.connections:
            why = state.failed or "not all connections to the exchange's stream are open; they are tried again."
            st.warning(f"**Live is degraded.** {text} {formatting.plain(why)}", icon=":material/sensors_off:")
        else:
            st.success(f"**Live runs.** {text}", icon=":material/sensors:")
        figures = _figures(state, now)
        show_metrics({name: figures[name] for name in figures if page == EVERYTHING or name in FIRST}, MEANINGS)
        if st.toggle("Lag of each pair", key=f"lags {page}"):
            slowest_first = sorted(state.pairs, key=lambda pair: -(state.lag(pair, now) or 0))
            st.dataframe([_row(state, pair, now) for pair in slowest_first], hide_index=True)


def _figures(state: LiveState, now: int) -> dict[str, str]:
    lags = [(lag, pair.pair) for pair in state.pairs if (lag := state.lag(pair, now)) is not None]
    worst = max(lags, default=None)
    return {
        "Connections": f"{state.open_connections} of {state.connections}",
        "Last trade": _ago(state, state.traded_at, now),
        "Largest lag": f"{duration(worst[0])}, {worst[1]}" if worst else formatting.NOTHING,
        "Pairs": formatting.count(len(state.pairs)),
        "Waiting": formatting.count(sum(1 for pair in state.pairs if pair.waiting_since is not None)),
        "Disconnects": formatting.count(state.disconnects),
    }


def _row(state: LiveState, pair: LivePair, now: int) -> dict[str, str]:
    lag = state.lag(pair, now)
    waiting = "waits for missing trades" if pair.waiting_since is not None else ""
    return {
        "Pair": pair.pair,
        "Lag": formatting.NOTHING if lag is None else duration(lag),
        "Stored until (UTC)": formatting.minute(pair.stored_until),
        "Last trade": _ago(state, pair.traded_at, now),
        "State": pair.problem or waiting or "✓",
    }


def _ago(state: LiveState, at: float | None, now: int) -> str:
    exchange_now = state.exchange_now(now)
    return formatting.NOTHING if at is None or exchange_now is None else f"{duration(max(0, exchange_now - at))} ago"
