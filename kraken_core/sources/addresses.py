"""Addresses of archives on web servers, as users write them."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit, urlunsplit

from kraken_core.domain.errors import SourceError


def is_url(place: str) -> bool:
    """Whether a source is on a web server."""
    return place.lower().startswith(("http://", "https://"))


def plain_url(url: str) -> str:
    """The address in one spelling. Raises SourceError for one that is none, or would have to be kept secret."""
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname if parts.port != 0 else None  # reading the port checks it
        if not host:
            raise ValueError("no host")  # noqa: TRY301 - one message for all that is no address
    except ValueError as error:
        raise SourceError("that address of an archive cannot be understood: write https://host/archive.zip.") from error
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise SourceError(
            f"{parts.scheme}://{host}{parts.path}: an address of an archive goes without password, ? and #, as it is "
            "stored and shown: put a password into ~/.netrc, or download the archive and name the file."
        )
    return urlunsplit((parts.scheme.lower(), parts.netloc.lower(), parts.path or "/", "", ""))


def is_folder_url(place: str) -> bool:
    """Whether an address is of a folder, in which releases are looked for by name."""
    return is_url(place) and place.endswith("/")


def file_name(place: str) -> str:
    """The last part of a path or an address, readable."""
    name = place.rpartition("/")[2]
    return unquote(name) if is_url(place) else name
