"""What every ledger promises of gaps, on each database."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kraken_core.domain.errors import IllegalMoveError
from kraken_core.domain.gaps import GapRecord, GapStatus, Route
from kraken_core.domain.scope import NEVER, Detection
from kraken_core.domain.timerange import TimeRange
from kraken_core.ledger.ledger import SqlLedger
from tests.contract.ledger_records import DAY, DAYS, ETHER, HOURS, NOON, SetClock, a_gap, detected

pytest_plugins = ["tests.support.servers", "tests.contract.ledgers"]


def test_a_detection_replaces_the_open_gaps_of_its_series_only(ledger: SqlLedger) -> None:
    first, second, other = ledger.record_gaps(
        detected(HOURS, ETHER), [a_gap(start=0, end=DAY), a_gap(start=2 * DAY, end=3 * DAY), a_gap(ETHER)], []
    )
    merged = first._replace(end=3 * DAY, candles=72)
    [stored] = ledger.record_gaps(detected(HOURS, as_of=NOON + 60), [merged], [])

    assert stored == merged
    assert ledger.gaps() == [merged, other]
    assert second.id not in {gap.id for gap in ledger.gaps(open_only=False)}
    assert ledger.detections() == detected(HOURS, as_of=NOON + 60) | detected(ETHER)
    assert ledger.detections([ETHER]) == detected(ETHER)
    assert ledger.detections([]) == {}


def test_every_column_of_a_gap_comes_back(ledger: SqlLedger) -> None:
    gap = GapRecord(
        *(HOURS, 0, DAY, 24, 10, 14, GapStatus.UNFILLABLE, Route.DOWNLOAD),
        *("an archive does", 3, "XBTUSD_60.csv", "Kraken_OHLCVT_2026Q2.zip", 2, NOON + 60),
    )

    assert ledger.record_gaps({}, [gap], []) == ledger.gaps() == [gap._replace(id=ledger.gaps()[0].id)]


def test_gaps_are_told_by_series_and_time(ledger: SqlLedger) -> None:
    ledger.record_gaps({}, [a_gap(ETHER), a_gap(DAYS), a_gap(start=DAY, end=2 * DAY), a_gap()], [])

    assert [(gap.series, gap.start) for gap in ledger.gaps()] == [(HOURS, 0), (HOURS, DAY), (DAYS, 0), (ETHER, 0)]
    assert [gap.series for gap in ledger.gaps([DAYS])] == [DAYS]


def test_filled_gaps_are_closed_and_stay_on_record(ledger: SqlLedger) -> None:
    [gap] = ledger.record_gaps(detected(HOURS), [a_gap()], [])
    ledger.record_gaps(detected(HOURS), [], [gap])

    assert ledger.gaps() == []
    assert ledger.gaps(open_only=False) == [gap._replace(status=GapStatus.FILLED)]
    with pytest.raises(IllegalMoveError, match="FILLED"):
        ledger.record_gaps(detected(HOURS), [], [gap])


def steps_of(ledger: SqlLedger, question: Callable[[], object]) -> int:
    """How many steps SQLite took to answer."""
    counted: list[int] = []

    def count() -> int:
        counted.append(1)
        return 0

    with closing(ledger._engine.raw_connection()) as lent:
        lent.driver_connection.set_progress_handler(count, 1)  # type: ignore[union-attr]
    question()
    with closing(ledger._engine.raw_connection()) as lent:
        lent.driver_connection.set_progress_handler(None, 1)  # type: ignore[union-attr]
    return len(counted)


def test_gaps_that_rounds_filled_are_not_read_for_those_that_are_open(tmp_path: Path, clock: SetClock) -> None:
    with closing(SqlLedger.open(f"sqlite:///{tmp_path / 'ledger.db'}", "candles", clock)) as ledger:
        ledger.record_gaps({}, [a_gap(DAYS), a_gap(ETHER)], [])
        steps = []
        for rounds in (range(1, 3), range(3, 1001)):
            ledger.record_gaps({}, [], [a_gap(start=day * DAY, end=day * DAY + DAY) for day in rounds])
            steps.append([steps_of(ledger, ask) for ask in (ledger.gaps, lambda: ledger.gaps([HOURS, DAYS]))])
        assert len(ledger.gaps(open_only=False)) == 1002
    few, many = steps
    assert all(after <= 2 * before for before, after in zip(few, many, strict=True))


def test_a_part_that_was_filled_goes_on_record_beside_the_gap_that_is_left(ledger: SqlLedger) -> None:
    [gap] = ledger.record_gaps(detected(HOURS), [a_gap(end=2 * DAY)], [])
    [left] = ledger.record_gaps(detected(HOURS), [gap._replace(start=DAY, candles=24)], [a_gap(), a_gap(ETHER)])

    assert ledger.gaps() == [left]
    closed = [gap for gap in ledger.gaps(open_only=False) if gap.status is GapStatus.FILLED]
    assert [(gap.series, gap.start, gap.end) for gap in closed] == [(HOURS, 0, DAY), (ETHER, 0, DAY)]


def test_a_filled_gap_opens_again_when_its_claim_is_withdrawn(ledger: SqlLedger) -> None:
    [gap] = ledger.record_gaps({}, [a_gap()], [])
    ledger.record_gaps({}, [], [gap])

    assert ledger.record_gaps({}, [gap], []) == ledger.gaps() == [gap]


def test_a_gap_moves_only_as_gaps_may(ledger: SqlLedger) -> None:
    good, gap = ledger.record_gaps({}, [a_gap(DAYS), a_gap()], [])

    with pytest.raises(IllegalMoveError, match=rf"gap {gap.id} of BTC/USD 1h is DETECTED and cannot become FAILED"):
        ledger.record_gaps({}, [good._replace(status=GapStatus.BACKFILLING), gap._replace(status=GapStatus.FAILED)], [])
    assert ledger.gaps() == [gap, good]


def test_a_gap_that_is_gone_is_not_brought_back(ledger: SqlLedger) -> None:
    [gap] = ledger.record_gaps(detected(HOURS), [a_gap()], [])
    ledger.record_gaps(detected(HOURS), [], [])

    with pytest.raises(IllegalMoveError, match=f"gap {gap.id} of BTC/USD 1h is gone"):
        ledger.record_gaps({}, [gap._replace(status=GapStatus.BACKFILLING)], [])


def test_the_id_of_a_gap_that_is_gone_never_names_another(ledger: SqlLedger) -> None:
    [gap] = ledger.record_gaps(detected(HOURS), [a_gap()], [])
    ledger.record_gaps(detected(HOURS), [], [])
    [later] = ledger.record_gaps(detected(HOURS), [a_gap()], [])

    assert later.id != gap.id


def test_only_gaps_that_changed_are_dated_anew(ledger: SqlLedger, clock: SetClock) -> None:
    same, changed = ledger.record_gaps(detected(HOURS), [a_gap(), a_gap(start=2 * DAY, end=4 * DAY)], [])
    clock.instant += 60
    ledger.record_gaps(detected(HOURS), [same, changed._replace(end=3 * DAY)], [])

    frame = ledger.table_frame("gaps")
    assert [moment.timestamp() for moment in frame["detected_at"]] == [NOON, NOON]
    assert [moment.timestamp() for moment in frame["updated_at"]] == [NOON, NOON + 60]


def test_what_is_expected_of_a_series_is_limited_and_lifted_again(ledger: SqlLedger) -> None:
    requested = detected(HOURS, ETHER)
    ledger.record_gaps(requested, [], [])
    ledger.set_limits({ETHER: NEVER, HOURS: TimeRange(2 * DAY, 400 * DAY)})
    assert ledger.limits() == {ETHER: NEVER, HOURS: TimeRange(2 * DAY, 400 * DAY)}
    assert ledger.detections() == {HOURS: Detection(TimeRange(2 * DAY, 10 * DAY), NOON)}
    assert ledger.detections(limited=False) == requested
    ledger.set_limits({HOURS: None})
    assert ledger.detections() == detected(HOURS)
    ledger.set_limits({ETHER: None})
    assert ledger.detections() == requested


@pytest.mark.parametrize("change", [{"status": GapStatus.UNFILLABLE}, {"route": Route.TRADES}, {"reason": "another"}])
def test_whoever_looks_again_sees_each_change_of_a_gap_also_within_a_second(
    ledger: SqlLedger, change: dict[str, Any]
) -> None:
    [gap] = ledger.record_gaps(detected(HOURS), [a_gap()], [])
    before = ledger.state()
    ledger.record_gaps(detected(HOURS), [gap._replace(**change)], [])
    assert ledger.state() != before
