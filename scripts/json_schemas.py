"""Write the JSON Schemas of the documents of --json into docs/schemas."""

from __future__ import annotations

import json
from pathlib import Path

from kraken_core.workbench.schemas.documents import DOCUMENTS

SCHEMAS = Path(__file__).parents[1] / "docs" / "schemas"


def schemas() -> dict[str, str]:
    """Each file, by its name."""
    return {f"{each.name}.json": f"{json.dumps(each.published, indent=2)}\n" for each in DOCUMENTS}


if __name__ == "__main__":
    SCHEMAS.mkdir(exist_ok=True)
    for gone in SCHEMAS.glob("*.json"):
        gone.unlink()
    for name, text in schemas().items():
        (SCHEMAS / name).write_text(text, encoding="utf-8")
        print(f"wrote {SCHEMAS / name}")
