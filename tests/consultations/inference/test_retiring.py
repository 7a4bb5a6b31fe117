"""Taking an active model out of use lowers safety: in production two people do it, or one in an emergency."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.audit.models import AuditEvent
from consultations.inference.retiring import retire_model, review_stop
from consultations.inference.services import activate_model
from consultations.models import ModelVersion
from dermatech.core.errors import Conflict, Forbidden
from tests.cast import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("known"), pytest.mark.one_database]
WHY = "It missed two melanomas in Kumasi."


@pytest.fixture
def version(install: Callable[..., ModelVersion], yaw: Any, abena: Any, settings: Any) -> ModelVersion:
    """Installed by Yaw, activated by Abena, in production."""
    settings.PRODUCTION = True
    return activate_model(actor=abena, version=install(yaw))


def signed_in(person: Any) -> Client:
    client = Client()
    assert client.login(username=person.email, password=PASSWORD)
    return client


def press(person: Any, version: ModelVersion, button: str, **data: str) -> str:
    """The page that follows the button, confirmed."""
    client = signed_in(person)
    address = reverse(f"admin:consultations_modelversion_{button}_page", args=[version.pk])
    answer = client.post(address, {"confirmed": "yes", **data}, follow=True)
    version.refresh_from_db()
    return answer.content.decode()


def buttons(person: Any, version: ModelVersion) -> set[str]:
    shown = signed_in(person).get(reverse("admin:consultations_modelversion_change", args=[version.pk]))
    said = shown.content.decode()
    names = ("Approve the retirement", "Keep it active", "Stop at once", "Review the stop")
    return {name for name in names if name in said}


def acts() -> list[str]:
    rows = AuditEvent.objects.filter(action__startswith="model.").order_by("id")
    return [row.action.removeprefix("model.") for row in rows][2:]


def test_one_person_asks_with_a_reason_and_another_approves(
    version: ModelVersion, yaw: Any, abena: Any
) -> None:
    assert "This field is required" in press(yaw, version, "retire", reason=" ")
    assert "Another person has to approve" in press(yaw, version, "retire", reason=WHY)
    assert (version.state, version.retirement_waits) == ("active", True)
    assert "asked to retire" in _list(abena, waits="yes")

    assert buttons(yaw, version) == {"Keep it active", "Stop at once"}
    press(yaw, version, "approve")
    assert version.state == "active"

    assert "Approve the retirement" in buttons(abena, version)
    assert "is retired now" in press(abena, version, "approve")
    assert (version.state, version.retired_by, version.retirement_asked_by) == ("retired", abena, yaw)
    assert acts() == ["retirement_asked", "retired"]
    said = AuditEvent.objects.get(action="model.retired").canonical_json
    assert WHY in said
    assert str(yaw.pk) in said


def _list(person: Any, **query: str) -> str:
    answer = signed_in(person).get(reverse("admin:consultations_modelversion_changelist"), query)
    return answer.content.decode()


def test_another_person_lets_it_stay(version: ModelVersion, yaw: Any, abena: Any) -> None:
    press(yaw, version, "retire", reason=WHY)
    assert "stays active" in press(abena, version, "keep")
    assert (version.state, version.retirement_waits, version.retirement_reason) == ("active", False, "")
    assert acts() == ["retirement_asked", "retirement_refused"]
    with pytest.raises(Forbidden):
        retire_model(actor=abena, version=version)


def test_the_list_and_the_system_cannot_go_around_it(version: ModelVersion, yaw: Any) -> None:
    chosen = {"action": "retire", "_selected_action": [str(version.pk)]}
    answer = signed_in(yaw).post(reverse("admin:consultations_modelversion_changelist"), chosen, follow=True)
    assert "Two people retire a model that is active" in answer.content.decode()
    with pytest.raises(Forbidden):
        retire_model(actor=None, version=version)
    version.refresh_from_db()
    assert version.state == "active"


def test_in_an_emergency_one_person_stops_it_and_another_reviews_that(
    version: ModelVersion, yaw: Any, abena: Any
) -> None:
    assert "This field is required" in press(yaw, version, "stop")
    assert "was stopped" in press(yaw, version, "stop", reason=WHY)
    assert (version.state, version.review_waits) == ("retired", True)
    assert "stop to review" in _list(abena, waits="yes")
    with pytest.raises(Conflict) as refused:
        activate_model(actor=abena, version=version)
    assert refused.value.code == "stop_not_reviewed"

    assert buttons(yaw, version) == set()
    press(yaw, version, "review", note="Fine.")
    assert (version.state, version.review_waits) == ("retired", True)
    with pytest.raises(Forbidden):
        review_stop(actor=yaw, version=version, note="Fine.")
    assert "was written down" in press(abena, version, "review", note="Right to stop it.")
    assert (version.state, version.review_waits) == ("retired", False)
    assert acts() == ["stopped", "stop_reviewed"]

    activate_model(actor=abena, version=version)
    assert (version.stopped_at, version.retirement_reason, version.stop_review) == (None, "", "")


def test_what_nobody_relies_on_is_retired_by_one(install: Callable[..., ModelVersion], yaw: Any) -> None:
    draft = install(yaw)
    assert "is retired now" in press(yaw, draft, "retire", reason="Superseded.")
    assert draft.state == "retired"


def test_an_auditor_sees_no_button_and_reaches_no_page(version: ModelVersion, efua: Any) -> None:
    assert buttons(efua, version) == set()
    press(efua, version, "stop", reason=WHY)
    assert version.state == "active"
