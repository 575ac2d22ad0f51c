"""The OpenAPI document is true: whatever it allows is answered as it says, and whatever it forbids is refused; never an internal error."""

import json
from contextlib import nullcontext, suppress

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from stormcell.service.app import create_app
from tests.service.web.published import NOW, REFERENCE, publish_storm, settings_at

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OFTEN = settings(deadline=None, derandomize=True, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
ENDLESS = "/v1/events"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return create_app(publish_storm(settings_at(tmp_path_factory.mktemp("openapi"))), clock=lambda: NOW)


@pytest.fixture(scope="module")
def known(app):
    """Values of parameters that lead to something."""
    with TestClient(app) as client:
        scan = client.get("/v1/scans").json()["scans"][0]["key"]
        forecast = client.get("/v1/forecasts/latest?method=steps").json()["key"]
    return {
        "key": [scan, forecast],
        "frame": [scan, f"{forecast}_2", "latest"],
        "collection": ["observed", "forecast-steps"],
        "instance": [f"{REFERENCE}Z".replace("-", "").replace(":", "")],
        "bbox": ["9.7,55.1,9.9,55.3"],
        "subset": [["Lat(55.1:55.3)"], ["Lon(9.8)", 'time("2024-07-01T12:30:00Z":*)']],
        "properties": ["rain_rate"],
    }


def examine(app, known, mode: GenerationMode, checks, examples: int) -> None:
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", app)
    count = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path == ENDLESS:
            continue
        count += 1
        cases = operation.as_strategy(generation_mode=mode)

        @given(case=cases, data=st.data())
        @settings(OFTEN, max_examples=examples)
        def check(case, data):
            for name, values in known.items():
                for asked in (case.path_parameters, case.query):
                    if name in (asked or {}) and mode is GenerationMode.POSITIVE and data.draw(st.integers(0, 3)):
                        asked[name] = data.draw(st.sampled_from(values))
            case.call_and_validate(checks=checks)

        with suppress(Unsatisfiable) if mode is GenerationMode.NEGATIVE else nullcontext():  # where anything is allowed nothing is wrong
            check()
    assert count > 25


def test_what_is_allowed_is_answered_as_promised(app, known):
    examine(app, known, GenerationMode.POSITIVE, CHECKS, examples=15)


def test_what_is_forbidden_is_refused(app, known):
    examine(app, known, GenerationMode.NEGATIVE, [*CHECKS, negative_data_rejection], examples=15)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_more_of_both(app, known):
    examine(app, known, GenerationMode.POSITIVE, CHECKS, examples=300)
    examine(app, known, GenerationMode.NEGATIVE, [*CHECKS, negative_data_rejection], examples=300)


def test_the_document_is_openapi_3_1_and_knows_every_route(app):
    with TestClient(app) as client:
        document = client.get("/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1.")
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert operation.get("description"), f"{method} {path} says nothing"
            assert {"4XX", "5XX"} <= set(operation["responses"]), f"{method} {path}"
            assert "422" not in operation["responses"]
    assert json.dumps(document).count("HTTPValidationError") == 0
