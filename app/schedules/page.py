"""Schedules: what keeps the home up to date, a watch or live: alive or not, its notices, starting and ending it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from app.schedules.live import live_before, live_now
from app.schedules.start_form import start_form
from app.shared import formatting
from app.shared.error_boundary import error_boundary
from app.shared.links import link
from app.shared.metrics import show_metrics
from app.shared.workbench_cache import workbench
from kraken_core.domain.errors import KrakenError
from kraken_core.domain.formatting import duration
from kraken_core.workbench.live.state import LiveState
from kraken_core.workbench.watch.state import SentNotice, WatchRound, WatchState

EVERY_S = 2.0
DONE = "schedule"  # of this session: what the last button did, and whether it could
NO_WEBHOOK = (
    "Notices go nowhere: set KRAKEN_WATCH_WEBHOOK in the dashboard's environment to an address that takes JSON, or "
    "start the watch in a terminal with `--command`."
)


def page() -> None:
    """The page."""
    st.title("Schedules")
    st.caption(
        "A watch ingests what is new on a schedule, and fills what can be filled; live follows the exchange to the "
        "minute. Either notifies when something fails. One of them runs at a time."
    )
    with st.container():  # what comes and goes has a place of its own: see app/shared/filters.py
        _done()
        state, live = workbench().schedule.state, workbench().live.state
        if state and state.is_alive:
            st.fragment(_alive, run_every=EVERY_S)(state)
            _controls(state)
        elif live and live.is_alive:
            live_now(live)
            _live_controls(live)
    is_watched = any(each and each.is_alive for each in (state, live))
    if not is_watched:
        _ended(state)
        start_form()
        _test()
        live_before(live)
    if state:
        _rounds(state.rounds)
    _notices([*(state.notices if state else ()), *(live.notices if live else ())], is_watched=is_watched)


def _alive(drawn: WatchState) -> None:
    """The watch as it is; where its rounds or notices are others than were drawn, the page is drawn anew."""
    with error_boundary():
        state = workbench().schedule.state
        if state is None or not state.is_alive or (state.rounds, state.notices) != (drawn.rounds, drawn.notices):
            st.rerun()
        what = f"It keeps {formatting.plain(state.what)} up to date, every {duration(state.every)}."
        st.success(f"**The watch is alive.** {what}", icon=":material/event_repeat:")
        now = workbench().clock.now()
        if state.round_began:
            upcoming = f"running for {duration(max(0, now - state.round_began))}"
        else:
            upcoming = formatting.moment(state.next_at)
        last = formatting.moment(state.rounds[0].ended) if state.rounds else formatting.NOTHING
        shown = {"Last round": last, "Next round": upcoming, "Running since": formatting.moment(state.started)}
        show_metrics(shown | {"Last notice": _last_notice(state), "Recipients": formatting.count(state.recipients)})


def _last_notice(state: WatchState) -> str:
    if not state.notices:
        return "none yet"
    return f"{state.notices[0].kind}, {formatting.moment(state.notices[0].at)}"


def _ended(state: WatchState | None) -> None:
    if state is None:
        st.info("This home was never watched. Start a watch, or run jobs manually.", icon=":material/event_busy:")
    elif state.ended is None:
        text = f"**The watch died.** It began {formatting.moment(state.started)}, and its process is gone."
        st.error(text, icon=":material/error:")
    else:
        st.warning(f"**No watch is alive.** The last one ended {formatting.moment(state.ended)}.",
                   icon=":material/event_busy:")  # fmt: skip


def _controls(state: WatchState) -> None:
    schedule = workbench().schedule
    with st.container(horizontal=True):
        st.button("Stop the watch", icon=":material/stop:", on_click=_act, args=(
            schedule.stop, "Requested: stop. A round that runs is paused first."))  # fmt: skip
        st.button("Send a test notice", icon=":material/notifications:", disabled=not state.recipients, on_click=_act,
                  args=(schedule.request_test_notice, "Requested: the watch sends a test notice."))  # fmt: skip
    if not state.recipients:
        st.caption(NO_WEBHOOK)


def _live_controls(live: LiveState) -> None:
    st.button("Stop live", icon=":material/stop:", on_click=_act, args=(
        workbench().live.stop, "Requested: stop. What is whole is stored first."))  # fmt: skip
    if not live.recipients:
        st.caption(NO_WEBHOOK)


def _test() -> None:
    """A test notice without a watch, to the webhook that the next one would notify."""
    schedule = workbench().schedule
    if not (host := schedule.webhook_host):
        st.caption(NO_WEBHOOK)
        return
    st.caption(f"Notices go to the webhook at {formatting.plain(host)}.")
    if st.button("Send a test notice", icon=":material/notifications:"):
        failures = schedule.test_notice()
        st.session_state[DONE] = " ".join(failures) or "A test notice was sent.", not failures
        st.rerun()


def _act(act: Callable[[], object], done: str) -> None:
    try:
        act()
        st.session_state[DONE] = done, True
    except KrakenError as error:
        st.session_state[DONE] = str(error), False


def _done() -> None:
    if done := st.session_state.pop(DONE, None):
        text, well = done
        (st.info if well else st.warning)(formatting.plain(text), icon=":material/info:")


def _rounds(rounds: tuple[WatchRound, ...]) -> None:
    st.subheader("Rounds")
    if not rounds:
        st.caption("None has ended yet.")
        return
    st.dataframe(
        [
            {
                "Began (UTC)": formatting.minute(each.began),
                "Took": duration(each.ended - each.began),
                "Outcome": "✗ failed" if each.failed else "– skipped" if each.skipped else "✓ succeeded",
                "Job": formatting.NOTHING if each.job is None else str(each.job),
                "Reason": each.failed or each.skipped,
            }
            for each in rounds
        ],
        hide_index=True,
        height="content",
    )
    if (last := rounds[0]).job:
        link("jobs", f"Job {last.job}, of the last round", ":material/sync:", job=str(last.job))
    if reason := last.failed or last.skipped:
        st.text(f"The last round: {reason}")


def _notices(notices: Sequence[SentNotice], *, is_watched: bool) -> None:
    st.subheader("Notices")
    if not notices:
        st.caption(
            "None was sent: nothing failed, and no new gap is left."
            if is_watched
            else "None was sent. Nothing watches this home now, so no notice says what fails or what is missing."
        )
        return
    for each in sorted(notices, key=lambda notice: -notice.at):
        sign = "✗" if each.failures else "✓"
        sent = "; ".join(each.failures) or f"sent to {formatting.count(each.sent_to)}"
        st.markdown(
            f"{sign} **{formatting.plain(each.kind)}** {formatting.moment(each.at)}: {formatting.plain(each.message)} "
            f"*({formatting.plain(sent)})*"
        )


page()
