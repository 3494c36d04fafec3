"""Names of the workbench that users may have in their code go on working for a version, and say what to write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kraken_core import Workbench

OLD: dict[str, Callable[[Workbench], object]] = {
    "query": lambda wb: wb.query("select 1 as one"),
    "create": lambda wb: wb.create(),
    "state": lambda wb: wb.state,
    "work": lambda wb: wb.work,
    "held": lambda wb: wb.held,
    "pictures": lambda wb: wb.pictures,
}
NEW: dict[str, Callable[[Workbench], object]] = {
    "query": lambda wb: wb.sql("select 1 as one", to="polars"),
    "create": lambda wb: wb.create_home(),
    "state": lambda wb: wb.change_token,
    "work": lambda wb: wb.runner,
    "held": lambda wb: wb.holdings,
    "pictures": lambda wb: wb.charts,
}


@pytest.mark.parametrize("name", OLD)
def test_an_old_name_does_what_the_new_one_does_and_names_it(name: str, tmp_path: Path) -> None:
    with Workbench.open(tmp_path) as workbench:
        with pytest.warns(DeprecationWarning, match=rf"^Workbench\.{name}\b.* is called \w+"):
            before = OLD[name](workbench)
        after = NEW[name](workbench)
    assert repr(type(before)) == repr(type(after))
