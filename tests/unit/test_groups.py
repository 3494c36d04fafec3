"""Tests that share what takes long to make are run by one process, where there are several."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="module")
def made_once() -> str:
    """What a module makes."""
    return "made"


@pytest.mark.usefixtures("made_once")
def test_the_id_of_a_test_says_which_others_go_where_it_goes(request: pytest.FixtureRequest) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("there is one process")
    assert request.node.nodeid.endswith("@tests/unit/test_groups.py")
