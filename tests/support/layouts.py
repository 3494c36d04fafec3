"""The same few candle files, laid out in all the ways archives come; and zips made wrong on purpose."""

import json
import struct
import zipfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from kraken_core.domain.archives import Archive, quarter_bounds
from kraken_core.sources.archive import ArchiveSource


def content(year: int = 2026, quarter: int = 2) -> dict[str, bytes]:
    """Files of a quarter, whose days go from its first to its last."""
    start, end = quarter_bounds(year, quarter)
    texts = {
        "XBTUSD_60.csv": [f"{start},42000,42100,41900,42050,1.5,12", f"{start + 3600},42050,42060,42000,42001,0.25,3"],
        "XBTUSD_1440.csv": [f"{day},42000,42100,41900,42001,1.75,15" for day in (start, end - 86_400)],
        "XDGEUR_1.csv": [f"{start + 60 * minute},0.08,0.08,0.08,0.08,1000,1" for minute in range(500)],
        "ADAUSD_720.csv": [f"{start},0.6,0.61,0.59,0.6,1.188e-05,7"],
        "ETHXBT_5.csv": [f"{start},0.05,0.05,0.05,0.05,1,1"],
    }
    return {name: "".join(f"{row}\n" for row in rows).encode() for name, rows in texts.items()}


CONTENT = content()
MANIFEST: dict[str, Any] = {
    "product": "ohlcvt",
    "schema_version": 1,
    "release": "r1",
    "columns": ["timestamp", "open", "high", "low", "close", "volume", "trades"],
    "has_header": False,
    "coverage": {"start": "2026-04-01", "end": "2026-06-30"},
    "pairs": 4,
    "files": len(CONTENT),
    "rows": 505,
    "generated": "2026-08-17",
}


def manifest(**changes: object) -> bytes:
    return json.dumps(MANIFEST | changes).encode()


def write_files(folder: Path, files: Mapping[str, bytes] = CONTENT) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)
    return folder


def write_zip(path: Path, files: Mapping[str, bytes] = CONTENT, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def cut(path: Path, parts: int) -> list[Path]:
    """Cut a file into plain byte parts, as Kraken does, and remove it."""
    data = path.read_bytes()
    size = -(-len(data) // parts)
    names = [path.with_name(f"{path.name}.part{number:02}") for number in range(parts)]
    for number, name in enumerate(names):
        name.write_bytes(data[number * size : (number + 1) * size])
    path.unlink()
    return names


def flat_folder(root: Path) -> Path:
    return write_files(root / "csv")


def nested_folder(root: Path) -> Path:
    return write_files(root / "csv", {f"master_q4/{name[0]}/{name}": text for name, text in CONTENT.items()})


def plain_zip(root: Path) -> Path:
    junk = {f"__MACOSX/master_q4/._{name}": b"\0\5\x16\7" for name in CONTENT}
    return write_zip(root / "dump.zip", {f"master_q4/{name}": text for name, text in CONTENT.items()} | junk)


def stored_zip(root: Path) -> Path:
    return write_zip(root / "dump.zip", compression=zipfile.ZIP_STORED)


def split_zip(root: Path) -> Path:
    return cut(plain_zip(root), 7)[0]


def folder_of_zips(root: Path) -> Path:
    for name, text in CONTENT.items():
        write_zip(root / f"zips/{name[:3]}.zip", {name: text} if name[:3] != "XBT" else _of("XBT"))
    return root / "zips"


def folder_of_all(root: Path) -> Path:
    """A split zip, a zip and unpacked files in one folder."""
    folder = write_files(root / "all", _of("XDG"))
    write_zip(folder / "one.zip", _of("XBT"))
    cut(write_zip(folder / "two.zip", _of("ADA") | _of("ETH")), 3)
    return folder


def _of(base: str) -> dict[str, bytes]:
    return {name: text for name, text in CONTENT.items() if name.startswith(base)}


def the_archive(*paths: Path, through: date | None = None) -> Archive:
    """The one archive of these paths."""
    (archive,) = ArchiveSource.open(paths, through).archives()
    return archive


def left_out(archive: Archive) -> dict[str, int]:
    """How many files are ignored for each reason."""
    return {reason: ignored.count for reason, ignored in archive.ignored.items()}


ZIPS = (plain_zip, stored_zip, split_zip)  # what may lie on a web server too
LAYOUTS = (flat_folder, nested_folder, plain_zip, stored_zip, split_zip, folder_of_zips, folder_of_all)

# Fields of a central directory record: where in it, and their format (APPNOTE 4.3.12).
CENTRAL_FIELDS = {
    "flags": (8, "<H"),
    "method": (10, "<H"),
    "crc": (16, "<I"),
    "packed": (20, "<I"),
    "size": (24, "<I"),
    "mode": (40, "<H"),
    "offset": (42, "<I"),
}


def tampered(path: Path, member: str, **fields: int) -> Path:
    """Change what a zip's central directory says of a member."""
    data = bytearray(path.read_bytes())
    record = data.rindex(member.encode()) - 46
    assert data[record : record + 4] == b"PK\1\2"
    for name, value in fields.items():
        place, layout = CENTRAL_FIELDS[name]
        struct.pack_into(layout, data, record + place, value)
    path.write_bytes(data)
    return path
