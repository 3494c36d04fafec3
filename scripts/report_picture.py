"""Draws docs/images/report.svg: `kraken-history report` of the simulated market, as a terminal shows it.

python scripts/report_picture.py [FILE]

The market, and so the picture, is the same on every run. A test compares the two.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from kraken_core import Workbench
from kraken_core.domain.report import Report
from kraken_core.pipeline.report_terminal import display
from kraken_core.simulator.demo import simulate

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "report.svg"
COLUMNS = 120
# Rich's template would load its font from elsewhere; any monospaced font of the reader's does.
REMOTE_FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)


def main() -> None:
    """Draw it, where the first argument says."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE
    target.write_text(picture(), encoding="utf-8")
    print(f"wrote {target}")


def picture() -> str:
    """The SVG."""
    console = Console(file=io.StringIO(), record=True, width=COLUMNS, force_terminal=True, highlight=False)
    console.print("[bold]$ kraken-history report[/]")
    display(simulated_report(), console)
    svg = console.export_svg(title="kraken-history report", unique_id="report")
    return "\n".join(line.rstrip() for line in REMOTE_FONTS.sub("", svg).splitlines()) + "\n"


def simulated_report() -> Report:
    """The report of everything the demo's archives hold, as of the market's present."""
    with TemporaryDirectory() as folder:
        simulation = simulate(Path(folder, "market"))
        with Workbench.open(Path(folder, "home")) as workbench:
            sources = [Path(folder, "market")]
            workbench.run(workbench.plan(tier="ALL", sources=sources, as_of=simulation.market.end))
            return workbench.holdings.report(workbench.select())


if __name__ == "__main__":
    main()
