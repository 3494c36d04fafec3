"""A certificate as a document: what is altered in it is noticed, and what differs from it is named."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_core.domain.candles import Source, derived_rank, provisional, rank_of
from kraken_core.domain.certificates import merkle
from kraken_core.domain.certificates.candle_hashes import month_hashes
from kraken_core.domain.certificates.certificate import Certificate, SeriesCertificate, parse
from kraken_core.domain.certificates.citation import as_bibtex, as_line
from kraken_core.domain.certificates.comparison import compared, compared_candles
from kraken_core.domain.certificates.evidence import evidence_of
from kraken_core.domain.coverage import Assertion
from kraken_core.domain.errors import NoCertificateError
from kraken_core.domain.grades import Grade
from kraken_core.domain.market import Pair, Series
from kraken_core.domain.timerange import TimeRange, TimeRanges
from tests.support.certified import START, candles_of, certificate_of, changed, series

HOURS = Series(Pair("BTC", "USD"), 60)
DAY = 86_400
CANDLES = candles_of(HOURS, range(5, 900, 3))
CERTIFICATE = certificate_of(HOURS, CANDLES)
[OF_HOURS] = CERTIFICATE.series


def parts_of(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the plain values of a JSON document are."""
    if isinstance(document, dict | list):
        steps = document.items() if isinstance(document, dict) else enumerate(document)
        return [found for key, value in steps for found in parts_of(value, (*path, key))]
    return [path]


def with_part(path: tuple[Any, ...], change: Any) -> Any:
    """The document of the certificate with one of its values changed."""
    document = json.loads(json.dumps(CERTIFICATE.document))
    *before, last = path
    place = document
    for step in before:
        place = place[step]
    place[last] = change(place[last])
    return document


