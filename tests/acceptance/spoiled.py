"""Archives spoiled in every way that was ever seen, or that somebody might try; and what should become of each file.

All files are daily candles of the first quarter of 2024, as the name of their archive states.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kraken_core.domain.ohlcvt import COLUMNS
from tests.support.layouts import tampered, write_zip

DAY_S = 86_400
START = 1_704_067_200  # 2024-01-01
END = 1_711_929_600  # 2024-04-01
DAYS = 91  # of the quarter
KNOWN = DAYS - 1  # none of the files has a candle of the last day: whether it was traded, no statement says
VALUES = "100,110,90,105,1.5,7"
BAD_LINE = 4  # of the files with one bad row


def row(day: int, values: str = VALUES) -> str:
    return f"{START + day * DAY_S},{values}"


def text_of(*rows: str, end: str = "\n") -> bytes:
    return "".join(line + end for line in rows).encode()


class Rejected(NamedTuple):
    line: int
    text: str
    reason: str


@dataclass(frozen=True)
class Spoiled:
    """A file's text, and the days that should be taken of it, the days it knows, and the rows it should lose."""

    text: bytes
    taken: tuple[int, ...]
    known: tuple[tuple[int, int], ...] = ((0, KNOWN),)
    rejected: tuple[Rejected, ...] = ()


AROUND = ((0, 3), (4, KNOWN))  # all but the day of the bad row


def with_bad_row(bad: str, reason: str, known: tuple[tuple[int, int], ...] = AROUND) -> Spoiled:
    """Good rows of days 0, 1, 2, 4 and 5, and a bad one where that of day 3 should be."""
    text = text_of(row(0), row(1), row(2), bad, row(4), row(5))
    return Spoiled(text, (0, 1, 2, 4, 5), known, (Rejected(BAD_LINE, bad, reason),))


def good(text: bytes, *days: int) -> Spoiled:
    return Spoiled(text, days)


THREE = text_of(row(0), row(1), row(2))
EVERY_BYTE = bytes(byte for byte in range(256) if byte != ord("\n"))
CONTESTED = "another row of the file gives its slot other values"
UNORDERED = "its time and that of the row beside it are out of order"

