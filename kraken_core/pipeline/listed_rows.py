"""Listed rows: whether an archive had as many as its manifest lists. Fewer are rows that somebody lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kraken_core.domain.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kraken_core.domain.archives import Archive
    from kraken_core.ports import Ledger


def wrong_counts(archives: Sequence[Archive], ledger: Ledger) -> Iterator[str]:
    """A line for each archive of which every file was read, but not as many rows as its manifest lists.

    Which file they are missing in, or too many in, no count can say; so nothing is withdrawn.
    """
    listing = {archive.path: archive for archive in archives if archive.rows is not None}
    for path, (files, rows) in ledger.rows_read(listing).items() if listing else ():
        archive = listing[path]
        whole = files == len({file.member for file in archive.files}) and not archive.other_names
        if whole and rows != archive.rows:
            yield (
                f"{path}: its manifest lists {counted(archive.rows or 0, 'row')}, and {rows:,} were in its files. "
                "Rows that it lost would seem to be slots without trades: compare its checksum with the published one, "
                "or download it again."
            )
