"""A supervisor of one region opens a record of another: with a reason, for a time, to read, in view."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import policy, services
from accounts.audit.models import AuditEvent
from accounts.models import EmergencyAccess, User
from consultations.models import Analysis, Consultation, Photo, Recommendation, Status
from consultations.reviewing.services import Judgement, record_review
from consultations.services import analyses, emergency
from dermatech.core.errors import Conflict, Forbidden, NotFound, ValidationFailed
from tests.cast import PASSWORD
from tests.consultations.cases import CONSULTATIONS, NOBODY

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
WHY = "The pharmacist rang about a spreading rash; her supervisor is away."


@pytest.fixture
def abena(abena: Any) -> Any:
    """Abena supervises the north; Ama's patients are in Greater Accra."""
    User.objects.filter(pk=abena.pk).update(supervised_region="northern")
    abena.refresh_from_db()
    return abena


@pytest.fixture
def case(photographed: dict[str, Any]) -> Consultation:
    """Ama's consultation, with a photo and an analysis."""
    return Consultation.objects.get()


def broken(actor: Any, case: Any, **changes: Any) -> EmergencyAccess:
    given: dict[str, Any] = {"consultation_id": case.pk, "reason": WHY, "hours": 1, **changes}
    return emergency.open_record(actor=actor, **given)


def at_the_desk(person: Any) -> Client:
    client = Client()
    assert client.login(username=person.email, password=PASSWORD)
    session = client.session
    session["proved_at"] = timezone.now().timestamp()
    session.save()
    return client


def statuses(client: Any, case: Consultation) -> list[int]:
    """What reading the case, its photo and its analysis is answered with."""
    photo, analysis = Photo.objects.get(), Analysis.objects.get()
    paths = (
        f"{CONSULTATIONS}/{case.pk}", f"{CONSULTATIONS}/{case.pk}/images/{photo.pk}",
        f"/api/v1/analysis/{analysis.pk}",
    )  # fmt: skip
    return [client.get(path).status_code for path in paths]


def test_a_supervisor_of_a_region_reads_its_records_and_no_others(
    case: Consultation, abena: Any, yaw: Any, as_user: Any
) -> None:
    assert statuses(as_user(abena), case) == [404] * 3
    assert as_user(abena).get(CONSULTATIONS).json()["results"] == []
    assert statuses(as_user(yaw), case) == [200] * 3  # of the whole country
    User.objects.filter(pk=abena.pk).update(supervised_region="greater_accra")
    assert statuses(as_user(abena), case) == [200] * 3


def test_what_is_out_of_reach_and_what_is_not_there_are_answered_alike(
    case: Consultation, abena: Any, as_user: Any
) -> None:
    phone = as_user(abena)
    phone.credentials(**phone._credentials, HTTP_X_REQUEST_ID="one-request-id")
    foreign = phone.get(f"{CONSULTATIONS}/{case.pk}")
    nothing = phone.get(f"{CONSULTATIONS}/{NOBODY}")
    assert foreign.content == nothing.content
    assert dict(foreign.headers) == dict(nothing.headers)


def test_one_record_is_opened_for_reading_for_a_time_and_for_one_person(
    case: Consultation, abena: Any, yaw: Any, as_user: Any
) -> None:
    User.objects.filter(pk=yaw.pk).update(supervised_region="ashanti")
    broken(abena, case)
    assert statuses(as_user(abena), case) == [200] * 3
    assert len(as_user(abena).get(CONSULTATIONS).json()["results"]) == 1
    assert Recommendation.objects.visible_to(abena).exists()
    assert statuses(as_user(yaw), case) == [404] * 3
    with time_machine.travel(timezone.now() + timedelta(minutes=61), tick=False):
        assert statuses(as_user(abena), case) == [404] * 3


def test_it_ends_early_at_once(case: Consultation, abena: Any, as_user: Any) -> None:
    access, phone = broken(abena, case), as_user(abena)
    services.end_emergency_access(actor=abena, access=access)
    assert statuses(phone, case) == [404] * 3
    with pytest.raises(Conflict):
        services.end_emergency_access(actor=abena, access=access)


def test_it_never_gives_write(case: Consultation, abena: Any, as_user: Any) -> None:
    Analysis.objects.update(
        status=Status.FAILED, finished_at=timezone.now(), error_code="interrupted", error_detail="-"
    )
    broken(abena, case)
    phone = as_user(abena)
    tried = [
        phone.patch(f"{CONSULTATIONS}/{case.pk}", {"notes": "x"}, format="json"),
        phone.put(f"{CONSULTATIONS}/{case.pk}", {}, format="json"),
        phone.post(f"{CONSULTATIONS}/{case.pk}/images", {}, format="multipart"),
    ]
    assert [answer.status_code for answer in tried] == [403] * 3
    with pytest.raises(Forbidden):
        analyses.retry(actor=abena, analysis_id=Analysis.objects.get().pk)
    with pytest.raises(Forbidden):
        record_review(actor=abena, consultation_id=case.pk, judgement=Judgement("agree", "agree", "agree"))
    for verb in (policy.Verb.WRITE, policy.Verb.SUPERVISE):
        assert not Consultation.objects.filter(policy.scope(abena, verb, Consultation)).exists()


