"""Redraws of a page that was left are ignored.

A fragment with ``run_every`` is redrawn by a request of the browser, in the name of the page that the browser shows.
Where the script switches pages meanwhile, such a request arrives behind the switch, and Streamlit carries it out in the
name of the page that was left: the browser takes that for a switch back, clears the page it shows, and draws a part of
the other one into nothing. What is left is a blank page (docs/adr/0017-redraws-of-pages-that-were-left.md).
"""

from __future__ import annotations

from functools import cache, wraps

from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests, ScriptRequestType

# ruff: noqa: SLF001 - Streamlit offers no other place for it


@cache
def ignore_redraws_of_left_pages() -> None:
    """Have all sessions of this process ignore them. Once is enough."""
    run_script, request_rerun = ScriptRunner._run_script, ScriptRequests._request_rerun_locked

    @wraps(run_script)
    def run_on_this_page(runner: ScriptRunner, rerun: RerunData) -> None:
        if not rerun.fragment_id_queue or rerun.page_script_hash == runner._get_script_run_ctx().page_script_hash:
            run_script(runner, rerun)

    @wraps(request_rerun)
    def request_beside_none(requests: ScriptRequests, rerun: RerunData) -> bool:
        # A whole page that is about to be drawn draws its fragments too. Both joined would go by the fragment's page.
        whole_page_waits = requests._state is ScriptRequestType.RERUN and not requests._rerun_data.fragment_id_queue
        return (whole_page_waits and rerun.is_auto_rerun) or request_rerun(requests, rerun)

    ScriptRunner._run_script = run_on_this_page  # type: ignore[assignment, method-assign]
    ScriptRequests._request_rerun_locked = request_beside_none  # type: ignore[assignment, method-assign]
