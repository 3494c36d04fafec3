"""The server keeps what its OpenAPI document promises, whatever is requested of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode
from starlette.testclient import TestClient

from kraken_core import Workbench
from kraken_core.serving.http.application import application
from kraken_core.serving.http.endpoints import ENDPOINTS
from kraken_core.serving.http.guard import LOCAL, AccessRules
from tests.support.command_line import tree

IMPOSSIBLE = ["2xx", "409", "422"]  # what fits the document may name a pair that there is not
PATHS = [endpoint.path for endpoint in ENDPOINTS if endpoint.parameters]


@pytest.fixture(scope="session")
def document(reader: Workbench) -> schemathesis.BaseSchema:
    served = application(reader, AccessRules(LOCAL | {"testserver"}))  # as schemathesis calls what it talks to
    config = schemathesis.Config.from_dict({"checks": {"positive_data_acceptance": {"expected-statuses": IMPOSSIBLE}}})
    return schemathesis.openapi.from_asgi("/openapi.json", served, config=config)


def answered_as_promised(
    document: schemathesis.BaseSchema, path: str, mode: GenerationMode, data: st.DataObject
) -> None:
    case = data.draw(document[path]["GET"].as_strategy(generation_mode=mode))
    case.call_and_validate()


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=6, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_answer_is_as_the_document_says(
    document: schemathesis.BaseSchema, path: str, mode: GenerationMode, data: st.DataObject
) -> None:
    answered_as_promised(document, path, mode, data)


@pytest.mark.soak
@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("path", PATHS)
@settings(suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_very_many_answers_are_as_the_document_says(
    document: schemathesis.BaseSchema, path: str, mode: GenerationMode, data: st.DataObject
) -> None:
    answered_as_promised(document, path, mode, data)


@pytest.mark.parametrize("path", [endpoint.path for endpoint in ENDPOINTS])
def test_what_the_document_shows_as_an_example_is_answered(document: schemathesis.BaseSchema, path: str) -> None:
    endpoint = next(each for each in ENDPOINTS if each.path == path)
    given_here = {p.name: p.example for p in endpoint.parameters if p.example is not None}
    answer = document[path]["GET"].Case(query=given_here).call_and_validate()
    assert answer.status_code == 200


def test_the_document_has_every_endpoint_and_nothing_that_writes(client: TestClient) -> None:
    found = client.get("/openapi.json").json()
    assert set(found["paths"]) == {endpoint.path for endpoint in ENDPOINTS}
    assert {method for path in found["paths"].values() for method in path} == {"get"}


def test_reading_everything_changes_no_file(client: TestClient, full_home: Path) -> None:
    def files() -> dict[str, object]:
        return {name: seen for name, seen in tree(full_home).items() if not name.endswith(("-shm", "-wal"))}

    before = files()
    for endpoint in ENDPOINTS:
        given_here = {p.name: p.example for p in endpoint.parameters if p.example is not None}
        assert client.get(endpoint.path, params=given_here).status_code == 200, endpoint.path
    assert files() == before
