"""Files of the candle table that may be about to be committed: younger than a day, that is unknown."""

from __future__ import annotations

from kraken_core.stores.files.errors import store_errors
from kraken_core.stores.files.file_names import is_ours
from kraken_core.stores.files.location import Location, StoredFile
from kraken_core.stores.files.table_form import PARTITION

UNCOMMITTED_KEPT_S = 24 * 3600


def written_before(place: Location, instant: int, partition: str = PARTITION) -> list[StoredFile]:
    """The files of our own naming that were last written before an instant (epoch seconds). Raises StoreError."""
    with store_errors("list", place):
        found = list(place.files(f"{partition}=*/*.parquet"))
    return [file for file in found if is_ours(file.path) and file.written < instant]  # nothing else is ever deleted
