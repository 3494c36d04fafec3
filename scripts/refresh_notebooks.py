"""Runs the notebooks, and stores what they print and draw, figures as pictures too.

python scripts/refresh_notebooks.py [NAME …]

Stored outputs hold what a reader needs: no times, no numbers of runs' processes, no path of this machine. A viewer that
runs no scripts, such as GitHub's, shows the pictures; kaleido draws them in the Chromium that the tests use too.
"""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
PATIENCE_S = 300  # for one cell
FIGURE, PICTURE = "application/vnd.plotly.v1+json", "image/png"
WIDTH_PX, HEIGHT_PX = 860, 340  # of a picture, where the figure states none


def main() -> None:
    """Refresh those that are named, or all."""
    import kaleido  # noqa: PLC0415 - see refresh

    os.environ["PLOTLY_RENDERER"] = "plotly_mimetype"  # the figure alone: a notebook brings plotly's script itself
    kaleido.start_sync_server()  # one browser for all figures
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if len(sys.argv) == 1 or any(name in path.stem for name in sys.argv[1:]):
            refresh(path)
            print(f"refreshed {path.name}, {path.stat().st_size / 1024:.0f} kB")
    kaleido.stop_sync_server()


def refresh(path: Path) -> None:
    """Run a notebook, and store it with its outputs."""
    import nbformat  # noqa: PLC0415 - takes a second to load, and tests take the sizes of pictures from here
    from nbclient import NotebookClient  # noqa: PLC0415 - same

    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=PATIENCE_S, record_timing=False, resources={"metadata": {"path": str(NOTEBOOKS)}}
    ).execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if figure := output.get("data", {}).get(FIGURE):
                output["data"][PICTURE] = picture(figure)
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, path)


def picture(figure: dict[str, Any]) -> str:
    """The figure as a PNG, in base64."""
    import kaleido  # noqa: PLC0415 - see refresh

    shown = {"data": figure["data"], "layout": {**figure["layout"], "paper_bgcolor": "white"}}
    height = figure["layout"].get("height", HEIGHT_PX)
    drawn = kaleido.calc_fig_sync(shown, opts={"format": "png", "width": WIDTH_PX, "height": height})
    return base64.b64encode(drawn).decode("ascii")


if __name__ == "__main__":
    main()
