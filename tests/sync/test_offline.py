"""A phone without a network, played by Node and json-logic-js: same bundle, same answers as the server."""

import json
from typing import Any

import pytest

from dermatech.sync.signing import public_key
from tests.services import node

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.one_database,
    pytest.mark.skipif(bool(node.missing()), reason=node.missing()),
]


@pytest.mark.usefixtures("starter_knowledge")
def test_the_bundle_alone_gives_every_vignette_the_level_and_rules_of_the_server(
    as_user: Any, ama: Any
) -> None:
    phone = as_user(ama)
    bundle = json.loads(phone.get("/api/v1/sync/bundle").content)
    cases = [
        {"id": vignette["id"], "facts": vignette["facts"]}
        for vignette in bundle["guidelines"]["vignettes"]
        if vignette["kind"] == "triage"
    ]
    assert len(cases) > 100
    offline = node.run("offline.mjs", {"bundle": bundle, "key": public_key(), "cases": cases})
    assert offline["signature"] is True
    for case in cases:
        answer = phone.post("/api/v1/triage/assess", {"facts": case["facts"]}, format="json").json()
        server = {"level": answer["level"], "rules": sorted(rule["id"] for rule in answer["rules"])}
        assert offline["levels"][case["id"]] == server, case


@pytest.mark.usefixtures("starter_knowledge")
def test_a_phone_notices_a_changed_rule(as_user: Any, ama: Any) -> None:
    bundle = json.loads(as_user(ama).get("/api/v1/sync/bundle").content)
    bundle["guidelines"]["guidelines"][0]["jsonlogic"] = {"==": [1, 1]}
    offline = node.run("offline.mjs", {"bundle": bundle, "key": public_key(), "cases": []})
    assert offline["signature"] is False
