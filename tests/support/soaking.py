"""The long tests have a bound: a property is tried for so many minutes, and how often it was is said at the end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from functools import wraps
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.errors import HypothesisException

MINUTES = float(os.environ.get("SOAK_MINUTES", "10"))  # for each property; SOAK_MINUTES=inf tries all examples
_TRIED = "tried"


class TimeIsOverError(BaseException):
    """Ends a property where it is; no Exception, which Hypothesis would take for a failure."""


class Bounded:
    """A property that is tried until its time is over."""

    def __init__(self, test: Callable[..., Any], minutes: float) -> None:
        self.tried, self._test = 0, test
        self._until = time.monotonic() + 60 * minutes
        self.is_over = False  # and was before anything failed
        self._failed = False

    def end(self) -> None:
        """Its time is over from now on."""
        self._until = 0.0

    def test(self) -> Callable[..., Any]:
        """The test of one example. Where one failed, the search for the smallest that fails has no bound.

        Raises TimeIsOverError.
        """

        @wraps(self._test)
        def bounded(*args: Any, **values: Any) -> Any:
            if time.monotonic() > self._until and not self._failed:
                self.is_over = True
                raise TimeIsOverError
            self.tried += 1
            try:
                return self._test(*args, **values)
            except HypothesisException:  # of an example that does not count
                raise
            except (Exception, pytest.fail.Exception):
                self._failed = True
                raise

        return bounded


def is_property(item: pytest.Item) -> bool:
    """Whether Hypothesis runs the test."""
    return hasattr(getattr(item, "obj", None), "hypothesis")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Bound the property, if it is one of the long ones, or all are to look long."""
    long = pyfuncitem.get_closest_marker("soak") or settings.get_current_profile_name() == "soak"
    if not long or not is_property(pyfuncitem):
        return (yield)
    property_ = pyfuncitem.obj.hypothesis
    whole = property_.inner_test
    bounded = Bounded(whole, MINUTES)
    property_.inner_test = bounded.test()
    try:
        return (yield)
    except (TimeIsOverError, HypothesisException):  # the latter where it ended while Hypothesis compared two runs
        if not bounded.is_over:
            raise
        return True
    finally:
        property_.inner_test = whole
        pyfuncitem.user_properties.append((_TRIED, bounded.tried))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how often each was tried."""
    reports = terminalreporter.stats.get("passed", [])
    tried = [(report.nodeid, times) for report in reports for name, times in report.user_properties if name == _TRIED]
    if tried:
        terminalreporter.section(f"examples that were tried within {MINUTES:g} minutes each")
        for name, times in sorted(tried):
            terminalreporter.write_line(f"{times:>7,} {name}")
