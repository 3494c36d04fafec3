"""An address that the browser has not heard of yet is not undone by what the browser sends meanwhile.

Each request of the browser brings the address it shows, and Streamlit takes that for the truth. Where the script
changed the address and the next request was on its way by then (a second click, a redraw), that request brings the
former one: the page would show what was there before, below an address that says otherwise
(docs/adr/0025-addresses-that-cross.md).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, wraps
from typing import Any
from urllib.parse import parse_qsl, urlencode

from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext, get_script_run_ctx
from streamlit.runtime.state.query_params import QueryParams

# ruff: noqa: SLF001 - Streamlit offers no other place for it

_LAST_SENT = "address that the browser sent last"  # in the session: page and query
Pairs = list[tuple[str, str]]


class Sent(str):
    """The query of an address as the browser sent it; that of a rerun which the script asks for is none."""

    __slots__ = ()


@cache
def keep_newer_addresses() -> None:
    """Have all sessions of this process keep them. Once is enough."""
    request_rerun, reset = ScriptRequests._request_rerun_locked, ScriptRunContext.reset

    @wraps(request_rerun)
    def request_with_its_origin(requests: ScriptRequests, rerun: RerunData) -> bool:
        if get_script_run_ctx(suppress_warning=True) is None:  # no script's thread: the server's, for the browser
            rerun = replace(rerun, query_string=Sent(rerun.query_string))
        return request_rerun(requests, rerun)

    @wraps(reset)
    def reset_to_the_newer(
        ctx: ScriptRunContext,
        query_string: str = "",
        page_script_hash: str = "",
        **others: Any,  # noqa: ANN401 - Streamlit's
    ) -> None:
        kept = query_string
        if isinstance(query_string, Sent):
            before = _swap(ctx, page_script_hash, query_string)
            same_page = ctx.page_script_hash == page_script_hash and not others.get("is_history_navigation")
            if before is not None and same_page:
                with ctx.session_state.query_params() as params:
                    kept = newer(params, before, query_string)
        reset(ctx, query_string=kept, page_script_hash=page_script_hash, **others)
        if kept != query_string and not others.get("fragment_ids_this_run"):  # a link may have led there: lead back
            with ctx.session_state.query_params() as params:
                params._send_query_param_msg()

    ScriptRequests._request_rerun_locked = request_with_its_origin  # type: ignore[assignment, method-assign]
    ScriptRunContext.reset = reset_to_the_newer  # type: ignore[assignment, method-assign]


def newer(params: QueryParams, before: str, sent: str) -> str:
    """The query to go by: what was sent; but if the browser is where it was before, what the script made of that.

    Values of widgets are as they were sent: the browser itself changes those.
    """
    if _script_part(params, before) != _script_part(params, sent):
        return sent
    ours = _script_part(params, urlencode(params._query_params, doseq=True))
    if sorted(ours) == sorted(_script_part(params, sent)):
        return sent
    return urlencode([*ours, *(pair for pair in _parsed(sent) if params.is_bound(pair[0]))])


def _script_part(params: QueryParams, query: str) -> Pairs:
    """What of a query is not the value of a widget."""
    return [pair for pair in _parsed(query) if not params.is_bound(pair[0])]


def _parsed(query: str) -> Pairs:
    return parse_qsl(query, keep_blank_values=True)


def _swap(ctx: ScriptRunContext, page: str, sent: str) -> str | None:
    """Note what the browser sent, and return what it had sent before that, for the same page."""
    last_page, before = "", None
    if _LAST_SENT in ctx.session_state:
        last_page, before = ctx.session_state[_LAST_SENT]
    ctx.session_state[_LAST_SENT] = (page, str(sent))
    return before if last_page == page else None
