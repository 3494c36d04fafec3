"""Whether callers in Python gave arguments of the types that are declared: a wrong one is refused by its name.

Type checkers look at few notebooks. Without this an argument of another type fails wherever it is first used, with
words about things its caller never wrote. What a right type may be (a pair that exists, a date) is up to who uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, wraps
from inspect import isfunction, signature
from reprlib import Repr
from typing import ParamSpec, TypeVar, cast

from kraken_core.domain.errors import UsageError
from kraken_core.workbench.argument_kinds import EXAMPLES, KINDS, ArgumentKind, OtherTypeError

_P = ParamSpec("_P")
_R = TypeVar("_R")
_SHOWN = Repr()
_SHOWN.maxother = _SHOWN.maxstring = 60


def checked(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function, which refuses arguments that are not of the types its annotations name. Raises UsageError."""

    @wraps(function)
    def checking(*args: _P.args, **named: _P.kwargs) -> _R:
        kinds = _kinds(function)
        given = [_taken(kinds, name, value) for name, value in zip(kinds, args, strict=False)]
        chosen = {name: _taken(kinds, name, value) for name, value in named.items()}
        return cast("Callable[..., _R]", function)(*given, *args[len(given) :], **chosen)

    return checking


def check_methods(cls: type) -> None:
    """Have all public methods that a class defines :func:`checked`."""
    for name, member in list(vars(cls).items()):
        if isfunction(member) and not name.startswith("_"):
            setattr(cls, name, checked(member))


@cache
def _kinds(function: Callable[..., object]) -> Mapping[str, tuple[ArgumentKind | None, bool]]:
    """By parameter, in order: its kind, if its type is one of those below, and whether None may be given."""
    found = {}
    for name, parameter in signature(function).parameters.items():
        kind, optional, _ = str(parameter.annotation).partition(" | None")
        found[name] = KINDS.get(kind), bool(optional)
    return found


def _taken(kinds: Mapping[str, tuple[ArgumentKind | None, bool]], name: str, value: object) -> object:
    kind, optional = kinds.get(name, (None, True))
    if kind is None or (optional and value is None):
        return value
    try:
        return kind.taken(value)
    except OtherTypeError:
        shown = " ".join(_SHOWN.repr(value).split())
        example = EXAMPLES.get(name, kind.example)
        raise UsageError(f"{name} is {shown}: it takes {kind.words}, such as {name}={example}.") from None
