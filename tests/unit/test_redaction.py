"""Addresses are shown without what is secret in them, whatever it is called and wherever it stands."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_core.domain.redaction import hide_secrets, shown_value, without_secrets

SECRETS = st.text(string.ascii_uppercase + string.digits, min_size=6, max_size=20).map(lambda text: f"x{text}")
PARTS = SECRETS | st.integers(10_000, 65_535).map(str)  # a password may look like a port
HOSTS = st.sampled_from(["db.example.org", "127.0.0.1", "[::1]"])
SCHEMES = st.sampled_from(["postgresql+psycopg", "questdb", "https", "s3", "tcp", "tls"])
NAMES = st.sampled_from(
    ["password", "PASSWORD", "passfile", "options", "sslkey", "token", "X-Amz-Signature", "sig", "anything_else", "a.b"]
)


@given(SCHEMES, HOSTS, st.integers(1, 65_535), SECRETS, SECRETS, st.dictionaries(NAMES, SECRETS, max_size=3), SECRETS)
def test_no_secret_is_in_what_is_shown_and_the_server_is(
    scheme: str, host: str, port: int, user: str, password: str, options: dict[str, str], fragment: str
) -> None:
    query = "&".join(f"{name}={value}" for name, value in options.items())
    address = f"{scheme}://{user}:{password}@{host}:{port}/history?sslmode=require&{query}#{fragment}"
    shown = without_secrets(address)
    for secret in (user, password, fragment, *options.values()):
        assert secret not in shown
    assert shown.startswith(f"{scheme}://***@{host}:{port}/history?sslmode=require")


@given(PARTS, st.sampled_from(["/", "@", ":", "#", "?", "/@"]), PARTS)
def test_a_password_that_is_not_quoted_is_hidden_all_the_same(first: str, between: str, last: str) -> None:
    shown = without_secrets(f"postgresql+psycopg://me:{first}{between}{last}@db.example.org/history")
    assert first not in shown
    assert last not in shown


@given(NAMES.filter(str.isalpha), SECRETS)
def test_a_libpq_string_shows_where_the_server_is_and_no_more(name: str, secret: str) -> None:
    text = f"host=db port=5432 {name}={secret} dbname=history user='{secret} x'"
    assert secret not in without_secrets(text)
    assert without_secrets(text).startswith("host=db port=5432 ")


@given(st.sampled_from(["kraken-futures=", "toy=", " ", "at "]), SECRETS, SECRETS, st.booleans())
def test_an_address_behind_a_name_hides_as_much(before: str, password: str, token: str, several: bool) -> None:
    address = f"https://me:{password}@db.example.org/v3?token={token}"
    text = f"{before}{address}" + f",other={address}" * several
    for shown in (without_secrets(text), str(shown_value([text, {"other": (text,)}, 5, None]))):
        assert password not in shown
        assert token not in shown
        assert f"{before}https://***" in shown


@given(SECRETS, SECRETS)
def test_a_driver_s_own_words_are_shown_without_the_secrets_of_the_address(password: str, token: str) -> None:
    address = f"postgresql+psycopg://me:{password}@db/history?passfile={token}"
    words = f"connection to {address} failed: password {password} wrong, {token} not found"
    shown = hide_secrets(words, address)
    assert password not in shown
    assert token not in shown
    assert shown.endswith("wrong, *** not found")


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////srv/kraken/ledger.db",
        "/data/year=2024/dump",
        "s3://bucket/history",
        "https://host/a.zip",
        "",
        "local",
    ],
)
def test_what_is_not_secret_stays_as_it_is(text: str) -> None:
    assert without_secrets(text) == text


def test_an_address_that_cannot_be_read_shows_its_kind_alone() -> None:
    assert without_secrets("questdb://host:port/path") == "questdb://***"