def another(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case _:
            return str(value)[:-1] + ("0" if str(value)[-1:] != "0" else "1")


def test_a_certificate_is_read_as_it_was_written() -> None:
    assert parse(json.loads(json.dumps(CERTIFICATE.document))) == CERTIFICATE


@pytest.mark.parametrize("path", parts_of(CERTIFICATE.document), ids=lambda path: ".".join(map(str, path)))
def test_no_value_of_a_certificate_can_be_altered_unseen(path: tuple[Any, ...]) -> None:
    with pytest.raises(NoCertificateError):
        parse(with_part(path, another))


@pytest.mark.parametrize("name", ["coverage", "claims", "gaps", "months"])
def test_nothing_can_be_left_out_of_a_certificate_unseen(name: str) -> None:
    with pytest.raises(NoCertificateError, match="does not give its root"):
        parse(with_part(("series", 0, name), lambda found: type(found)()))


@pytest.mark.parametrize("what", [None, 7, "x", [], {}, {"format": "another"}, {**CERTIFICATE.document, "more": 1}])
def test_whatever_is_no_certificate_is_refused(what: Any) -> None:
    with pytest.raises(NoCertificateError):
        parse(what)


def test_when_it_was_made_and_by_which_version_is_sealed_but_not_in_the_root() -> None:
    later = replace(CERTIFICATE, as_of=START + 100 * DAY, software="tests 2")
    assert later.root == CERTIFICATE.root
    assert later.document["seal"] != CERTIFICATE.document["seal"]


def test_every_part_is_a_leaf_of_its_canonical_text() -> None:
    name = {"pair": "BTC/USD", "interval": 60}
    document = OF_HOURS.document
    said = {key: document[key] for key in ("coverage", "claims", "gaps")}
    parts = [{**name, **said}, *({**name, **month} for month in document["months"])]
    assert list(OF_HOURS.leaves) == [merkle.leaf(part) for part in parts]


def test_the_span_is_in_the_root() -> None:
    assert replace(CERTIFICATE, span=TimeRange(START, START + 62 * DAY)).root != CERTIFICATE.root


def check_found(data: st.DataObject) -> None:
    """Of a certificate whose own root is right: what it says is not what is stored."""
    of, candles = data.draw(series())
    certificate = certificate_of(of, candles)
    [stored] = certificate.series
    kind = data.draw(st.sampled_from(("candle", "claim", "gap")))
    if kind == "candle":
        mutated, hit = data.draw(changed(candles, of.width))
        found = compared([stored], [replace(stored, months=tuple(month_hashes(mutated, of.interval)[of]))])
        [month] = found.months
        assert (month.first, month.exact) == (hit // of.width * of.width, True) or not month.found
    elif kind == "claim":
        forged = replace(stored, claims=(_altered(data, stored), *stored.claims[1:]))
        [statement] = compared([forged], [stored]).statements
        assert statement.what == "claims"
    else:
        hidden = replace(stored, gaps=TimeRanges())
        [statement] = compared([hidden], [stored]).statements
        assert statement.what == "gaps"
        assert replace(certificate, series=(hidden,)).root != certificate.root


def _altered(data: st.DataObject, stored: SeriesCertificate) -> Any:
    first = stored.claims[0]
    other = [
        first._replace(source="ohlc"),
        first._replace(evidence=first.evidence[:-1] + "c"),
        first._replace(proved=True),
        first._replace(ranges=TimeRanges.single(START, START + 20 * DAY + 60)),
    ]
    return data.draw(st.sampled_from(other))


@given(data=st.data())
def test_every_small_change_is_found_and_named(data: st.DataObject) -> None:
    check_found(data)


@pytest.mark.soak
@given(data=st.data())
@settings(max_examples=1000)
def test_every_one_of_a_thousand_small_changes_is_found_and_named(data: st.DataObject) -> None:
    check_found(data)


def test_equal_candles_differ_in_nothing() -> None:
    found = compared(CERTIFICATE.series, CERTIFICATE.series)
    assert found.is_equal
    assert found.equal == len(OF_HOURS.months)


def test_months_that_are_not_there_are_named() -> None:
    found = compared_candles(CERTIFICATE.series, {HOURS: OF_HOURS.months[1:]})
    assert [str(month) for month in found.months] == ["BTC/USD 1h 2024-01: none of its 247 candles is there"]
    assert found.equal == 1


def test_a_series_that_is_not_there_differs_in_all() -> None:
    found = compared(CERTIFICATE.series, [])
    assert len(found.months) == len(OF_HOURS.months)
    assert {statement.what for statement in found.statements} == {"coverage", "claims", "gaps"}


def test_months_are_told_apart_by_their_hash_alone() -> None:
    other = [month._replace(locators="") for month in OF_HOURS.months]
    assert compared_candles(CERTIFICATE.series, {HOURS: other}).is_equal
    wrong = [month._replace(sha256="0" * 64) for month in OF_HOURS.months]
    found = compared_candles(CERTIFICATE.series, {HOURS: wrong})
    assert [month.exact for month in found.months] == [False, False]


def test_several_differing_candles_are_named_from_where_on() -> None:
    other = candles_of(HOURS, range(5, 900, 3), seed=1)
    found = compared_candles(CERTIFICATE.series, month_hashes(other, 60))
    assert str(found.months[0]) == "BTC/USD 1h 2024-01, first at or after 2024-01-01T00:00:00Z"


CSV = rank_of(Source.CSV)


def claim(start: int, end: int, evidence: str, source: Source = Source.CSV, rank: int = CSV) -> Assertion:
    return Assertion(HOURS, START + start * DAY, START + end * DAY, source, rank, evidence)


@given(order=st.permutations(range(4)))
def test_the_order_of_claims_is_not_in_the_evidence(order: list[int]) -> None:
    claims = [claim(0, 3, "b"), claim(5, 9, "b"), claim(2, 6, "a"), claim(1, 2, "c")]
    span = TimeRange(START, START + 7 * DAY)
    found = evidence_of([claims[number] for number in order], span)[HOURS]
    assert [each.evidence for each in found] == ["a", "b", "c"]
    assert found[1].ranges == TimeRanges.of([(START, START + 3 * DAY), (START + 5 * DAY, START + 7 * DAY)])


def test_nothing_of_a_machine_or_a_moment_is_in_the_evidence() -> None:
    """Instants of requests, ranks (which have a file's date), the address of a table; and what was derived."""
    ohlc = rank_of(Source.OHLC)
    claims = [
        claim(0, 1, "OHLC XBTUSD 60 at 2024-03-01T00:00:00Z", Source.OHLC, ohlc),
        claim(1, 2, "OHLC XBTUSD 60 at 2024-03-02T00:00:00Z", Source.OHLC, ohlc),
        claim(2, 3, "Trades XBTUSD from 2024-01-03T00:00:00Z", Source.TRADES, derived_rank(rank_of(Source.TRADES))),
        claim(3, 4, "assetprice:questdb://here:9000", rank=provisional(CSV))._replace(adopted=True),
        claim(4, 5, "derived:1", Source.DERIVED),
    ]
    found = evidence_of(claims, TimeRange(START, START + 9 * DAY))[HOURS]
    assert [(each.source, each.evidence) for each in found] == [
        ("csv", "assetprice"),
        ("ohlc", "OHLC XBTUSD 60"),
        ("trades", "Trades XBTUSD"),
    ]
    assert found[1].ranges == TimeRanges.single(START, START + 2 * DAY)


def test_withdrawn_claims_are_no_evidence() -> None:
    claims = [claim(0, 3, "a"), claim(0, 3, "a")._replace(withdrawn=True)]
    assert evidence_of(claims, TimeRange(START, START + 9 * DAY)).get(HOURS, ()) == ()


def test_a_citation_has_root_span_and_version() -> None:
    for text in (as_line(CERTIFICATE), as_bibtex(CERTIFICATE)):
        assert CERTIFICATE.root in text
        assert "BTC/USD, from 2024-01-01 00:00 up to 2024-03-02 00:00 (UTC)" in text
        assert "as of 2024-03-31 00:00, by tests 1" in text
    assert as_bibtex(CERTIFICATE).startswith("@misc{kraken-history-")


def test_grades_are_told_apart() -> None:
    weaker = replace(OF_HOURS, coverage={Grade.CLAIMED: TimeRanges.single(START, START + 60 * DAY)})
    [statement] = compared([OF_HOURS], [weaker]).statements
    assert str(statement) == "coverage of BTC/USD 1h"


def test_an_empty_certificate_has_a_root() -> None:
    empty = Certificate(TimeRange(START, START + DAY), None, "tests 1", ())
    assert parse(empty.document) == empty
