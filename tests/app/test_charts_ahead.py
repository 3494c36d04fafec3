"""What draws charts is loaded before there is one."""

from __future__ import annotations

import re

import pytest

from app.shared.charts_ahead import charts_file
from tests.app.conftest import Opened


@pytest.mark.usefixtures("home")
def test_a_page_without_a_chart_has_the_browser_load_what_draws_charts(opened: Opened) -> None:
    sent = " ".join(each.proto.body for each in opened("help").sidebar.get("html"))
    assert re.search(r'import\(new URL\("\./static/js/PlotlyChart\.[\w-]+\.js"', sent)
    assert str(charts_file()) in sent
