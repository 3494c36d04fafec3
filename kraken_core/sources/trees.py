"""A zip as the tree of folders it was made of: which of them are archives of their own, as they would be unpacked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from kraken_core.domain.archive_names import stated_by_name
from kraken_core.domain.coverage import ArchiveStatement
from kraken_core.sources.folders import is_of_its_own
from kraken_core.sources.manifest import MANIFEST
from kraken_core.sources.members import UNLISTED, Member


class Branch(NamedTuple):
    """A folder inside a zip that is an archive ("" for the zip itself), and the members that belong to it."""

    folder: str
    members: list[Member]


def branches(members: Iterable[Member], statement: ArchiveStatement) -> list[Branch]:
    """The members by the archive they belong to, the zip's own first; ``statement`` is what the zip's name states.

    A folder with a quarter in its name is an archive of its own, and where there are several manifests, each folder
    that has one; a single one covers all that is in the zip. Bytes that the zip does not list may be of any of them.
    """
    all_members = list(members)
    unlisted = [member for member in all_members if member.unfit == UNLISTED]
    everything = [member for member in all_members if member.unfit != UNLISTED]
    stating = {_folder(member) for member in everything if member.name.rpartition("/")[2] == MANIFEST}
    owners: dict[str, str] = {"": ""}  # of each folder, the archive it belongs to
    found: dict[str, list[Member]] = defaultdict(list)
    found[""] = []
    for member in everything:
        found[_owner(_folder(member), owners, statement, stating if len(stating) > 1 else set())].append(member)
    return [Branch(folder, [*unlisted, *inside]) for folder, inside in found.items() if inside or len(found) == 1]


def _owner(folder: str, owners: dict[str, str], statement: ArchiveStatement, stating: set[str]) -> str:
    if folder not in owners:
        above, _, name = folder.rpartition("/")
        around = _owner(above, owners, statement, stating)
        stated = stated_by_name(around.rpartition("/")[2]) if around else statement
        owners[folder] = folder if folder in stating or is_of_its_own(name, stated) else around
    return owners[folder]


def _folder(member: Member) -> str:
    return member.name.rpartition("/")[0]
