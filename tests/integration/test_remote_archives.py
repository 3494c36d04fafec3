"""Archives on a web server: the same as on a disk, and hardly more crosses the network than what is read."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kraken_core.domain.archives import Archive, ArchiveFile
from kraken_core.domain.errors import BadFileError, SourceError, UnreachableError
from kraken_core.sources import web
from kraken_core.sources.archive import ArchiveSource
from kraken_core.sources.bounded import PIECE_BYTES
from kraken_core.sources.remote_archives import Remote
from tests.support.layouts import CONTENT, cut, manifest, plain_zip, tampered, write_zip
from tests.support.web_server import Fault, FileServer, self_signed, serving

MEMBER = "XBTUSD_1.csv"
NOISE = bytes(i * i * 7 % 251 for i in range(400_000))  # packs hardly
FILES = CONTENT | {MEMBER: NOISE, "ETHUSD_1.csv": NOISE[::-1]}
SLACK_A_REQUEST = 512  # the end of the file, a local header, and what is read beyond it


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "TIMEOUT_S", (5, 5))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FileServer]:
    (tmp_path / "www").mkdir()
    with serving(tmp_path / "www") as files:
        yield files


@pytest.fixture
def place(server: FileServer) -> Path:
    return write_zip(server.folder / "a.zip", FILES, zipfile.ZIP_STORED)


def listed(*urls: str, remote: Remote | None = None) -> tuple[ArchiveSource, dict[str, ArchiveFile]]:
    source = ArchiveSource.open(urls, remote=remote)
    return source, {file.member: file for archive in source.archives() for file in archive.files}


def directory_size(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        return path.stat().st_size - archive.start_dir


# Only what is wanted


def test_listing_an_archive_costs_its_directory_and_a_small_file_that_shows_its_age(
    server: FileServer, place: Path
) -> None:
    _, files = listed(server.url(place))
    assert files.keys() == FILES.keys()
    assert len(server.log) == 3
    assert server.sent <= directory_size(place) + 2 * SLACK_A_REQUEST


def test_reading_a_member_costs_one_request_and_its_bytes(server: FileServer, place: Path) -> None:
    source, files = listed(server.url(place))
    before, asked = server.sent, len(server.log)
    assert source.read(files[MEMBER]) == NOISE
    assert len(server.log) == asked + 1
    assert server.sent - before <= len(NOISE) + SLACK_A_REQUEST


def test_a_directory_that_is_known_is_not_read_again(server: FileServer, place: Path) -> None:
    remote = Remote()
    listed(server.url(place), remote=remote)
    server.log.clear()
    _, files = listed(server.url(place), remote=remote)
    assert files.keys() == FILES.keys()
    assert [asked.range for asked in server.log] == ["bytes=-256"]


def test_a_split_zip_is_read_across_its_parts_by_whatever_name(server: FileServer, place: Path) -> None:
    parts = cut(place, 5)
    for name in ("a.zip", "a.zip.part00", "a.zip.part03"):
        server.log.clear()
        source, files = listed(server.url(name))
        assert {file.path for file in files.values()} == {server.url(parts[0])}
        assert {name: source.read(file) for name, file in files.items()} == FILES
        assert server.sent <= sum(map(len, FILES.values())) + SLACK_A_REQUEST * 30


def test_what_has_to_be_downloaded_is_known_before(server: FileServer, place: Path) -> None:
    _, files = listed(server.url(place))
    assert {name: file.download_bytes for name, file in files.items()} == {n: len(text) for n, text in FILES.items()}
    local = ArchiveSource.open([place]).archives()[0].files
    assert {file.download_bytes for file in local} == {0}


# Breaks


def test_a_member_that_breaks_off_is_continued_where_it_stopped(server: FileServer, place: Path) -> None:
    source, files = listed(server.url(place))
    server.log.clear()
    server.faults = [Fault(break_after=250_000), Fault(status=503), Fault(break_after=40_000), None]
    assert source.read(files[MEMBER]) == NOISE
    starts = [int((asked.range or "").removeprefix("bytes=").partition("-")[0]) for asked in server.log]
    assert starts == sorted(starts)
    assert starts[1] - starts[0] > 250_000 - PIECE_BYTES
    assert starts[3] > starts[2] == starts[1]
    assert (
        sum(asked.sent for asked in server.log if asked.status == 206) < len(NOISE) + 2 * PIECE_BYTES + SLACK_A_REQUEST
    )


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_server_that_stumbles_is_asked_again(server: FileServer, place: Path, status: int) -> None:
    server.fault_tails = True
    server.faults = [Fault(status=status, headers={"Retry-After": "0"})] * (web.TRIES - 1)
    assert listed(server.url(place))[1].keys() == FILES.keys()


def test_a_server_that_stays_down_ends_the_listing_with_a_line_that_names_it(server: FileServer, place: Path) -> None:
    server.fault_tails = True
    server.faults = [Fault(status=503)] * 100
    with pytest.raises(UnreachableError, match=r"a\.zip: its server returned HTTP status 503, 5 times in a row\."):
        listed(server.url(place))
    assert len(server.log) == web.TRIES


def test_a_server_that_goes_away_ends_the_reading_and_not_just_one_file(server: FileServer, place: Path) -> None:
    source, files = listed(server.url(place))
    server.faults = [Fault(break_after=0)] * 100
    with pytest.raises(UnreachableError, match="its server was not reached: connection lost, 5 times in a row"):
        source.read(files[MEMBER])


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with serving(tmp_path) as gone:
        url = gone.url("a.zip")
    with pytest.raises(UnreachableError, match="its server was not reached: connection refused"):
        listed(url)


@given(
    faults=st.lists(
        st.one_of(
            st.none(),
            st.integers(0, 500_000).map(lambda after: Fault(break_after=after)),
            st.sampled_from([429, 500, 502, 503]).map(lambda status: Fault(status=status)),
        ),
        max_size=web.TRIES - 1,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_breaks_the_bytes_are_right_in_the_end(server: FileServer, place: Path, faults: list[Fault]) -> None:
    source, files = listed(server.url(place))
    server.faults = list(faults)
    assert source.read(files[MEMBER]) == NOISE


# Changes, lies and defects


@pytest.mark.parametrize("etags", [True, False])
def test_a_file_that_changes_between_two_requests_is_noticed(server: FileServer, place: Path, etags: bool) -> None:
    server.etags = etags
    server.headers = {} if etags else {"Last-Modified": "Mon, 17 Aug 2026 00:00:00 GMT"}
    source, files = listed(server.url(place))
    place.write_bytes(place.read_bytes().replace(NOISE, NOISE[::-1]))
    if not etags:
        server.headers = {"Last-Modified": "Tue, 18 Aug 2026 00:00:00 GMT"}
    for reader in (source, pickle.loads(pickle.dumps(source))):  # noqa: S301 - our own
        with pytest.raises(BadFileError, match="it has changed since it was listed"):
            reader.read(files[MEMBER])


def test_a_change_in_the_middle_of_a_member_never_mixes_two_files(server: FileServer, place: Path) -> None:
    source, files = listed(server.url(place))
    server.faults = [Fault(break_after=100_000)]
    other = place.read_bytes().replace(NOISE, NOISE[::-1])
    seen = server.log
    real = web.RetryLimits.wait

    def change(patience: web.RetryLimits, error: web.BreakError, *, progressed: bool = False) -> None:
        place.write_bytes(other)
        real(patience, error, progressed=progressed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(web.RetryLimits, "wait", change)
        with pytest.raises(BadFileError, match="it has changed"):
            source.read(files[MEMBER])
    assert seen[-1].status == 200, "the server said so, as it was asked to"


def test_a_changed_file_is_noticed_by_its_members_and_only_those_that_changed_are_new(
    server: FileServer, place: Path
) -> None:
    def stamps() -> set[tuple[str, str]]:
        return {(file.member, file.stamp) for file in listed(server.url(place))[1].values()}

    before = stamps()
    write_zip(place, FILES | {MEMBER: NOISE[::-1]}, zipfile.ZIP_STORED)
    assert {member for member, _ in stamps() - before} == {MEMBER}


def test_a_wrong_checksum_is_a_bad_file_and_the_others_are_read(server: FileServer, place: Path) -> None:
    source, files = listed(server.url(tampered(place, MEMBER, crc=1)))
    with pytest.raises(BadFileError, match=r"XBTUSD_1\.csv in http://.*checksum"):
        source.read(files[MEMBER])
    assert source.read(files["ETHUSD_1.csv"]) == NOISE[::-1]


def test_a_truncated_archive_is_refused(server: FileServer, place: Path) -> None:
    place.write_bytes(place.read_bytes()[:-40])
    with pytest.raises(SourceError, match=r"http://.*a\.zip: it is not a zip, or not a whole one"):
        listed(server.url(place))


def test_a_missing_last_part_is_suspected_and_one_before_the_one_named_is_missed(
    server: FileServer, place: Path
) -> None:
    parts = cut(place, 5)
    parts[4].unlink()
    with pytest.raises(SourceError, match=r"is a\.zip\.part03 the last part"):
        listed(server.url(parts[0]))
    parts[1].unlink()
    with pytest.raises(SourceError, match=r"a\.zip\.part01 is not there"):
        listed(server.url(parts[2]))


@pytest.mark.parametrize("missing", [403, 404, 410])
def test_what_is_not_there_is_refused_by_name(server: FileServer, missing: int) -> None:
    server.missing = missing
    with pytest.raises(SourceError, match=r"http://.*nowhere\.zip: there is nothing at that address"):
        listed(server.url("nowhere.zip"))


def test_a_page_for_people_is_no_archive(server: FileServer, place: Path) -> None:
    server.headers = {"Content-Type": "text/html; charset=utf-8"}
    with pytest.raises(SourceError, match="there is nothing at that address"):
        listed(server.url(place))


@pytest.mark.parametrize("status", [400, 401, 451])
def test_a_refusal_is_not_repeated(server: FileServer, place: Path, status: int) -> None:
    server.fault_tails = True
    server.faults = [Fault(status=status)]
    with pytest.raises(SourceError, match=f"its server returned HTTP status {status}"):
        listed(server.url(place))
    assert len(server.log) == 1


def test_an_empty_file_is_refused(server: FileServer) -> None:
    (server.folder / "a.zip").touch()
    with pytest.raises(SourceError, match="it is empty"):
        listed(server.url("a.zip"))


def test_packed_answers_are_refused(server: FileServer, place: Path) -> None:
    server.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(SourceError, match="compresses what it sends"):
        listed(server.url(place))


# Addresses


def test_redirects_are_followed_and_messages_keep_the_address_that_was_named(server: FileServer, place: Path) -> None:
    server.redirects = {"latest.zip": "/a.zip?signature=secret"}
    source, files = listed(server.url("latest.zip"))
    assert source.read(files[MEMBER]) == NOISE
    assert files[MEMBER].path == server.url("latest.zip")
    server.faults = [Fault(break_after=0)] * 100
    with pytest.raises(UnreachableError) as caught:
        source.read(files[MEMBER])
    assert "secret" not in str(caught.value)
    assert "latest.zip" in str(caught.value)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/a.zip", "//", "round.zip"])
def test_redirects_to_elsewhere_and_round_in_circles_are_refused(server: FileServer, target: str) -> None:
    server.redirects = {"round.zip": target}
    with pytest.raises((SourceError, UnreachableError)) as caught:
        listed(server.url("round.zip"))
    assert "\n" not in str(caught.value)
    assert len(server.log) <= 6


@pytest.mark.parametrize(
    "url",
    [
        "https://me:secret@example.com/a.zip",
        "https://example.com/a.zip?token=secret",
        "https://example.com/a.zip#secret",
        "https:///a.zip",
        "https://example.com:port/a.zip",
        "http://[::1/a.zip",
    ],
)
def test_an_address_that_would_have_to_be_kept_secret_or_names_nothing_is_refused(url: str) -> None:
    with pytest.raises(SourceError) as caught:
        ArchiveSource.open([url])
    assert "secret" not in str(caught.value)


# Who is talking


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[FileServer]:
    """A server that speaks TLS, with a certificate that it signed itself."""
    both = self_signed(tmp_path)
    write_zip(tmp_path / "secure/a.zip")
    with serving(tmp_path / "secure", certificate=both) as files:
        yield files


def test_a_certificate_that_nobody_trusts_is_refused(secure: FileServer) -> None:
    with pytest.raises(SourceError, match="TLS certificate is not valid"):
        listed(secure.url("a.zip"))
    assert secure.log == []


def test_https_never_leads_to_http(
    secure: FileServer, server: FileServer, place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "certificate.pem"))
    source, files = listed(secure.url("a.zip"))
    assert {name: source.read(file) for name, file in files.items()} == CONTENT
    secure.redirects = {"b.zip": server.url(place)}
    with pytest.raises(SourceError, match="redirects from https to http"):
        listed(secure.url("b.zip"))
    assert server.log == []


# A server that gives whole files only


def the_archive(url: str, remote: Remote) -> Archive:
    (archive,) = ArchiveSource.open([url], remote=remote).archives()
    return archive


def test_without_ranges_an_archive_is_fetched_once_and_read_from_its_copy(
    server: FileServer, place: Path, tmp_path: Path
) -> None:
    server.ranges = False
    remote = Remote(tmp_path / "downloads")
    unknown = the_archive(server.url(place), remote)
    assert (unknown.unfetched, unknown.files) == (place.stat().st_size, ())
    assert "gives whole files only" in unknown.notes[0]
    assert not (tmp_path / "downloads").exists(), "looking writes nothing"
    server.log.clear()
    remote.fetch(server.url(place))
    remote.fetch(server.url(place))
    assert [asked.range for asked in server.log if asked.sent == place.stat().st_size].count(None) == 1
    source, files = listed(server.url(place), remote=remote)
    assert {name: source.read(file) for name, file in files.items()} == FILES
    assert {file.path for file in files.values()} == {server.url(place)}
    assert {file.download_bytes for file in files.values()} == {0}


def test_a_download_that_breaks_off_starts_again_and_leaves_nothing_half_done(
    server: FileServer, place: Path, tmp_path: Path
) -> None:
    server.ranges = False
    remote = Remote(tmp_path / "downloads")
    server.faults = [None, Fault(break_after=1000), Fault(status=500), None]
    remote.fetch(server.url(place))
    assert the_archive(server.url(place), remote).unfetched == 0
    (copy,) = (tmp_path / "downloads").glob("*.*[!k]")
    assert copy.read_bytes() == place.read_bytes()
    write_zip(place, FILES | {"MANIFEST.json": manifest(files=len(FILES))})
    assert the_archive(server.url(place), remote).unfetched == place.stat().st_size
    server.fault_tails = True
    server.faults = [None, *[Fault(break_after=1000)] * 5]
    with pytest.raises(UnreachableError):
        remote.fetch(server.url(place))
    assert list((tmp_path / "downloads").glob("*.*[!k]")) == [copy]
    server.faults = []
    remote.fetch(server.url(place))
    (newer,) = (tmp_path / "downloads").glob("*.*[!k]")
    assert newer.read_bytes() == place.read_bytes()


def test_a_server_that_tells_no_size_is_refused_with_advice(server: FileServer) -> None:
    plain_zip(server.folder)
    server.ranges = False
    server.headers = {"Content-Length": "many"}
    with pytest.raises(SourceError, match="does not send its size: download it, and name the file"):
        listed(server.url("dump.zip"))
