"""Kraken's published archives: which of them there are. Nothing lists them, so likely names are requested."""

from __future__ import annotations

from collections.abc import Iterable

from kraken_core.domain.archives import (
    full_name,
    has_release,
    quarter_bounds,
    quarter_of,
    quarterly_names,
    quarters_between,
)
from kraken_core.domain.errors import SourceError
from kraken_core.domain.timerange import TimeRange
from kraken_core.sources.addresses import is_folder_url, plain_url
from kraken_core.sources.remote_archives import Remote
from kraken_core.sources.split import part_names

FULL_RELEASES_BACK = 4  # quarters; an older one than that is no longer looked for


def published(remote: Remote, archives_url: str, quarters: Iterable[tuple[int, int]], as_of: int) -> list[str]:
    """The addresses of the releases under ``archives_url`` that contain the quarters (year, number), newest first.

    Of quarters that have no release of their own, the newest full release follows (its first part): it contains them.
    Not requested is what had not ended by ``as_of`` (epoch seconds). One or two requests a quarter. Raises SourceError,
    UnreachableError.
    """
    folder = plain_url(archives_url).rstrip("/") + "/"
    ended = sorted({quarter for quarter in quarters if quarter_bounds(*quarter)[1] <= as_of}, reverse=True)
    found = [_first_there(remote, folder, quarterly_names(*q)) if has_release(q) else None for q in ended]
    if not all(found):
        found.append(_newest_full(remote, folder, as_of))
    return [url for url in found if url]


def expanded(remote: Remote, places: Iterable[str], window: TimeRange, as_of: int) -> list[str]:
    """The places, with each address of a folder replaced by the releases there that contain the window.

    Raises SourceError where there are none, UnreachableError.
    """
    found: list[str] = []
    for place in places:
        releases = [place]
        if is_folder_url(place):
            releases = published(remote, place, quarters_between(*window), as_of)
            if not releases:
                raise SourceError(
                    f"{place}: none of Kraken's releases of that time is there; name the archive: {place}NAME.zip."
                )
        found += releases
    return found


def _newest_full(remote: Remote, folder: str, as_of: int) -> str | None:
    end = as_of
    for _ in range(FULL_RELEASES_BACK):
        end = quarter_bounds(*quarter_of(end))[0]
        name = full_name(*quarter_of(end - 1))
        if url := _first_there(remote, folder, (next(part_names(name)), name)):
            return url
        end -= 1
    return None


def _first_there(remote: Remote, folder: str, names: Iterable[str]) -> str | None:
    return next((folder + name for name in names if remote.exists(folder + name)), None)
