"""Answers that are whole and other than documented: odd entries and rows, and forms that have grown."""

from __future__ import annotations

import json
import re

from kraken_core.simulator.exchange import names
from kraken_core.simulator.exchange.faults import Fault, FaultKind

Result = dict[str, str]  # JSON text by key
_LISTS = {"AssetPairs", "Assets"}  # whose keys are all entries
_TRAILING = ',"new",0'


def spoiled(result: Result, fault: Fault, endpoint: str) -> Result:
    """The result as the fault leaves it; as it is where the fault is of another kind."""
    changed: Result = {}
    match fault.kind:
        case FaultKind.NO_LAST:
            return {key: text for key, text in result.items() if key != "last"}
        case FaultKind.VANISHED if fault.pair:
            gone = {names.key(fault.pair), names.key(fault.pair) + names.DARK}
            return {key: text for key, text in result.items() if key not in gone}
        case FaultKind.NONSENSE:
            changed = {key: '"soon"' for key in result if key != "last"}
        case FaultKind.ENTRY if fault.pair and (key := names.key(fault.pair)) in result:
            changed = {key: _with_fields(result[key], fault)}
        case FaultKind.ODD_ROW:
            changed = {key: _with_odd_row(text, endpoint, fault.row) for key, text in result.items()}
        case FaultKind.GROWN:
            changed = _grown(result, endpoint)
        case FaultKind.LAST_INTEGER | FaultKind.LAST_EXPONENT | FaultKind.LAST_ROUNDED if "last" in result:
            changed = {"last": _last_as(int(result["last"].strip('"')), fault.kind)}
        case FaultKind.LAST_FORMING if endpoint == "OHLC":
            [rows] = (json.loads(text) for key, text in result.items() if key != "last")
            changed = {"last": f'"{rows[-1][0]}"'} if rows else {}
        case _:  # befalls something else
            pass
    return result | changed


def _with_fields(entry: str, fault: Fault) -> str:
    fields = {**json.loads(entry), **dict(fault.fields)}
    return json.dumps({name: value for name, value in fields.items() if value is not None})


def _with_odd_row(rows: str, endpoint: str, number: int) -> str:
    if endpoint == "Trades":
        return re.sub(rf'\["[^"]*"((?:,[^][,]*)*,{number}\])', r'["?"\1', rows)
    return re.sub(rf'\[{number},"[^"]*"', f'[{number},"?"', rows)


def _grown(result: Result, endpoint: str) -> Result:
    grown = {}
    for key, text in result.items():
        if text.startswith("[["):
            grown[key] = text.replace("],[", f"{_TRAILING}],[")[:-2] + f"{_TRAILING}]]"
        elif text.startswith("{"):
            grown[key] = text[:-1] + ', "execution_venue": {"new": [1]}}'
        else:
            grown[key] = text
    return grown if endpoint in _LISTS else {**grown, "notes": '["new"]', "next": "null"}


def _last_as(last: int, kind: FaultKind) -> str:
    if kind is FaultKind.LAST_INTEGER:
        return str(last)
    digits = str(last)
    fraction = digits[1:] if kind is FaultKind.LAST_EXPONENT else digits[1:6]
    return f'"{digits[0]}.{fraction}E+{len(digits) - 1}"'
