"""The OpenAPI document: it is one, and it has every route."""

import re

import pytest
from openapi_spec_validator import validate

pytestmark = pytest.mark.engine_free


def test_it_is_an_openapi_document(client, session):
    document = client.get("/api/openapi.json").json

    validate(document)
    assert document["openapi"].startswith("3.")


def test_every_route_is_in_it(app, client, session):
    paths = client.get("/api/openapi.json").json["paths"]
    known = {(method.upper(), path) for path, item in paths.items() for method in item}

    routes = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert routes == known


def test_it_says_who_may_and_what_is_wrong(client, session):
    paths = client.get("/api/openapi.json").json["paths"]

    shipment = paths["/api/v1/orders/{number}/shipment"]["post"]
    assert shipment["security"] == [{"key": ["orders:ship"]}]
    assert [p["name"] for p in shipment["parameters"] if p["in"] == "header"] == ["Idempotency-Key"]
    assert list(shipment["responses"]["422"]["content"]) == ["application/problem+json"]


def test_every_route_has_a_rule_and_writes_ask_for_a_key(app):
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api/v1/"):
            continue
        view = app.view_functions[rule.endpoint]
        assert view.rule, rule.rule
        assert view.writes is bool(rule.methods & {"POST", "PUT", "PATCH", "DELETE"}), rule.rule


def test_its_page_loads_nothing_foreign(client, session):
    page = client.get("/api/docs")

    assert page.status_code == 200
    assert re.findall(r'(?:src|href)="(?!/|data:)', page.text) == []
    assert "<script>" not in page.text
