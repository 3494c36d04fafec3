"""The notebooks as pages of the site, as they are stored, figures as pictures: a hook of mkdocs."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from nbconvert import MarkdownExporter

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
PANDAS_TABLE = '<table border="1" class="dataframe">'  # which the theme would not take for one of its own


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each notebook, and the pictures on it."""
    exporter = MarkdownExporter()  # type: ignore[no-untyped-call]  # the library has no type for it
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        page, resources = exporter.from_filename(str(path), {"output_files_dir": path.stem})
        page = page.replace(PANDAS_TABLE, "<table>")
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=page))
        for name, drawn in resources["outputs"].items():
            files.append(File.generated(config, f"notebooks/{name}", content=drawn))
    return files
