"""Files that a user names to be read."""

from __future__ import annotations

import errno
from pathlib import Path


def regular(path: Path) -> Path:
    """The path. Raises OSError for a pipe or a device: who opens one waits for whoever writes into it."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return path
