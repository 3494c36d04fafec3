"""Why a server was not reached, in the few words of its cause."""

from __future__ import annotations

import errno
import os
import socket

import pytest
import requests
from urllib3.exceptions import ProtocolError

from kraken_core.sources.session import unreached


def caused(by: Exception) -> requests.exceptions.ConnectionError:
    """An error of the client's, as it wraps one of the operating system's."""
    error = requests.exceptions.ConnectionError(ProtocolError("broken", by))
    error.__cause__ = ProtocolError("broken too")
    return error


@pytest.mark.parametrize(
    ("by", "why"),
    [
        (OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED)), "connection refused"),
        (OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH)), "network is unreachable"),
        (socket.gaierror(-2, "Name or service not known"), "host name not found"),
        (ConnectionError("it ended"), "connection lost"),
    ],
)
def test_the_cause_is_named_however_deep_it_is_wrapped(by: Exception, why: str) -> None:
    assert unreached(caused(by)) == why


def test_an_error_that_wraps_itself_ends_the_search() -> None:
    error = requests.exceptions.ConnectionError()
    error.args = (error,)
    assert unreached(error) == "connection lost"
