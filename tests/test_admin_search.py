"""The search of the admin finds what a person may see, from one field, and nothing else."""

import uuid
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import strip_tags

from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import Action
from accounts.models import Premises, User
from dermatech.search import PER_KIND
from tests.cast import PASSWORD
from tests.consultations.cases import CONSULTATIONS, ringworm
from triage.models import Condition

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.one_database,
    pytest.mark.usefixtures("starter_knowledge"),
]
SEARCH = "/admin/search/"


def _found(person: User, term: str) -> str:
    """The words of what the search shows this person."""
    client = Client()
    client.force_login(person)
    answer = client.get(SEARCH, {"s": term})
    assert answer.status_code == 200, answer.content
    return " ".join(strip_tags(answer.content.decode()).split())


@pytest.fixture
def case(ama: User, as_user: Any) -> dict[str, Any]:
    """A consultation of Ama's, as the phone has it."""
    body = ringworm(client_reference="osu-phone-0007")
    answer = as_user(ama).post(CONSULTATIONS, body, format="json")
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def test_a_supervisor_finds_pages_people_premises_and_knowledge_by_words(yaw: User, ama: User) -> None:
    assert "Review queue Page, Review" in _found(yaw, "review q")
    assert f"{ama.full_name} Person, Pharmacist, Osu Pharmacy" in _found(yaw, "ama men")
    assert "Osu Pharmacy" in _found(yaw, "OSU")
    found = _found(yaw, "clotrimazole")
    assert "Medicine" in found
    assert "Treatment, " in found
    assert "Condition" in _found(yaw, Condition.objects.first().name)  # type: ignore[union-attr]


def test_what_begins_so_comes_first_and_the_rest_is_one_step_away(yaw: User) -> None:
    for number in range(PER_KIND + 2):
        Premises.objects.create(
            name=f"Adabraka Chemists {number}", licence_number=f"PC/9/{number}", region="volta"
        )
    Premises.objects.create(name="Old Adabraka", licence_number="PC/9/old", region="volta")

    client = Client()
    client.force_login(yaw)
    page = client.get(SEARCH, {"s": "adabraka"}).content.decode()

    assert page.count("Adabraka Chemists") == PER_KIND
    assert "Old Adabraka" not in page
    assert f"{reverse('admin:accounts_premises_changelist')}?q=adabraka" in page


def test_a_role_finds_nothing_that_it_may_not_see(
    efua: User, yaw: User, ama: User, adjoa: User, case: dict[str, Any]
) -> None:
    assert f"Consultation {case['id'][-8:]}" in _found(yaw, case["id"])
    assert _found(efua, case["id"]).startswith("Nothing found for")  # auditors read no records
    assert "Review queue" not in _found(efua, "review")
    assert "Events Page, Audit" in _found(efua, "events")
    assert "Page, Audit" not in _found(yaw, "events")  # the log is the auditor's

    yaw.supervised_region = "northern"
    yaw.save()
    assert _found(yaw, case["id"]).startswith("Nothing found for")

    client = Client()
    assert client.login(username=ama.email, password=PASSWORD)
    answer = client.get(SEARCH, {"s": "osu"})
    assert answer.status_code == 302
    assert "/admin/login/" in answer["Location"]


@pytest.mark.parametrize("ask", ["id", "beginning", "reference"])
def test_a_consultation_is_found_by_its_identifiers_and_that_is_recorded(
    ask: str, adjoa: User, case: dict[str, Any]
) -> None:
    term = {"id": case["id"].upper(), "beginning": case["id"][:13], "reference": "osu-phone-0007"}[ask]
    before = AuditEvent.objects.filter(action=Action.CONSULTATION_LISTED).count()

    found = _found(adjoa, term)

    assert f"Consultation {case['id'][-8:]}" in found
    assert "Osu Pharmacy" in found
    event = AuditEvent.objects.filter(action=Action.CONSULTATION_LISTED).first()
    assert AuditEvent.objects.filter(action=Action.CONSULTATION_LISTED).count() == before + 1
    assert event is not None
    assert case["id"] in event.canonical_json
    assert event.actor_id == str(adjoa.pk)


def test_an_auditor_finds_the_events_of_a_request(efua: User, ama: User, as_user: Any) -> None:
    request_id = "call-2041"
    as_user(ama).get("/api/v1/me", HTTP_X_REQUEST_ID=request_id)
    as_user(ama).post(CONSULTATIONS, ringworm(), format="json", HTTP_X_REQUEST_ID=request_id)

    found = _found(efua, request_id)

    assert f"Audit event, {ama.full_name}" in found
    event = AuditEvent.objects.filter(request_id=request_id).first()
    assert event is not None
    assert "Audit event" in _found(efua, str(event.pk))
    assert AuditEvent.objects.filter(action=Action.AUDIT_READ, actor_id=str(efua.pk)).count() == 2


@pytest.mark.parametrize("term", ["clotrimazole", "B35.4", "osu-phone-0007", "ID"])
def test_a_search_asks_few_questions_and_keeps_nothing(
    term: str, adjoa: User, case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def touched(*args: object, **kwargs: object) -> None:
        pytest.fail("the search asked the cache")

    client = Client()
    client.force_login(adjoa)
    for name in ("get", "set", "get_many", "add"):
        monkeypatch.setattr(cache, name, touched)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(SEARCH, {"s": case["id"] if term == "ID" else term}).status_code == 200
    asked = [each["sql"] for each in captured if each["sql"].startswith("SELECT")]
    # The session and the person; nine kinds of rows, or eight, consultations and events by a reference.
    assert len(asked) <= 12, "\n".join(asked)


@pytest.mark.parametrize(
    "term", ["zzz", "x" * 5000, "a " * 4000, "\x00%_'\"", "<script>", "01993a5c-4f1e-7d3a-9c55-0a3b1f6e2d10"]
)
def test_whatever_is_typed_is_answered_in_plain_words(term: str, adjoa: User) -> None:
    found = _found(adjoa, term)

    assert len(found) < 5_000
    if term in ("zzz", "<script>") or len(term) == len(str(uuid.UUID(int=0))):
        assert found.startswith("Nothing found for")


def test_one_letter_finds_pages_alone(yaw: User) -> None:
    assert "Person" not in _found(yaw, "a")
    assert "Nothing found for “7”. Type at least two letters." in _found(yaw, "7").replace("&quot;", '"')
