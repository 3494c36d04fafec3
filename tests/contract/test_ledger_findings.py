"""What every ledger promises of findings, on each database."""

from __future__ import annotations

from kraken_core.domain.findings import Doubt, Findings
from kraken_core.domain.timerange import TimeRanges
from kraken_core.ledger.ledger import SqlLedger
from tests.contract.ledger_records import BTC, DAY, DAYS, ETH, ETHER, HOURS, a_claim

pytest_plugins = ["tests.support.servers", "tests.contract.ledgers"]

ALIVE = TimeRanges.single(0, 100 * DAY)
OTHER = Findings(disagreed={30: TimeRanges.single(0, DAY), 60: TimeRanges.single(DAY, 2 * DAY)})
FOUND = Findings({60: TimeRanges.of([(0, DAY), (2 * DAY, 3 * DAY)])}, (Doubt(DAY, 2 * DAY, "no trades"),))


def test_findings_are_kept_by_series_and_replaced_as_a_whole(ledger: SqlLedger) -> None:
    other = Findings(doubts=(Doubt(0, 3600, "no trades"), Doubt(7200, 10_800, "none either")))
    ledger.record_findings({DAYS: FOUND, ETHER: other}, {}, 0)
    assert ledger.findings() == {DAYS: FOUND, ETHER: other}
    assert ledger.findings([ETH]) == {ETHER: other}
    ledger.record_findings({DAYS: Findings({720: ALIVE}), ETHER: Findings()}, {}, 0)
    assert ledger.findings() == {DAYS: Findings({720: ALIVE})}


def test_what_disagrees_is_kept_beside_what_agrees_and_what_is_doubted(ledger: SqlLedger) -> None:
    both = FOUND._replace(disagreed=OTHER.disagreed)
    ledger.record_findings({DAYS: both, ETHER: OTHER}, {}, 0)
    assert ledger.findings() == {DAYS: both, ETHER: OTHER}
    assert ledger.judged_silences(ALIVE) == {DAYS: TimeRanges.single(DAY, 2 * DAY)}
    ledger.record_findings({DAYS: FOUND, ETHER: Findings()}, {}, 0)
    assert ledger.findings() == {DAYS: FOUND}


def test_silences_that_were_judged_by_other_pairs_are_found_by_their_time(ledger: SqlLedger) -> None:
    asleep = Findings(asleep=(Doubt(2 * DAY, 3 * DAY, "nothing traded on the whole exchange"),))
    ledger.record_findings({DAYS: FOUND, ETHER: asleep}, {}, 0)
    assert ledger.findings() == {DAYS: FOUND, ETHER: asleep}
    doubted, explained = TimeRanges.single(DAY, 2 * DAY), TimeRanges.single(2 * DAY, 3 * DAY)
    assert ledger.judged_silences(ALIVE) == {DAYS: doubted, ETHER: explained}
    assert ledger.judged_silences(TimeRanges.single(2 * DAY, 2 * DAY + 60)) == {ETHER: explained}
    assert ledger.judged_silences(TimeRanges()) == {}


def test_unexamined_is_what_was_claimed_or_withdrawn_since(ledger: SqlLedger) -> None:
    ledger.claim([a_claim(HOURS, 0, DAY), a_claim(HOURS, 2 * DAY, 3 * DAY), a_claim(ETHER)])
    first = ledger.unexamined([BTC])
    assert first.touched == {HOURS: TimeRanges.of([(0, DAY), (2 * DAY, 3 * DAY)])}
    assert first.lived == {}
    ledger.record_findings({}, {BTC: ALIVE}, first.newest)
    assert ledger.unexamined([BTC]) == (({}, {BTC: ALIVE}, first.newest))
    assert ledger.unexamined([BTC, ETH]).touched == {ETHER: TimeRanges.single(0, DAY)}
    ledger.claim([a_claim(HOURS, 0, DAY)._replace(withdrawn=True)])
    second = ledger.unexamined([BTC])
    assert second.touched == {HOURS: TimeRanges.single(0, DAY)}
    assert second.newest > first.newest


def test_nothing_is_unexamined_of_a_ledger_without_claims(ledger: SqlLedger) -> None:
    assert ledger.unexamined([BTC]).touched == {}
    assert ledger.unexamined([]).touched == {}
