"""Which of several archives is in force, whatever the order in which they come (domain rule 6)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.archive_texts import DAY, candles, folder, slots, zipped
from tests.support.command_line import Kraken

QUARTER = slots("2023-04-01", "2023-07-01", DAY)
RIGHT, WRONG = 2.0, 2.005  # 0.25 % off, as in the release of 2023Q2
AS_OF = ("--start-date", "2022-01-01", "--as-of", "2024-02-01T00:00:00Z", "--intervals", "1440")
Write = Callable[[Path], Path]


def volume_in_force(kraken: Kraken, first: Path, second: Path) -> float:
    """That of a day in the quarter, after both came, in this order and then in the other; it has to be the same."""
    found = []
    for number, order in enumerate(((first, second), (second, first))):
        home = kraken.home.with_name(f"home{number}")
        for place in order:
            kraken.ingest(place, *AS_OF, "--home", home)
        query = "select distinct volume from candles where time >= '2023-04-02' and time < '2023-06-30'"
        found += [row["volume"] for row in kraken.rows("sql", query, "--home", home)]
    one, other = found
    assert one == other
    return float(one)


def test_a_full_archive_of_no_date_is_not_outranked_by_an_older_quarter_that_states_itself(
    kraken: Kraken, tmp_path: Path
) -> None:
    full = folder(tmp_path / "master_q4", {"XBTUSD_1440.csv": candles(slots("2022-12-01", "2024-01-01", DAY), RIGHT)})
    quarter = zipped(tmp_path / "Kraken_OHLCVT_Q2_2023.zip", {"XBTUSD_1440.csv": candles(QUARTER, WRONG)})
    assert volume_in_force(kraken, full, quarter) == RIGHT


@pytest.mark.parametrize("turned", [False, True])
def test_of_a_quarter_that_was_published_again_the_later_one_is_in_force(
    kraken: Kraken, tmp_path: Path, turned: bool
) -> None:
    """Whichever hash is higher: the values change sides."""
    old, new = (RIGHT, WRONG) if turned else (WRONG, RIGHT)
    first = zipped(tmp_path / "a/Kraken_OHLCVT_Q2_2023.zip", {"XBTUSD_1440.csv": candles(QUARTER, old)}, "2023-07-20")
    again = zipped(tmp_path / "b/Kraken_OHLCVT_Q2_2023.zip", {"XBTUSD_1440.csv": candles(QUARTER, new)}, "2023-09-02")
    assert volume_in_force(kraken, first, again) == new


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_folders_of_no_date_the_one_with_newer_rows_is_in_force(
    kraken: Kraken, tmp_path: Path, turned: bool
) -> None:
    old, new = (RIGHT, WRONG) if turned else (WRONG, RIGHT)
    later = slots("2023-04-01", "2023-09-01", DAY)
    first = folder(tmp_path / "one", {"XBTUSD_1440.csv": candles(QUARTER, old)}, dated="2024-01-05")
    second = folder(tmp_path / "two", {"XBTUSD_1440.csv": candles(later, new)}, dated="2023-09-02")
    assert volume_in_force(kraken, first, second) == new


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_folders_with_the_same_rows_the_one_that_was_made_later_is_in_force(
    kraken: Kraken, tmp_path: Path, turned: bool
) -> None:
    old, new = (RIGHT, WRONG) if turned else (WRONG, RIGHT)
    first = folder(tmp_path / "one", {"XBTUSD_1440.csv": candles(QUARTER, old)}, dated="2023-07-02")
    second = folder(tmp_path / "two", {"XBTUSD_1440.csv": candles(QUARTER, new)}, dated="2023-07-20")
    assert volume_in_force(kraken, first, second) == new


@pytest.mark.parametrize("turned", [False, True])
def test_of_an_archive_that_was_replaced_on_the_day_it_was_made_nothing_says_that_the_later_one_is_in_force(
    kraken: Kraken, tmp_path: Path, turned: bool
) -> None:
    """Its hash decides, in either order the same: so in one of the two orders the version in force was read first."""
    place, volumes = tmp_path / "Kraken_OHLCVT_Q2_2023.zip", (WRONG, RIGHT) if turned else (RIGHT, WRONG)
    for volume in volumes:
        kraken.ingest(zipped(place, {"XBTUSD_1440.csv": candles(QUARTER, volume)}), *AS_OF)
    [found] = kraken.rows("sql", "select sum(slots)::int as slots, any_value(kept_evidence) as kept from differences")
    [stored] = kraken.rows("sql", "select max(volume) as volume from candles where time < '2023-06-30'")
    kept = hashlib.sha256(candles(QUARTER, stored["volume"])).hexdigest()
    assert found == {"slots": len(QUARTER), "kept": kept}
    said = kraken("verify", "--json").json
    [sentence] = next(check["examples"] for check in said["checks"] if check["name"] == "differences")
    assert "two versions of Kraken_OHLCVT_Q2_2023.zip; the one that ranks higher is in force" in sentence
    assert "later one" not in sentence


def test_what_a_user_says_later_of_a_folder_counts_though_its_files_were_read_before(
    kraken: Kraken, tmp_path: Path
) -> None:
    place = folder(tmp_path / "one", {"XBTUSD_1440.csv": candles(QUARTER), "UNIUSD_1440.csv": candles(QUARTER[:30])})
    kraken.ingest(place, *AS_OF)
    *_, before = kraken.rows("coverage", "--pairs", "UNI/USD")
    kraken.ingest(place, *AS_OF, "--archive-through", "2023-06-30")
    *_, after = kraken.rows("coverage", "--pairs", "UNI/USD")
    assert before["end"] < "2023-05-02"
    assert after["end"] > "2023-06-29"
