"""Runs the notebooks, and stores what they print and draw.

python scripts/refresh_notebooks.py [NAME …]

Stored outputs hold what a reader needs: no times, no numbers of runs' processes, no path of this machine.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
PATIENCE_S = 300  # for one cell


def main() -> None:
    """Refresh those that are named, or all."""
    os.environ["PLOTLY_RENDERER"] = "plotly_mimetype"  # the figure alone: a notebook brings plotly's script itself
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if len(sys.argv) == 1 or any(name in path.stem for name in sys.argv[1:]):
            refresh(path)
            print(f"refreshed {path.name}, {path.stat().st_size / 1024:.0f} kB")


def refresh(path: Path) -> None:
    """Run a notebook, and store it with its outputs."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=PATIENCE_S, record_timing=False, resources={"metadata": {"path": str(NOTEBOOKS)}}
    ).execute()
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, path)


if __name__ == "__main__":
    main()
