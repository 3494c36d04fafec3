"""The disks under a home: how much is free, what kind of file system it is, and refusing what cannot go well."""

from __future__ import annotations

import shutil
from pathlib import Path

import psutil

from kraken_core.domain.errors import HomeError
from kraken_core.domain.formatting import byte_size

MB, GB = 10**6, 10**9
BOUNDLESS = 2**63  # bytes of room where the disk is not ours
RESERVE_BYTES = 100 * MB  # beyond what the plan needs: for the ledger, logs, and files that are rewritten

# SQLite's WAL needs locks and memory that all processes share. Over a network the locks are not to be relied on.
_NETWORK = frozenset(
    {"afpfs", "afs", "beegfs", "ceph", "cifs", "davfs", "glusterfs", "gpfs", "lustre", "ncpfs"}
    | {"nfs", "nfs3", "nfs4", "smb2", "smb3", "smbfs", "webdav"}
    | {"fuse.ceph", "fuse.davfs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"}
)
# Folders that a virtual machine shares with its host: it works from one of the two sides alone.
_SHARED_WITH_HOST = frozenset(
    {"9p", "drvfs", "fuse.grpcfuse", "prl_fs", "vboxsf", "virtiofs", "vmhgfs", "fuse.vmhgfs-fuse"}
)


def free_bytes(path: Path) -> int:
    """What is free for us on the disk of ``path``, existing or not. Raises HomeError."""
    place = _existing(path)
    try:
        return shutil.disk_usage(place).free
    except OSError as error:
        raise HomeError(f"{place} cannot be looked at: {error.strerror}. Check that its disk is there.") from error


def room(path: Path) -> int:
    """What may be written to the disk of ``path`` without touching the reserve, in bytes. Raises HomeError."""
    return max(0, free_bytes(path) - RESERVE_BYTES)


def require_room(path: Path, needed: int, what: str = "the candle table") -> None:
    """Raises HomeError where ``needed`` bytes more of ``what``, and a reserve, do not fit on the disk of ``path``."""
    free = free_bytes(path)
    if needed and free < needed + RESERVE_BYTES:
        raise HomeError(
            f"too little disk for {what} in {path}: about {byte_size(needed)} are needed and "
            f"{byte_size(RESERVE_BYTES)} kept in reserve, but {byte_size(free)} are free. Nothing was done: free "
            "some, request less, or name another folder as the store."
        )


def require_local(file: Path | None) -> None:
    """Raises HomeError where ``file``, a ledger on SQLite, is on a network file system."""
    if file and (kind := file_system(file)) in _NETWORK:
        raise HomeError(
            f"the ledger {file} is on a network file system ({kind}), where SQLite loses data. Nothing was done: "
            "choose a --home on a local disk, or PostgreSQL as the ledger; the store may stay where it is."
        )


def shared_with_host(kind: str) -> bool:
    """Whether a file system of this kind is shared between a virtual machine and its host."""
    return kind in _SHARED_WITH_HOST


def file_system(path: Path) -> str:
    """The kind of file system of ``path``, existing or not: ``ext4``, ``nfs4``, …; "" where unknown."""
    place = _existing(path).resolve()
    mounts = {Path(mount.mountpoint): mount.fstype.lower() for mount in psutil.disk_partitions(all=True)}
    return next((mounts[folder] for folder in (place, *place.parents) if folder in mounts), "")


def _existing(path: Path) -> Path:
    """The path itself, or the nearest folder above that exists."""
    absolute = path.absolute()
    return next(place for place in (absolute, *absolute.parents) if place.exists())
