"""Notifications by a webhook or a command. What is secret in either is not logged."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias
from urllib.parse import urlsplit

import requests

from kraken_core.domain.errors import UsageError
from kraken_core.domain.gaps import GapRecord
from kraken_core.workbench import documents

PATIENCE_S = 30


class Notice(NamedTuple):
    """What happened: ``kind`` is failure, exchange (it was not reached), recovery (it is well again) or gaps.

    Of a live history also degraded, and pairs (of which nothing is streamed). Or test, where nothing happened.
    """

    kind: str
    message: str
    gaps: Sequence[GapRecord] = ()
    sender: str = "watch"  # or live


TEST_NOTICE = Notice("test", "a test notice: nothing happened.")
Notify: TypeAlias = Callable[[Notice], None]  # raises OSError, with a line without secrets


def is_due(failures: int) -> bool:
    """Whether to notify of the last of so many failures in a row: of the first, the second, the fourth and so on."""
    return failures & (failures - 1) == 0


def send(notice: Notice, to: Sequence[Notify]) -> list[str]:
    """Send a notice to all; returns why some could not be notified, a line each."""
    failures = []
    for notify in to:
        try:
            notify(notice)
        except OSError as error:
            failures.append(str(error))
    return failures


def recipients(webhook: str | None, command: str | None) -> list[Notify]:
    """Those that are named. Raises UsageError for what is no address or no command line."""
    try:
        argv = shlex.split(command or "")
    except ValueError as error:
        raise UsageError(f"the command is not a valid command line: {error}") from None
    return [*([by_webhook(webhook)] if webhook else []), *([by_command(argv)] if argv else [])]


def document(notice: Notice) -> dict[str, object]:
    """What is sent; chat servers show ``text``."""
    gaps = [documents.gap_row(gap) for gap in notice.gaps]
    return {
        "text": f"kraken-history {notice.sender}: {notice.message}",
        "kind": notice.kind,
        "message": notice.message,
        "gaps": gaps,
    }


def by_webhook(url: str) -> Notify:
    """Notices posted to an address as JSON. Its path often is a secret: only its host is ever named."""
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.scheme in {"http", "https"} and parts.port != 0 else None  # reading it checks it
    except ValueError:
        host = None
    if not host:
        raise UsageError("the webhook is not an http or https address (not shown: it may contain a secret).")

    def notify(notice: Notice) -> None:
        try:
            answer = requests.post(url, json=document(notice), timeout=PATIENCE_S, allow_redirects=False)
            answer.close()
        except requests.RequestException as error:
            raise OSError(f"the webhook at {host} could not be notified: {type(error).__name__}") from None
        if not answer.ok or answer.is_redirect:
            raise OSError(f"the webhook at {host} answered {answer.status_code}")

    return notify


def by_command(argv: Sequence[str]) -> Notify:
    """Notices as JSON on a command's input. No shell is involved, and its arguments are not logged."""
    program = argv[0]

    def notify(notice: Notice) -> None:
        try:
            ended = subprocess.run(
                list(argv),
                input=json.dumps(document(notice)),
                text=True,
                check=False,
                timeout=PATIENCE_S,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise OSError(f"{program} did not end within {PATIENCE_S} s, and was ended") from None
        except OSError as error:
            raise OSError(f"{program} could not be started: {error.strerror}") from None
        if ended.returncode:
            raise OSError(f"{program} exited {ended.returncode}")

    return notify
