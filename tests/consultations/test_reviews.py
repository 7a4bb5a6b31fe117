"""A supervisor reviews a case: the queue, the judgement, what the pharmacist gets, and how far all agree."""

import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from consultations.models import Consultation, Review
from consultations.reviewing import selectors
from consultations.reviewing.services import Judgement, record_review
from dermatech.core.errors import Forbidden, NotFound, ValidationFailed
from tests.consultations.cases import CONSULTATIONS, breathless, ringworm

pytestmark = pytest.mark.django_db
AGREED = Judgement("agree", "agree", "agree")
TOO_MILD = Judgement(
    "disagree", "disagree", "unsure", "pityriasis-rosea", "refer_routine", "A herald patch: look for it."
)


def _id(body: dict[str, Any]) -> uuid.UUID:
    return uuid.UUID(body["id"])


def _signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_the_pharmacist_reads_the_comment_and_the_case_counts_as_changed(
    opened: dict[str, Any], as_ama: Any, yaw: Any, events: Any
) -> None:
    events()
    record_review(actor=yaw, consultation_id=_id(opened), judgement=TOO_MILD)

    answer = as_ama.get(f"{CONSULTATIONS}/{opened['id']}")
    (said,) = answer.json()["reviews"]
    assert said["comment"] == "A herald patch: look for it."
    assert said["reviewer"]["full_name"] == "Yaw Owusu"
    assert (said["diagnosis"], said["right_diagnosis"]) == ("disagree", "pityriasis-rosea")
    assert (said["level"], said["right_level"], said["medicine"]) == ("disagree", "refer_routine", "unsure")
    assert answer.json()["etag"] != opened["etag"]
    assert answer.json()["updated_at"] > opened["updated_at"]
    assert events() == ["review.recorded", "consultation.read"]


def test_saying_it_again_replaces_what_was_said(opened: dict[str, Any], yaw: Any, abena: Any) -> None:
    for person, judgement in ((yaw, TOO_MILD), (abena, AGREED), (yaw, AGREED)):
        record_review(actor=person, consultation_id=_id(opened), judgement=judgement)
    assert Review.objects.count() == 2
    kept = Review.objects.get(reviewer=yaw)
    assert (kept.diagnosis, kept.right_diagnosis, kept.right_level, kept.comment) == ("agree", "", "", "")


