"""The OpenAPI document is kept: fuzzed by schemathesis over HTTP, with requests that follow it and that do not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Served

schemathesis = pytest.importorskip("schemathesis")

OPERATIONS = [
    ("POST", "/predict"), ("GET", "/model"), ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"),
    ("GET", "/v2"), ("GET", "/v2/health/live"), ("GET", "/v2/health/ready"), ("GET", "/v2/models/flight-delay"),
    ("GET", "/v2/models/flight-delay/ready"), ("POST", "/v2/models/flight-delay/infer"),
]  # fmt: skip
FOLLOWING, BREAKING = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
CASES = [(*operation, FOLLOWING) for operation in OPERATIONS]
CASES += [(*operation, BREAKING) for operation in OPERATIONS if operation[0] == "POST"]  # only these take input
# A day that its month has not, a minute 60, tensors of unlike lengths: JSON Schema cannot say these, so a request may
# follow the document and still be refused.
SETTINGS = {"checks": {"positive_data_acceptance": {"expected-statuses": ["200", "422"]}}}


@pytest.fixture(scope="session")
def document(served: Served) -> Any:
    config = schemathesis.Config.from_dict(SETTINGS)
    return schemathesis.openapi.from_url(f"{served.url}/openapi.json", config=config)


def test_every_operation_is_fuzzed(document: Any) -> None:
    told = {(operation.ok().method.upper(), operation.ok().path) for operation in document.get_all_operations()}
    assert told == set(OPERATIONS)


@pytest.mark.parametrize(("method", "path", "mode"), CASES, ids=lambda value: getattr(value, "value", value))
def test_no_server_error_and_no_answer_outside_the_document(document: Any, method: str, path: str, mode: Any) -> None:
    """Status, content type, headers and body of every answer are among those that the document names."""
    operation = document[path][method]

    @settings(max_examples=40 if method == "POST" else 2, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def fuzz(case: Any) -> None:
        case.call_and_validate()

    fuzz()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_paths_that_are_not_in_the_document_are_404(served: Served, data: st.DataObject) -> None:
    path = data.draw(st.text(alphabet="abv2/._-%", max_size=12).map(lambda text: f"/x{text}"))
    answer = httpx.get(served.url + path)
    assert answer.status_code == 404 and answer.headers["content-type"] == "application/problem+json"
