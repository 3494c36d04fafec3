"""Files in a zip that its directory does not name: of two zips joined into one, the first one's.

A zip is read from its end, and may begin with anything: one that extracts itself begins with a program. So what is
listed is read in any case; but where other files lie beside it, the list is not all that was meant to be there.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from operator import itemgetter

from kraken_core.sources.split import MAX_READ_BYTES, JoinedFile

# A local header: a version of the format, flags, and a method that there is (APPNOTE 4.3.7). Four bytes alone may be
# part of the program of a zip that extracts itself.
_HEADER = re.compile(rb"PK\x03\x04[\x0a-\x3f].{3}[\x00-\x63]\x00", re.DOTALL)
_HEADER_BYTES = 30  # without the name
_SLACK = 128  # what a local header may have more than the directory says, and what may follow a member: no file
_MOST_GAPS = 32  # that are looked at, the widest: each may be a request to a server, and some zips align their members


def unlisted_bytes(file: JoinedFile, infos: Iterable[zipfile.ZipInfo], directory: int) -> int:
    """How many bytes before the directory are of files that it does not name; 0 where there is no such file."""
    widest = sorted(_gaps(infos, directory), key=itemgetter(1), reverse=True)[:_MOST_GAPS]
    return sum(_of_files(file, start, length) for start, length in widest)


def _gaps(infos: Iterable[zipfile.ZipInfo], directory: int) -> Iterator[tuple[int, int]]:
    """Where something is that belongs to no member, and how long it is."""
    at = 0
    for info in sorted(infos, key=lambda each: each.header_offset):
        if info.header_offset - at > _SLACK:
            yield at, info.header_offset - at
        at = max(at, info.header_offset + _HEADER_BYTES + len(info.orig_filename) + info.compress_size)
    if directory - at > _SLACK:
        yield at, directory - at


def _of_files(file: JoinedFile, start: int, length: int) -> int:
    """How many of these bytes are from the first local header on; it is looked for near their start only."""
    found = _HEADER.search(file.pread(min(length, MAX_READ_BYTES), start))
    return length - found.start() if found else 0
