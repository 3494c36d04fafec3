"""Addresses as they may be shown: whatever in them is not known to be harmless is hidden.

Passwords, tokens and signatures are in user names, in options with any name, in fragments, or in a libpq string that is
no address at all. So what may be shown is named, and not what may not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

HIDDEN = "***"
# Options of an address, and words of a libpq string, whose values say where a server is and how it is spoken to.
_HARMLESS = frozenset(
    {"application_name", "connect_timeout", "dbname", "host", "hostaddr", "pg", "port", "region", "sslmode", "timeout"}
)
_OPTION = re.compile(r"[A-Za-z][A-Za-z_]{0,30}")  # what the name of an option looks like, rather than a secret
_WORD = re.compile(r"(\w+)(\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s]+)")  # of a libpq string
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_SHORT = 3  # characters: what is shorter is in ordinary words as well


def without_secrets(text: str) -> str:
    """An address, a path or a libpq string without what only its owner should know; or an address behind a name."""
    if not (found := _SCHEME.search(text)):
        return _WORD.sub(_hide_word, text) if _WORD.match(text.lstrip()) else text
    if before := text[: found.start()]:
        return without_secrets(before) + without_secrets(text[found.start() :])
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return f"{found[0]}{HIDDEN}"
    if "@" in f"{parts.query}{parts.fragment}":  # the rest of a password that is not quoted, and the server behind it
        return f"{found[0]}{HIDDEN}"
    host = parts.netloc.rpartition("@")[2]
    if "@" in parts.path:  # a password that is not quoted holds the / that ends it
        return f"{found[0]}{HIDDEN}@{parts.path.rpartition('@')[2]}" + _hidden_options(parts)
    login = f"{HIDDEN}@" if "@" in parts.netloc else ""
    return f"{found[0]}{login}{host}{parts.path}{_hidden_options(parts)}"


def shown_value(value: Any) -> Any:  # noqa: ANN401 - values of TOML are of any type
    """A value of any shape, its texts without secrets."""
    match value:
        case str():
            return without_secrets(value)
        case list() | tuple():
            return [shown_value(each) for each in value]
        case dict():
            return {name: shown_value(each) for name, each in value.items()}
        case _:
            return value


def hide_secrets(text: str, address: str) -> str:
    """A text of others about an address, in which nothing of the address is that must not be shown."""
    shown = text.replace(address, without_secrets(address))
    for secret in sorted(_secrets(address), key=len, reverse=True):
        shown = shown.replace(secret, HIDDEN)
    return shown


def _hidden_options(parts: SplitResult) -> str:
    shown = []
    for option in re.split("[&;]", parts.query) if parts.query else ():
        name, is_named, value = option.partition("=")
        if not is_named or not _OPTION.fullmatch(name):
            shown.append(HIDDEN)
        else:
            shown.append(f"{name}={value if name.lower() in _HARMLESS else HIDDEN}")
    return ("?" + "&".join(shown) if shown else "") + (f"#{HIDDEN}" if parts.fragment else "")


def _hide_word(found: re.Match[str]) -> str:
    name, equals, value = found.groups()
    return f"{name}{equals}{value if name.lower() in _HARMLESS else HIDDEN}"


def _secrets(address: str) -> Iterator[str]:
    """What is hidden of an address, as written and as meant."""
    values: list[str] = []
    if _SCHEME.match(address):
        rest = address.partition("://")[2]
        login, is_login, _ = rest.rpartition("@")
        if is_login:
            values += [login, login.partition(":")[2]]
        query = address.partition("?")[2].partition("#")[0]
        values += [value for name, value in parse_qsl(query) if name.lower() not in _HARMLESS]
        values += [v for n, _, v in (o.partition("=") for o in re.split("[&;]", query)) if n.lower() not in _HARMLESS]
    else:
        values += [value.strip("'") for name, _, value in _WORD.findall(address) if name.lower() not in _HARMLESS]
    for value in values:
        for each in (value, unquote(value)):
            if len(each) > _SHORT:
                yield each
