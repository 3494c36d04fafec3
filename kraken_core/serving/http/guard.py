"""Who is answered: requests to a name that the server is known by, with the token where there is one."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from kraken_core.serving.http.failures import refusal

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_WITH_ALL = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class AccessRules:
    """``hosts`` are the names that it is known by (DNS rebinding), ``addresses``: and any address, but no name.

    ``token`` is demanded of every request, "" of none.
    """

    hosts: frozenset[str] = LOCAL
    addresses: bool = False
    token: str = field(default="", repr=False)

    def knows(self, host: str) -> bool:
        """Whether a request's Host, with its port, is one of its names."""
        name = host_name(host)
        return name in self.hosts or (self.addresses and _is_address(name))

    def admits(self, authorization: str) -> bool:
        """Whether a request has the token; how long that takes does not depend on the token."""
        scheme, _, given = authorization.partition(" ")
        right = hmac.compare_digest(given.strip().encode(), self.token.encode())
        return not self.token or (scheme.lower() == "bearer" and right)


def host_name(host: str) -> str:
    """The name of a Host header: without its port, and without the brackets of IPv6."""
    name, _, port = host.rpartition(":")
    whole = name if name and port.isdecimal() and not name.endswith(":") else host
    return whole.strip("[]").rstrip(".").lower()


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Guard:
    """Passes on what is to be answered, and refuses all else."""

    app: ASGIApp
    rules: AccessRules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An application of ASGI."""
        if scope["type"] != "http":  # the lifespan; websockets are not offered
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not self.rules.knows(headers.get("host", "")):
            refused = refusal(403, "this server is not known by that name: use its address, or --allow-host NAME.")
        elif not self.rules.admits(headers.get("authorization", "")):
            message = "a token is needed, and that is missing or wrong: send Authorization: Bearer TOKEN."
            refused = refusal(401, message, {"WWW-Authenticate": "Bearer"})
        else:
            await self.app(scope, receive, _adding(send))
            return
        await refused(scope, receive, _adding(send))


def _adding(send: Send) -> Send:
    """Adds the headers of every answer."""
    fixed = [(name.lower().encode(), value.encode()) for name, value in _WITH_ALL.items()]

    async def sending(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *fixed]}  # type: ignore[misc] # a list of pairs
        await send(message)

    return sending  # type: ignore[return-value] # messages are mutable mappings, and ours dicts