@pytest.mark.parametrize(
    ("judgement", "field"),
    [
        (Judgement("disagree", "agree", "agree", comment="No."), "right_diagnosis"),
        (Judgement("disagree", "agree", "agree", "tinea-corporis", comment="No."), "right_diagnosis"),
        (Judgement("agree", "disagree", "agree", comment="No."), "right_level"),
        (Judgement("agree", "agree", "disagree"), "comment"),
        (Judgement("perhaps", "agree", "agree"), "diagnosis"),
    ],
)
def test_a_disagreement_says_what_is_right_and_why(
    judgement: Judgement, field: str, opened: dict[str, Any], yaw: Any
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        record_review(actor=yaw, consultation_id=_id(opened), judgement=judgement)
    assert field in [each.field for each in refused.value.errors]
    assert not Review.objects.exists()


@pytest.mark.one_database
def test_nobody_reviews_their_own_case_and_only_supervisors_review(
    opened: dict[str, Any], ama: Any, efua: Any, adjoa: Any
) -> None:
    for person in (ama, efua, adjoa):
        with pytest.raises(Forbidden):
            record_review(actor=person, consultation_id=_id(opened), judgement=AGREED)
    ama.role, ama.cadre = "supervisor", ""  # promoted since
    ama.save()
    with pytest.raises(Forbidden) as refused:
        record_review(actor=ama, consultation_id=_id(opened), judgement=AGREED)
    assert refused.value.code == "own_case"
    assert not selectors.queue(ama, order="risk").exists()


@pytest.mark.one_database
def test_a_supervisor_of_another_region_finds_no_case(opened: dict[str, Any], yaw: Any) -> None:
    yaw.supervised_region = "volta"
    yaw.save()
    with pytest.raises(NotFound):
        record_review(actor=yaw, consultation_id=_id(opened), judgement=AGREED)
    assert not selectors.queue(yaw, order="risk").exists()
    page = reverse("admin:consultations_review_case", args=[opened["id"]])
    assert _signed_in(yaw).get(page).status_code == 404


def test_the_queue_puts_risk_first_and_draws_the_same_sample_again(
    as_ama: Any, opened: dict[str, Any], yaw: Any
) -> None:
    urgent = as_ama.post(CONSULTATIONS, breathless(), format="json").json()
    doubted = as_ama.post(CONSULTATIONS, ringworm(working_diagnosis="scabies"), format="json").json()

    rows, more = selectors.page_of(selectors.queue(yaw, order="risk"), 1)
    assert [str(row.pk) for row in rows] == [urgent["id"], doubted["id"], opened["id"]]
    assert not more
    assert "urgent, and not referred" in rows[0].__dict__["reasons"]
    assert rows[1].__dict__["reasons"] == ["diagnosis is not what the ranking puts first"]

    def drawn(seed: str) -> list[Any]:
        return list(selectors.queue(yaw, order="sample", seed=seed).values_list("pk", flat=True))

    assert drawn("a") == drawn("a")
    assert len({tuple(drawn(seed)) for seed in "abcdefgh"}) > 1
    record_review(actor=yaw, consultation_id=_id(urgent), judgement=AGREED)
    assert _id(urgent) not in drawn("a")


def test_the_board_counts_what_was_looked_at(opened: dict[str, Any], yaw: Any, abena: Any) -> None:
    record_review(actor=yaw, consultation_id=_id(opened), judgement=TOO_MILD)
    record_review(actor=abena, consultation_id=_id(opened), judgement=AGREED)
    Consultation.objects.update(working_diagnosis="scabies")  # changed after it was looked at

    found = selectors.board(yaw, days=28)

    assert found.reviews == 2
    diagnosis, level, between, _ = found.agreements
    assert (diagnosis.share.hits, diagnosis.share.n) == (1, 2)
    assert (level.share.hits, level.share.n) == (1, 2)
    assert (between.share.hits, between.share.n) == (0, 1)
    assert found.diagnoses == [("tinea-corporis", "pityriasis-rosea", 1)]
    assert found.medicines.n == 1


@pytest.mark.one_database
def test_the_page_takes_a_judgement_and_goes_on_to_the_next(
    as_ama: Any, opened: dict[str, Any], yaw: Any, efua: Any, adjoa: Any
) -> None:
    as_ama.post(CONSULTATIONS, breathless(), format="json")
    page = reverse("admin:consultations_review_case", args=[opened["id"]])
    said = {"diagnosis": "agree", "level": "agree", "medicine": "agree", "comment": ""}
    supervisor = _signed_in(yaw)

    text = supervisor.get(page).content.decode()
    assert "Mother brought her" in text
    assert "I hold it for" in text
    missing = supervisor.post(page, {**said, "level": "disagree"}).content.decode()
    assert "Say which level is right." in missing
    gone = supervisor.post(page, said)
    assert gone.status_code == 302
    assert "/review/case/" in gone["Location"]
    assert Review.objects.get().comment == ""

    administrator = _signed_in(adjoa)
    assert "Only to read" in administrator.get(page).content.decode()
    assert administrator.post(page, said).status_code == 403
    for address in (
        page,
        reverse("admin:consultations_review_queue"),
        reverse("admin:consultations_review_board"),
    ):
        assert _signed_in(efua).get(address).status_code == 403


@pytest.mark.one_database
def test_erasure_takes_the_comments_along(opened: dict[str, Any], yaw: Any, adjoa: Any) -> None:
    from consultations.services.erasure import erase

    record_review(actor=yaw, consultation_id=_id(opened), judgement=TOO_MILD)
    erase(actor=adjoa, consultation=Consultation.objects.get(), reason="The patient asked for it.")
    assert Review.objects.get().comment == ""