# What lies in the quarter's archive, by base asset.
SPOILED = {
    "MANY": with_bad_row(row(3) + ",8,9", "9 columns instead of 7"),
    "FEW": with_bad_row(row(3, "100,110,90,105,1.5"), "6 columns instead of 7"),
    "WORD": with_bad_row(row(3, "100,high,90,105,1.5,7"), "a price is not a number"),
    "HOLLOW": with_bad_row(row(3, "100,110,90,,1.5,7"), "a price is not a number"),
    "NUL": with_bad_row(row(3, "100,11\0,90,105,1.5,7"), "a price is not a number"),
    "NOVOLUME": with_bad_row(row(3, "100,110,90,105,much,7"), "its volume is not a number"),
    "HALFTRADE": with_bad_row(row(3, "100,110,90,105,1.5,7.5"), "its count of trades is not a whole number"),
    "NAN": with_bad_row(row(3, "100,NaN,90,105,1.5,7"), "a value is not finite"),
    "INFINITE": with_bad_row(row(3, "100,inf,90,105,1.5,7"), "a value is not finite"),
    "OVERFLOW": with_bad_row(row(3, "100,110,90,105,1e999,7"), "a value is not finite"),
    "BELOWZERO": with_bad_row(row(3, "100,110,-90,105,1.5,7"), "a price is not positive"),
    "ZERO": with_bad_row(row(3, "0,110,0,105,1.5,7"), "a price is not positive"),
    "OWED": with_bad_row(row(3, "100,110,90,105,-1.5,7"), "its volume is negative"),
    "UNTRADED": with_bad_row(row(3, "100,110,90,105,1.5,-7"), "its count of trades is negative"),
    "SWAPPED": with_bad_row(row(3, "100,90,110,105,1.5,7"), "its high is not the highest price"),
    "SHALLOW": with_bad_row(row(3, "100,110,101,105,1.5,7"), "its low is not the lowest price"),
    "GHOST": with_bad_row(row(3, "100,110,90,105,0,7"), "it has trades without volume, or the reverse"),
    "ASKEW": with_bad_row(f"{START + 3 * DAY_S + 60},{VALUES}", "its time is not the start of a 1d slot"),
    "TIMELESS": with_bad_row(f"2024-01-04,{VALUES}", "its time is not a whole number of seconds"),
    "ANCIENT": with_bad_row(f"0,{VALUES}", "its time is before Kraken existed"),
    "FUTURE": with_bad_row(f"4102444800,{VALUES}", "its slot has not closed yet"),
    "SEMICOLON": with_bad_row(row(3).replace(",", ";"), "1 column instead of 7, as if it had ';' between them"),
    "EQUAL": good(text_of(row(0), row(1), row(1)), 0, 1),
    "DIFFERENT": Spoiled(
        text_of(row(0), row(1), row(1, "1,2,1,2,3,4"), row(2)),
        (0, 2),
        ((0, 1), (2, KNOWN)),
        (Rejected(2, row(1), CONTESTED), Rejected(3, row(1, "1,2,1,2,3,4"), CONTESTED)),
    ),
    "CUTOFF": Spoiled(
        text_of(row(0), row(1)) + b"17042", (0, 1), ((0, 2),), (Rejected(3, "17042", "1 column instead of 7"),)
    ),
    "BINARYROW": Spoiled(
        text_of(row(0)) + EVERY_BYTE + b"\n" + text_of(row(2)),
        (0, 2),
        ((0, 1), (2, KNOWN)),
        (Rejected(2, EVERY_BYTE.decode(errors="replace"), "2 columns instead of 7"),),
    ),
    "NEWESTFIRST": good(text_of(row(2), row(1), row(0)), 0, 1, 2),
    "UNSORTED": Spoiled(
        text_of(row(0), row(1), row(9), row(4), row(5)),
        (0, 1, 5),
        ((0, 2), (5, 6)),
        (Rejected(3, row(9), UNORDERED), Rejected(4, row(4), UNORDERED)),
    ),
    "HEADED": good(text_of(",".join(COLUMNS)) + THREE, 0, 1, 2),
    "REORDERED": good(
        text_of("time,close,low,high,open,trades,volume", *(row(day, "105,90,110,100,7,1.5") for day in range(3))),
        0,
        1,
        2,
    ),
    "COMMAED": good(text_of(*(row(day, "100,110,90,105,1.5,7.0,") for day in range(3))), 0, 1, 2),
    "WEIGHTED": good(text_of(row(0), row(1, "100,110,90,105,99.5,1.5,7"), row(2)), 0, 1, 2),
    "WINDOWS": good(THREE.replace(b"\n", b"\r\n"), 0, 1, 2),
    "MARKED": good(b"\xef\xbb\xbf" + THREE, 0, 1, 2),
    "QUOTED": good(text_of(*('"' + row(day).replace(",", '","') + '"' for day in range(3))), 0, 1, 2),
    "SPACED": good(THREE.replace(b",", b" , ") + b"\n  \n", 0, 1, 2),
    "UNENDED": Spoiled(THREE.rstrip(), (0, 1, 2), ((0, 2),)),
    "SCIENTIFIC": good(text_of(*(row(day, "1e2,1.1e+02,9e1,1.05E2,1.5e0,7") for day in range(3))), 0, 1, 2),
    "FINE": good(THREE, 0, 1, 2),
}

