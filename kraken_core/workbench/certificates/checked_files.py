"""See :class:`CheckedFiles`."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from kraken_core.domain.errors import StoreError
from kraken_core.domain.plural import counted
from kraken_core.ports import Filed


@dataclass(slots=True)
class CheckedFiles:
    """Files of a candle table whose bytes were those that were written, each with the stamp that it had then.

    What a month has is known by the names of its files. That they still have what their names say is known by their
    stamps; one with another stamp is read, and compared with its checksum. A list that is lost costs time alone.
    """

    path: Path
    _stamps: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What is in a file; nothing where there is none, or none that can be read."""
        found = None
        with suppress(OSError, ValueError):
            found = json.loads(path.read_text(encoding="utf-8"))
        return cls(path, found if isinstance(found, dict) else {})

    def require_whole(self, table: Filed, paths: Collection[str]) -> None:
        """Raises StoreError where one of the files is missing, or its bytes are not those that were written."""
        stamps = table.stamps()
        unsure = {path for path in paths if path not in stamps or self._stamps.get(path) != stamps[path]}
        if not unsure:
            return
        if spoiled := table.damaged(unsure):
            raise StoreError(
                f"{counted(len(spoiled), 'file')} of the candle table cannot be certified, being lost or not as it was "
                f"written: {spoiled[0]} …; kraken-history doctor --repair reads again what archives have of it."
            )
        known = {path: stamp for path, stamp in self._stamps.items() if path in stamps}
        self._stamps = known | {path: stamps[path] for path in unsure if path in stamps}
        self._save()

    def _save(self) -> None:
        if not self.path.parent.parent.is_dir():  # nothing is written where there is no home
            return
        with suppress(OSError):
            self.path.parent.mkdir(exist_ok=True)
            partial = self.path.with_name(f".{self.path.name}.part")
            partial.write_text(json.dumps(self._stamps), encoding="utf-8")
            partial.replace(self.path)
