"""What a phone keeps to work offline: signed, complete, and brought up to date by what changed."""

import base64
import copy
import hashlib
import json
import subprocess
import sys
from typing import Any

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from accounts.models import Cadre
from dermatech.core import releases
from dermatech.sync.signing import key_id, public_key
from medications import selectors as formulary
from medications.models import FormularyRelease
from tests.services.stack import ROOT
from triage import selectors as guidelines
from triage.models import GuidelineRelease

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starter_knowledge"), pytest.mark.one_database]
URL = "/api/v1/sync/bundle"
BY_ID = {
    "guidelines": ("conditions", "findings", "profiles", "guidelines", "vignettes"),
    "formulary": ("medications", "treatments", "conditions"),
}


@pytest.fixture
def phone(as_user: Any, ama: Any) -> Any:
    return as_user(ama)


def fetch(phone: Any, since: str | None = None) -> dict[str, Any]:
    answer = phone.get(URL, {"since": since} if since else {})
    assert answer.status_code == 200, answer.content
    return dict(json.loads(answer.content))


def verify(document: dict[str, Any]) -> None:
    """As an app does; raises InvalidSignature."""
    rest = {name: value for name, value in document.items() if name != "signature"}
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key()))
    key.verify(base64.b64decode(document["signature"]["value"]), rfc8785.dumps(rest))


def apply(held: dict[str, Any], delta: dict[str, Any]) -> dict[str, Any]:
    """As the description tells an app to do it."""
    result = copy.deepcopy(held)
    result.pop("signature")
    result["release"], result["texts"] = delta["release"], delta["texts"]
    for part in ("guidelines", "formulary"):
        for name, change in delta[part].items():
            if name == "dropped":
                for gone in change:
                    del result[part][gone]
            elif name == "release":
                result[part][name] = change
            elif "whole" in change:
                result[part][name] = change["whole"]
            else:
                rows = {item["id"]: item for item in result[part][name]}
                rows = {key: row for key, row in rows.items() if key not in change["removed"]}
                rows |= {item["id"]: item for item in change["changed"]}
                result[part][name] = [rows[key] for key in sorted(rows)]
    return result


def publish(model: Any, selectors: Any, change: Any) -> Any:
    """A next release that differs by `change(snapshot)`."""
    snapshot = copy.deepcopy(dict(selectors.snapshot_of(selectors.current_release())))
    change(snapshot)
    return releases.publish(model, snapshot=snapshot, title="Next")


def test_the_bundle_holds_everything_published_and_its_signature_is_good(phone: Any) -> None:
    bundle = fetch(phone)
    verify(bundle)
    assert bundle["kind"] == "full"
    assert bundle["signature"]["key_id"] == key_id()
    for part, selectors in (("guidelines", guidelines), ("formulary", formulary)):
        release = selectors.current_release()
        tables = {name: table for name, table in bundle[part].items() if name != "release"}
        assert tables == json.loads(release.snapshot)
        assert bundle[part]["release"]["sha256"] == release.content_hash
    assert {fact["name"] for fact in bundle["texts"]["facts"]} > {"fever", "age_months"}


def test_a_changed_letter_breaks_the_signature(phone: Any) -> None:
    bundle = fetch(phone)
    bundle["guidelines"]["guidelines"][0]["level"] = "self_care"
    with pytest.raises(InvalidSignature):
        verify(bundle)