# Files of which nothing can be taken, by base asset: of the quarter's archive …
HOPELESS = {
    "EMPTY": (b"", "it is empty"),
    "BLANK": (b"\r\n \n\n", "it is empty"),
    "HTML": (b"<html>\n<body>busy</body>\n", "none of its 2 rows is a candle; line 1: 1 column instead of 7"),
    "BINARY": (EVERY_BYTE, "none of its 1 rows is a candle"),
    "HEADER": (text_of(",".join(COLUMNS)), "none of its 0 rows is a candle"),
    "NOCOUNT": (text_of("time,open,high,low,close,volume", row(0)), "names no column as trades"),
    "HALFDAYS": (
        text_of(row(0), f"{START + DAY_S // 2},{VALUES}", row(1)),
        "finer interval than the 1d in its name: 1 of 3 open inside",
    ),
    "WIDE": (THREE.decode().encode("utf-16"), "its text is UTF-16; save it as UTF-8"),
    "MILLISECONDS": (
        text_of(f"{START}000,{VALUES}"),
        "none of its 1 rows is a candle; line 1: its time is in milliseconds, not in seconds",
    ),
}
FLIPPED = {"FLIPPED": "its checksum (CRC32) is wrong"}  # … of one in which a bit was flipped …
# … and of one that was damaged, or that lies.
DAMAGED = {
    "MISCOUNTED": "its checksum (CRC32) is wrong",
    "GARBLED": "it does not inflate",
    "PARTIAL": "it is cut short",
    "LONGER": "its length is not the 97 bytes in the directory",
    "GIGANTIC": "it claims 4,294,967,280 bytes, more than any file of candles has",
    "BOMB": "as no candles do",
    "SHYBOMB": "its length is not the 1,000 bytes in the directory",
}
BOMB_BYTES = 100 << 20
# Members whose names nobody should use; another archive's, beside a file that is fine.
NAMES = {
    "../UPWARDUSD_1440.csv": "unsafe name",
    "a/../../UPWARDUSD_1440.csv": "unsafe name",
    "/tmp/ABSOLUTEUSD_1440.csv": "unsafe name",  # noqa: S108 - nothing is to be written there
    "..\\WINDOWSUSD_1440.csv": "unsafe name",
    "FOOBAR_1440.csv": "unknown pair",
    "XBTUSD.d_1440.csv": "unknown pair",
    "FINEUSD_7.csv": "another interval",
}


def named(base: str) -> str:
    return f"{base}USD_1440.csv"


def write_all(folder: Path) -> Path:
    """Every archive, in one folder."""
    texts = {base: each.text for base, each in SPOILED.items()} | {base: text for base, (text, _) in HOPELESS.items()}
    whole = "".join(f"{at},100,110,90,105,1.5,7\n" for at in (START, END - 3600)).encode()  # the name's quarter
    files = {named(base): text for base, text in texts.items()} | {"XBTUSD_60.csv": whole}
    write_zip(folder / "Kraken_OHLCVT_Q1_2024.zip", files)
    write_zip(folder / "names.zip", dict.fromkeys([*NAMES, named("CAREFUL")], THREE))
    truncated = write_zip(folder / "truncated.zip", {named("TRUNCATED"): THREE})
    truncated.write_bytes(truncated.read_bytes()[:-30])
    (folder / "text.zip").write_text("this is not a zip")
    flipped = write_zip(folder / "flipped.zip", {named("FLIPPED"): THREE}, zipfile.ZIP_STORED)
    flipped.write_bytes(flipped.read_bytes().replace(b"1.5,7", b"1.4,7", 1))
    write_damaged(folder / "damaged.zip")
    return folder


def write_damaged(place: Path) -> None:
    """An archive in which every member lies but one."""
    bomb = text_of(row(0)) * (BOMB_BYTES // len(text_of(row(0))))
    write_zip(place, {named(base): bomb if "BOMB" in base else THREE for base in [*DAMAGED, "SOUND"]})
    tampered(place, named("MISCOUNTED"), crc=12345)
    tampered(place, named("PARTIAL"), packed=20)
    tampered(place, named("LONGER"), size=len(THREE) + 1)
    tampered(place, named("GIGANTIC"), size=0xFFFF_FFF0)
    tampered(place, named("SHYBOMB"), size=1000)
    data = bytearray(place.read_bytes())
    start = data.index(named("GARBLED").encode()) + len(named("GARBLED"))
    data[start : start + 20] = b"\xff" * 20
    place.write_bytes(data)
