"""Indented JSON is what json itself writes, byte for byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.cli.json_text import indented

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside) | st.tuples(inside, inside),
    max_leaves=30,
)


@given(values)
def test_any_value_is_written_as_json_does(value: Any) -> None:
    assert indented(value) == json.dumps(value, indent=2, ensure_ascii=False)


@pytest.mark.parametrize(
    "value", [{}, [], {"rows": []}, [[], {}], {"a": {"b": [1, {"c": "\n,"}]}, "d": 2.5}, "ü\u2028"]
)
def test_empty_and_nested_values_are_written_as_json_does(value: Any) -> None:
    assert indented(value) == json.dumps(value, indent=2, ensure_ascii=False)