def test_it_needs_a_reason_a_record_out_of_reach_and_a_supervisor(
    case: Consultation, abena: Any, yaw: Any, efua: Any, adjoa: Any, ama: Any
) -> None:
    for reason in ("", "  ", "urgent"):
        with pytest.raises(ValidationFailed):
            broken(abena, case, reason=reason)
    with pytest.raises(ValidationFailed):
        broken(abena, case, hours=48)
    with pytest.raises(NotFound):
        broken(abena, case, consultation_id=NOBODY)
    assert AuditEvent.objects.filter(action="access.denied", entity_id=NOBODY).exists()
    with pytest.raises(Conflict):
        broken(yaw, case)
    for person in (efua, adjoa, ama):
        with pytest.raises(Forbidden):
            broken(person, case)
    broken(abena, case)
    with pytest.raises(Conflict):
        broken(abena, case)
    assert EmergencyAccess.objects.count() == 1


def test_opening_reading_and_reviewing_stand_in_the_audit_log(
    case: Consultation, abena: Any, yaw: Any, as_user: Any
) -> None:
    access = broken(abena, case)
    as_user(abena).get(f"{CONSULTATIONS}/{case.pk}")
    services.review_emergency_access(actor=yaw, access=access, justified=False, note="Nobody had rung.")
    about = AuditEvent.objects.filter(patient_id=case.pk, actor_id__in=[str(abena.pk), str(yaw.pk)])
    assert list(about.order_by("id").values_list("action", flat=True)) == [
        "emergency_access.opened", "consultation.read", "emergency_access.reviewed", "emergency_access.ended",
    ]  # fmt: skip
    opened = about.get(action="emergency_access.opened")
    assert '"purpose":"BTG"' in opened.canonical_json
    assert WHY not in opened.canonical_json  # a commitment; the reason may be about the patient
    access.refresh_from_db()
    assert (access.is_open(), access.verdict) == (False, "not_justified")


def test_a_colleague_reviews_it_once_and_nobody_their_own(
    case: Consultation, abena: Any, yaw: Any, efua: Any
) -> None:
    access = broken(abena, case)
    with pytest.raises(Forbidden):
        services.review_emergency_access(actor=abena, access=access, justified=True, note="Fine.")
    with pytest.raises(ValidationFailed):
        services.review_emergency_access(actor=efua, access=access, justified=True, note=" ")
    services.review_emergency_access(actor=efua, access=access, justified=True, note="Rang; it was so.")
    with pytest.raises(Conflict):
        services.review_emergency_access(actor=yaw, access=access, justified=False, note="No.")
    with pytest.raises(IntegrityError), transaction.atomic():
        EmergencyAccess.objects.update(reviewed_by=abena)


def test_the_reason_is_not_readable_in_the_database(case: Consultation, abena: Any) -> None:
    from django.db import connection

    broken(abena, case)
    with connection.cursor() as cursor:
        cursor.execute("SELECT reason FROM accounts_emergencyaccess")
        assert WHY not in cursor.fetchone()[0]


# --- in the admin site ---------------------------------------------------------------------------
LIST = "/admin/accounts/emergencyaccess/"


def test_a_supervisor_opens_a_record_at_the_desk_and_a_colleague_reviews_it(
    case: Consultation, abena: Any, yaw: Any
) -> None:
    desk = at_the_desk(abena)
    record = reverse("admin:consultations_consultation_change", args=[case.pk])
    assert desk.get(record).status_code == 302  # to the front page: there is no such record for her
    form = {"record": str(case.pk), "reason": "urgent", "hours": "4", "confirmed": "yes"}
    opening = reverse("admin:accounts_emergencyaccess_open_record")
    assert "so that a colleague can judge it" in desk.post(opening, form).content.decode()
    answer = desk.post(opening, {**form, "reason": WHY})
    assert (answer.status_code, answer["Location"]) == (302, record)
    assert "You may read this record until" in desk.get(record).content.decode()

    access = EmergencyAccess.objects.get()
    colleague = at_the_desk(yaw)
    assert colleague.get("/admin/").content.decode().count("Emergency accesses")
    page = colleague.get(f"{LIST}{access.pk}/change/").content.decode()
    for said in (WHY, "Abena Asante", "Osu Pharmacy", "Consultation read", "Waits for a colleague"):
        assert said in page
    review = f"{LIST}{access.pk}/review/"
    assert colleague.get(review).status_code == 200
    assert (
        colleague.post(review, {"verdict": "justified", "note": "So.", "confirmed": "yes"}).status_code == 302
    )
    access.refresh_from_db()
    assert access.reviewed_by == yaw
    assert desk.post(f"{LIST}{access.pk}/end/", {"confirmed": "yes"}).status_code == 302
    assert desk.get(record).status_code == 302


def test_opening_one_asks_again_who_sits_there(case: Consultation, abena: Any, settings: Any) -> None:
    settings.ADMIN_PROOF_SECONDS = 300
    desk = Client()
    desk.login(username=abena.email, password=PASSWORD)
    answer = desk.get(reverse("admin:accounts_emergencyaccess_open_record"))
    assert answer["Location"].startswith("/admin/confirm/")


def test_who_may_list_open_and_review_at_the_desk(
    case: Consultation, abena: Any, yaw: Any, efua: Any, adjoa: Any
) -> None:
    access = broken(abena, case)
    opening = reverse("admin:accounts_emergencyaccess_open_record")
    review = f"{LIST}{access.pk}/review/"
    got = {
        person.full_name.split()[0]: [
            at_the_desk(person).get(path).status_code for path in (LIST, opening, review)
        ]
        for person in (abena, yaw, efua, adjoa)
    }
    # Yaw supervises the country: nothing is outside his reach.
    assert got == {
        "Abena": [200, 200, 403], "Yaw": [200, 403, 200], "Efua": [200, 403, 200], "Adjoa": [200, 403, 403],
    }  # fmt: skip
