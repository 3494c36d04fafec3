"""Where a QuestDB server is: ``questdb://user:password@host:9000?pg=8812``."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

SCHEME = "questdb"
HTTP_PORT, PG_PORT = 9000, 8812  # QuestDB's own defaults
EXAMPLE = f"{SCHEME}://host:{HTTP_PORT}?pg={PG_PORT}"


@dataclass(frozen=True, slots=True)
class Address:
    """A server's two ports: candles are written over HTTP, everything else goes over PostgreSQL's wire."""

    host: str
    http: int = HTTP_PORT
    pg: int = PG_PORT
    user: str = "admin"  # QuestDB's own default, as is the password
    password: str = "quest"  # noqa: S105 - known to everybody

    def __str__(self) -> str:
        return f"{SCHEME}://{self.host}:{self.http}?pg={self.pg}"

    @property
    def has_login(self) -> bool:
        """Whether a user was named."""
        return (self.user, self.password) != ("admin", "quest")


def parse_address(text: str) -> Address:
    """Read an address. Raises ValueError, saying what one looks like."""
    parts = urlsplit(text)
    options = dict(parse_qsl(parts.query))
    try:
        http, pg = parts.port or HTTP_PORT, int(options.pop("pg", PG_PORT))
    except ValueError:
        raise ValueError(EXAMPLE) from None
    if parts.scheme != SCHEME or not parts.hostname or options or parts.path.strip("/") or "@" in parts.path:
        raise ValueError(EXAMPLE)
    login = {"user": parts.username, "password": parts.password}
    return Address(parts.hostname, http, pg, **{name: unquote(value) for name, value in login.items() if value})
