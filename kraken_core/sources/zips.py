"""Zips, read in place: the central directory once, members by position, several times faster than zlib."""

from __future__ import annotations

import stat
import struct
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime

from isal import igzip_lib, isal_zlib

from kraken_core.domain.archives import ZipEntry
from kraken_core.domain.errors import BadFileError, SourceError
from kraken_core.sources.addresses import file_name
from kraken_core.sources.members import LINK, MAX_TEXT_BYTES, UNLISTED, Member
from kraken_core.sources.split import JoinedFile
from kraken_core.sources.unlisted import unlisted_bytes

MOST_MEMBERS = 100_000  # Kraken's archives have some 12,000; to plan so many pairs takes gigabytes
MAX_RATIO = 200  # candles pack about 3:1 and hardly ever 20:1; a bomb packs 1,000:1
PIECE_BYTES = 16 << 20  # of what is read in pieces
_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ", 98: "PPMd"}  # APPNOTE 4.4.5
_NO_YEAR = 1980  # where the dates of a zip begin
_ENCRYPTED = 0x1  # flag bit (APPNOTE 4.4.4)
_UNIX = 3  # whose file modes the entry has (APPNOTE 4.4.2)
_LOCAL_HEADER = struct.Struct("<4s22x2H")  # signature, length of the name, length of the extra field (APPNOTE 4.3.7)
_USUAL_HEADER_BYTES = _LOCAL_HEADER.size + 96  # with name and extra field
_RAW_DEFLATE = -15  # window bits: no header of its own


def read_directory(file: JoinedFile) -> Iterator[Member]:
    """Everything the central directory lists, in its order, behind one member for all files that it does not name.

    Raises SourceError where it is no whole, honest zip.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            infos, directory = archive.infolist(), archive.start_dir
    # NotImplementedError is zipfile's own word for a zip of a later version than it knows.
    except (zipfile.BadZipFile, struct.error, ValueError, OverflowError, NotImplementedError) as error:
        advice = (
            "get it again"
            if len(file.parts) == 1
            else f"is {file_name(file.parts[-1].place)} the last part, and each whole?"
        )
        raise SourceError(f"it is not a zip, or not a whole one ({error}): {advice}") from error
    if len(infos) > MOST_MEMBERS:
        raise SourceError(
            f"it lists {len(infos):,} files, as no archive of Kraken's does: unpack what you need of it into a folder"
        )
    if sum(info.compress_size for info in infos) > file.size:
        raise SourceError("its members overlap, which no honest zip does: get it again from Kraken")
    if unlisted := unlisted_bytes(file, infos, directory):
        yield Member(f"{unlisted:,} bytes", unlisted, "", unfit=UNLISTED)
    for info in infos:
        entry = ZipEntry(info.header_offset, info.compress_size, info.compress_type, info.CRC, file.version)
        stamp = f"{info.CRC:08x}-{info.file_size}-{info.compress_size}"
        name = info.orig_filename.replace("\\", "/")  # as some tools of Windows write it
        unfit = LINK if info.create_system == _UNIX and stat.S_ISLNK(info.external_attr >> 16) else ""
        yield Member(name, info.file_size, stamp, entry, _defect(info), unfit, _dated(info))


def _defect(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & _ENCRYPTED:
        return "it is encrypted"
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        method = _METHODS.get(info.compress_type, f"method {info.compress_type}")
        return f"it is packed with {method}, which is not read in place"
    return ""


def _dated(info: zipfile.ZipInfo) -> int | None:
    """When a member was last changed, taken for UTC: the zone is not stated. None for 1980, which means none."""
    try:
        moment = datetime(*info.date_time, tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) if moment.year > _NO_YEAR else None


def read_member(file: JoinedFile, entry: ZipEntry, size: int) -> bytes:
    """A member's text of ``size`` bytes, checked. Raises BadFileError before it takes more memory than that."""
    if size > MAX_TEXT_BYTES or entry.packed > MAX_TEXT_BYTES:
        raise BadFileError(f"it claims {max(size, entry.packed):,} bytes, more than any file of candles has")
    if size > MAX_RATIO * entry.packed:
        raise BadFileError(f"it claims {size:,} bytes packed into {entry.packed:,}, as no candles do")
    packed = _packed(file, entry)
    text = bytes(packed) if entry.method == zipfile.ZIP_STORED else _inflate(packed, size)
    if len(text) != size:
        raise BadFileError(f"its length is not the {size:,} bytes in the directory")
    if isal_zlib.crc32(text) != entry.crc:
        raise BadFileError("its checksum (CRC32) is wrong")
    return text


def member_pieces(file: JoinedFile, entry: ZipEntry, size: int, piece: int = PIECE_BYTES) -> Iterator[bytes]:
    """A member's text in pieces of at most so many bytes, however large it is. Raises BadFileError.

    The whole is checked against the directory behind the last piece.
    """
    if size > MAX_RATIO * entry.packed:
        raise BadFileError(f"it claims {size:,} bytes packed into {entry.packed:,}, as no trades do")
    left, crc = size, 0
    for text in _unpacked(file, entry, min(piece, size + 1)):
        left -= len(text)
        if left < 0:
            break
        crc = isal_zlib.crc32(text, crc)
        yield text
    if left:
        raise BadFileError(f"its length is not the {size:,} bytes in the directory")
    if crc != entry.crc:
        raise BadFileError("its checksum (CRC32) is wrong")


def _unpacked(file: JoinedFile, entry: ZipEntry, piece: int) -> Iterator[bytes]:
    at = entry.offset + _header_bytes(file.pread(_USUAL_HEADER_BYTES, entry.offset))
    end = at + entry.packed
    inflater = None if entry.method == zipfile.ZIP_STORED else igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_DEFLATE)
    while at < end and not (inflater and inflater.eof) and (packed := file.pread(min(piece, end - at), at)):
        at += len(packed)
        if inflater is None:
            yield packed
            continue
        try:
            yield inflater.decompress(packed, piece)
            while not (inflater.needs_input or inflater.eof):
                yield inflater.decompress(b"", piece)
        except igzip_lib.IsalError as error:  # type: ignore[misc] # isal's stub declares this class as an instance
            raise BadFileError(f"it does not inflate ({error})") from error


def _header_bytes(block: bytes) -> int:
    """How long the local header is that a block begins with, and so where behind it a member's bytes begin."""
    if len(block) < _LOCAL_HEADER.size or not block.startswith(b"PK\3\4"):
        raise BadFileError("it is not where the directory has it")
    _, name_length, extra_length = _LOCAL_HEADER.unpack_from(block)
    return _LOCAL_HEADER.size + int(name_length) + int(extra_length)


def _packed(file: JoinedFile, entry: ZipEntry) -> memoryview:
    """A member's bytes in the zip, mostly in one read: each may be a request to a server."""
    block = file.pread(_USUAL_HEADER_BYTES + entry.packed, entry.offset)
    start = _header_bytes(block)
    end = start + entry.packed
    if len(block) < end:
        block += file.pread(end - len(block), entry.offset + len(block))
    return memoryview(block)[start:end]


def _inflate(packed: memoryview, size: int) -> bytes:
    """The text, or one byte more than ``size`` where it is longer."""
    inflater = isal_zlib.decompressobj(_RAW_DEFLATE)
    try:
        text = inflater.decompress(packed, size + 1)
    except igzip_lib.IsalError as error:  # type: ignore[misc] # isal's stub declares this class as an instance
        raise BadFileError(f"it does not inflate ({error})") from error
    if len(text) <= size and not inflater.eof:
        raise BadFileError("it is cut short")
    return text
