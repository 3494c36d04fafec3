"""``wb.plot``: the dashboard's figures from Python, of the same selections as the tables beside them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kraken_core import Workbench
from kraken_core.domain.errors import UsageError
from kraken_core.workbench.charts.timeline import Known
from kraken_core.workbench.figures.plot import ROWS, _counted

MS = 1_000
DRAWN: dict[str, Callable[[Workbench], Any]] = {
    "coverage": lambda wb: wb.plot.coverage(),
    "gaps": lambda wb: wb.plot.gaps(),
    "candles": lambda wb: wb.plot.candles("BTC/USD", 60),
    "completeness": lambda wb: wb.plot.completeness(),
    "silences": lambda wb: wb.plot.silences(),
}


def rows(figure: Any) -> list[str]:
    return list(figure.layout.yaxis.ticktext)


def test_coverage_has_a_row_a_series_and_is_missing_what_the_gaps_are(full_home: Path) -> None:
    with Workbench.open(full_home) as workbench:
        figure = workbench.plot.coverage(pairs=["BTC/USD"], intervals=["1h", 1440])
        gaps = workbench.gaps(pairs=["BTC/USD"], intervals=[60, 1440])["candles"].sum()
    assert rows(figure) == ["BTC/USD 1h", "BTC/USD 1d"]
    shares = [hover.rpartition("<br>")[2] for bar in figure.data if bar.name == "missing" for hover in bar.hovertext]
    counts = [share.removeprefix("all ").split()[0] for share in shares]  # "all 48 missing", or "3 of 48 missing"
    assert sum(int(count.replace(",", "")) for count in counts) == gaps > 0


def test_coverage_is_coloured_as_asked(full_home: Path) -> None:
    with Workbench.open(full_home) as workbench:
        names = {
            colours: {bar.name for bar in workbench.plot.coverage(intervals=[60], colours=colours).data}
            for colours in ("known", "evidence", "source")
        }
        with pytest.raises(UsageError, match="colours is 'red'; it can be 'known' or 'evidence' or 'source'"):
            workbench.plot.coverage(colours="red")
    assert Known.PRESENT.value in names["known"]
    assert "confirmed" in names["evidence"]
    assert "CSV" in names["source"]


def test_gaps_have_a_row_for_each_pair_or_tier_that_lacks_something(full_home: Path) -> None:
    with Workbench.open(full_home) as workbench:
        lacking = set(workbench.gaps(intervals=[1])["pair"])
        assert set(rows(workbench.plot.gaps(intervals=[1]))) == lacking
        assert "TIER1" in rows(workbench.plot.gaps(by="tier"))
        with pytest.raises(UsageError, match="by is 'day'"):
            workbench.plot.gaps(by="day")


def test_candles_are_those_of_the_table(full_home: Path) -> None:
    with Workbench.open(full_home) as workbench:
        window = ("2024-03-28", "2024-03-29T06:00:00Z")
        figure = workbench.plot.candles("BTC/USD", "1h", *window)
        candles = workbench.candles("BTC/USD", 60, *window)
        with pytest.raises(UsageError, match="name a start before the end"):
            workbench.plot.candles("BTC/USD", 60, "2024-03-29", "2024-03-28")
    drawn = figure.data[0]
    assert list(drawn.close) == list(candles["close"])
    assert [at - 1800 * MS for at in drawn.x] == [int(at.timestamp()) * MS for at in candles.index]


def test_completeness_is_that_of_the_table_least_complete_first(full_home: Path) -> None:
    with Workbench.open(full_home) as workbench:
        [heatmap] = workbench.plot.completeness(intervals=[60, 1440]).data
        report = workbench.completeness(intervals=[60, 1440])
        [tiers] = workbench.plot.completeness(by="tier").data
    assert list(heatmap.x) == ["1h", "1d"]
    table = report.pivot_table(index="pair", columns="interval", values="completeness")
    for name, cells in zip(heatmap.y, heatmap.z, strict=True):
        assert list(cells) == list(table.loc[name])
    least = list(table.min(axis=1).loc[list(heatmap.y)])
    assert least == sorted(least)
    assert {"TIER1", "TIER2", "no tier"} <= set(tiers.y)


def test_silences_are_those_of_the_table(full_home: Path) -> None:
    selection: dict[str, Any] = {"pairs": ["PEPE/USD"], "intervals": [60]}
    with Workbench.open(full_home) as workbench:
        figure = workbench.plot.silences(**selection)
        found = workbench.silences(**selection)
        few = workbench.plot.silences(at_least=3, **selection)
    drawn = {name: bar.base for name, bar in ((bar.name, bar) for bar in figure.data)}
    assert sorted(drawn["no trades"]) == [int(at.timestamp()) * MS for at in found["start"]]
    assert not drawn["suspicious"]
    assert figure.layout.title.text == f"{len(found)} silences"
    assert sum(len(bar.base) for bar in few.data) == (found["slots"] >= 3).sum() < len(found)


def test_a_figure_says_how_many_rows_it_leaves_out(full_home: Path) -> None:
    with Workbench.open(full_home) as workbench:
        figure = workbench.plot.silences(intervals=[60])
    before = figure.layout.title.text
    assert _counted(figure, ROWS).layout.title.text == before
    cut = "the first 60 of 1,000 rows: name pairs or intervals to see others"
    assert _counted(figure, 1_000).layout.title.text == f"{before}; {cut}"


@pytest.mark.parametrize("name", DRAWN)
def test_a_home_without_anything_says_so_in_every_figure(tmp_path: Path, name: str) -> None:
    with Workbench.open(tmp_path / "home") as workbench:
        [said] = DRAWN[name](workbench).layout.annotations
    assert said.text == "Nothing of this selection was ever expected."
    assert not (tmp_path / "home").exists()


def test_without_plotly_all_but_figures_works_and_those_say_what_to_install(tmp_path: Path) -> None:
    program = """
import sys
sys.modules["plotly"] = None
sys.meta_path.insert(0, type("No", (), {"find_spec": staticmethod(lambda name, *_: (_ for _ in ()).throw(
    ModuleNotFoundError(name)) if name.partition(".")[0] == "plotly" else None)}))
from kraken_core import Workbench
from kraken_core.domain.errors import UsageError
with Workbench.open(sys.argv[1]) as workbench:
    assert workbench.completeness().empty
    workbench._repr_html_()
    try:
        workbench.plot
    except UsageError as error:
        print(error)
"""
    words = [sys.executable, "-c", program, str(tmp_path / "home")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == "figures need plotly, which is not installed: pip install plotly. Nothing else needs it.\n"
