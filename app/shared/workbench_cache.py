"""What pages read: one workbench a home, and reads that are remembered until the table or the ledger changes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import streamlit as st

from kraken_core import Workbench
from kraken_core.domain.errors import HomeError
from kraken_core.workbench.simulated_home import serve_simulated, simulated_home

P = ParamSpec("P")
R = TypeVar("R")
Stamp = tuple[str | float, ...]

MARKET, REAL, SIMULATED = "market", "Kraken", "Simulated"
MOST = 8  # answers of each read that are kept: those for all pairs take twenty megabytes
_STATES = "states"  # of this run: how each home stands
_SHOWN = "states that are shown"  # of this session: how each home stood when the page last read it
_LEDGER = "ledger.db"
_READ_ONCE = ("kraken.toml", "tiers.toml", "identities.toml", ".format")


class HomeGoneError(HomeError):
    """A home that this server has seen is not there any more: it is no empty one, in which a history could begin."""


def real() -> Workbench:
    """The home's workbench, shared by all sessions; another one once the home was made or its settings changed.

    Raises HomeGoneError.
    """
    home = Workbench.open().settings.home
    _check_still_there(home)
    return _opened(None, _stamp(home))


def workbench() -> Workbench:
    """The workbench of the market that is looked at: the home's own, or the one that is simulated."""
    home = simulated_home(real().settings)
    if not (is_simulated() and home.exists()):
        return real()
    _exchange(str(home))
    return _opened(str(home), _stamp(home))


def is_simulated() -> bool:
    """Whether this session looks at the simulated market."""
    return st.session_state.get(MARKET) == SIMULATED


def remembered(read: Callable[Concatenate[Workbench, P], R]) -> Callable[P, R]:
    """The read, answered from memory until the home's table or ledger changes; it is called without the workbench.

    Its arguments have to be values that Streamlit can hash. Its answer is shared by all who ask: nobody changes it.
    """

    def cached(home: str, state: str, *args: Any, **kwargs: Any) -> R:  # noqa: ANN401, ARG001 - parts of the key
        return read(workbench(), *args, **kwargs)

    cached.__module__, cached.__qualname__ = read.__module__, read.__qualname__  # by which Streamlit tells them apart
    lookup = st.cache_resource(show_spinner="Reading …", max_entries=MOST)(cached)

    @wraps(read)
    def current(*args: P.args, **kwargs: P.kwargs) -> R:
        here = workbench()
        home = str(here.settings.home)
        states = st.session_state.setdefault(_STATES, {})
        if home not in states:
            states[home] = here.change_token
        st.session_state.setdefault(_SHOWN, {})[home] = states[home]
        return lookup(home, states[home], *args, **kwargs)

    return current


def look_anew() -> None:
    """Compare with how things stand from here on: asked once a run of a page, as that takes a while."""
    st.session_state.pop(_STATES, None)


def show_anew() -> None:
    """Before a whole page is drawn: nothing is shown yet."""
    st.session_state.pop(_SHOWN, None)


def is_outdated() -> bool:
    """Whether the home has changed since the page read it; false of a page that shows nothing of what is remembered."""
    here = workbench()
    shown = st.session_state.get(_SHOWN, {}).get(str(here.settings.home))
    return shown is not None and shown != here.change_token


@st.cache_resource(show_spinner=False, max_entries=8)
def _opened(home: str | None, stamp: Stamp) -> Workbench:  # noqa: ARG001 - a part of the key
    return Workbench.open(home)


@st.cache_resource(show_spinner="Opening the simulated exchange …")
def _exchange(home: str) -> object:
    return serve_simulated(Path(home))


def _stamp(home: Path) -> Stamp:
    """Which home, when what is read of it once was changed, and whether there is a ledger yet."""
    files = [home / name for name in _READ_ONCE]
    changed = [file.stat().st_mtime if file.exists() else 0.0 for file in files]
    return (str(home), *changed, (home / _LEDGER).exists())


def _check_still_there(home: Path) -> None:
    """Raises HomeGoneError where the home, or its ledger, was there before: so looks a disk that is not mounted."""
    for place in (home, home / _LEDGER):
        if place.exists():
            _seen().add(place)
        elif place in _seen():
            raise HomeGoneError(
                f"{place} was there, and is gone. Was it moved, or is its disk not mounted? Put it back, and reload "
                "this page. To begin a new history in its place, start the dashboard again."
            )


@st.cache_resource(show_spinner=False)
def _seen() -> set[Path]:
    """Homes and ledgers that were there at any time since the server started."""
    return set()