def test_who_has_it_already_gets_304_and_who_asks_for_the_same_gets_an_empty_delta(phone: Any) -> None:
    answer = phone.get(URL)
    assert answer["ETag"] == f'"{answer.json()["release"]}"'
    again = phone.get(URL, HTTP_IF_NONE_MATCH=answer["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    nothing = fetch(phone, since=answer["ETag"])
    verify(nothing)
    assert apply(answer.json(), nothing) == {k: v for k, v in answer.json().items() if k != "signature"}
    assert len(json.dumps(nothing)) < len(answer.content) / 10


def test_a_delta_turns_the_old_bundle_into_exactly_the_new_one(phone: Any) -> None:
    held = fetch(phone)

    def rules(snapshot: dict[str, Any]) -> None:
        gone = snapshot["guidelines"].pop(3)
        changed = snapshot["guidelines"][0]
        changed["title"] = "Said more clearly"
        added = {**copy.deepcopy(gone), "id": "aa-first-of-all"}
        snapshot["guidelines"] = sorted([*snapshot["guidelines"], added], key=lambda row: str(row["id"]))
        snapshot["safety_questions"].reverse()
        del snapshot["scoring"]
        snapshot["news"] = [1.5, 2.0, 1e-7]

    publish(GuidelineRelease, guidelines, rules)

    def medicines(snapshot: dict[str, Any]) -> None:
        gone = snapshot["medications"].pop()["id"]
        snapshot["treatments"] = [row for row in snapshot["treatments"] if row["medication"] != gone]

    publish(FormularyRelease, formulary, medicines)
    delta = fetch(phone, since=held["release"])
    verify(delta)
    assert delta["kind"] == "delta"
    assert [row["id"] for row in delta["guidelines"]["guidelines"]["changed"]] == [
        "aa-first-of-all",
        held["guidelines"]["guidelines"][0]["id"],
    ]
    assert len(delta["formulary"]["medications"]["removed"]) == 1
    assert "conditions" not in delta["guidelines"]
    mine = apply(held, delta)
    whole = fetch(phone)
    assert mine == {name: value for name, value in whole.items() if name != "signature"}
    assert hashlib.sha256(rfc8785.dumps(mine)).hexdigest() == delta["sha256"]


@pytest.mark.parametrize(
    "since",
    ["nonsense", "1-00000000.1-00000000.00000000", "99-9f86d081.99-9f86d081.5feceb66", "²-a.1-b.c",
     "9" * 400 + "-a.1-b.c", "..", "\x00.\x00.\x00"],
)  # fmt: skip
def test_a_bundle_the_server_does_not_know_is_answered_with_everything(phone: Any, since: str) -> None:
    assert fetch(phone, since=since)["kind"] == "full"


def test_a_proposal_that_nobody_approved_cannot_be_asked_for(phone: Any) -> None:
    held = fetch(phone)
    snapshot = json.loads(guidelines.current_release().snapshot)
    snapshot["guidelines"].pop()
    proposed = releases.propose(GuidelineRelease, snapshot=snapshot, actor=None, title="Not yet")
    _, medicines, texts = held["release"].split(".")
    assert fetch(phone, since=f"{proposed.label}.{medicines}.{texts}")["kind"] == "full"


def test_tables_that_phones_update_item_by_item_are_in_the_order_of_their_ids(phone: Any) -> None:
    bundle = fetch(phone)
    for part, names in BY_ID.items():
        for name in names:
            ids = [item["id"] for item in bundle[part][name]]
            assert ids == sorted(set(ids)), name


def test_a_seller_of_over_the_counter_medicines_gets_no_prescription_only_regimen(
    phone: Any, kofi: Any, as_user: Any
) -> None:
    kofi.cadre = Cadre.OTC_MEDICINE_SELLER
    kofi.save()
    pharmacist, seller = fetch(phone), fetch(as_user(kofi))
    verify(seller)
    classes = {row["id"]: row["legal_class"]["value"] for row in seller["formulary"]["medications"]}
    mine = {classes[row["medication"]] for row in seller["formulary"]["treatments"]}
    assert "prescription_only" not in mine
    assert len(pharmacist["formulary"]["treatments"]) > len(seller["formulary"]["treatments"]) > 0
    assert fetch(as_user(kofi), since=pharmacist["release"])["kind"] == "full", "made for another cadre"


def test_without_published_knowledge_it_says_so(phone: Any) -> None:
    FormularyRelease.objects.update(state="archived")
    answer = phone.get(URL)
    assert answer.status_code == 503
    assert answer.json()["code"] == "no_published_formulary"


def test_only_who_is_signed_in_gets_it_and_unknown_parameters_are_refused(api: Any, phone: Any) -> None:
    assert api.get(URL).status_code == 401
    answer = phone.get(URL, {"lang": "tw"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_parameter")


def test_the_public_key_is_printed_for_who_builds_the_app() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dermatech.sync"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    algorithm, name, key = done.stdout.split()
    assert (algorithm, len(name), len(base64.b64decode(key))) == ("Ed25519", 16, 32)
