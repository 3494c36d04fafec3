"""Figures are drawn in many threads at once, of which any may be the first to need pandas."""

from __future__ import annotations

import subprocess
import sys

HALF_IMPORTED = """
import sys, types
import plotly.graph_objects as go
import kraken_core.workbench.figures
assert hasattr(sys.modules["pandas"], "Series")
go.Bar(base=[1.0])
sys.modules["pandas"] = types.ModuleType("pandas")  # what another thread would see while one imports it
try:
    go.Bar(base=[1.0])
except AttributeError:
    print("plotly takes it for a whole one")
"""


def test_pandas_is_whole_before_any_figure_is_drawn() -> None:
    done = subprocess.run([sys.executable, "-c", HALF_IMPORTED], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("plotly takes it for a whole one\n", "")
