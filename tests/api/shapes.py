"""The shapes that answers have, asserted in one place."""

from __future__ import annotations

import jsonschema

PROBLEM = "application/problem+json"


def assert_problem(response, status, code):
    """Assert that a response is a problem of RFC 9457 and says nothing it should not; return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    assert response.headers["cache-control"] == "no-cache"
    said = response.json()
    assert said["type"] == f"urn:gridmap:problem:{code}"
    assert said["status"] == status
    assert " · " in said["title"]
    assert said["detail"]
    assert said["instance"].startswith("/")
    assert said["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    assert "/site-packages/" not in response.text
    return said


def assert_answer(response, media_type="application/json"):
    """Assert that a response is an answer with an outcome and a version; return it."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].split(";")[0] == media_type
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-request-id"]
    said = response.json()
    facts = said["properties"] if media_type == "application/geo+json" else said
    assert facts["outcome"]
    assert facts["plan_version"]
    return said


def assert_fits(value, schema, document):
    """Assert that a value is what a schema of an OpenAPI document says."""
    jsonschema.Draft202012Validator({"components": document["components"], **schema}).validate(value)
