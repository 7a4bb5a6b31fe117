"""A supervisor at the admin of the formulary."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent
from medications.models import FormularyRelease, Medication, Treatment
from tests.cast import PASSWORD

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("starter_knowledge"),
    pytest.mark.one_database,
]


def _signed_in(person: Any) -> Client:
    client = Client()
    assert client.login(username=person.email, password=PASSWORD)
    return client


@pytest.fixture
def supervisor(yaw: Any) -> Client:
    return _signed_in(yaw)


def _url(name: str, *args: Any) -> str:
    return reverse(f"admin:medications_{name}", args=args)


def _form(page: Any) -> dict[str, Any]:
    """What the browser would send back if nothing was changed."""
    context = page.context
    data: dict[str, Any] = {}
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    for form in forms:
        for bound in form:
            value = bound.value()
            if isinstance(value, bool):
                if value:
                    data[bound.html_name] = "on"
            else:
                data[bound.html_name] = "" if value is None else value
    return data


def _change(client: Client, obj: Any, name: str, **changes: Any) -> Any:
    url = _url(f"{name}_change", obj.pk)
    data = _form(client.get(url)) | changes
    return client.post(url, data)


def _errors(page: Any) -> str:
    assert page.status_code == 200
    return str(page.content.decode())


def test_an_edit_is_marked_audited_and_kept_in_the_history(supervisor: Client, yaw: Any) -> None:
    cream = Medication.objects.get(code="clotrimazole-1-cream")
    answer = _change(supervisor, cream, "medication", storage="Cool and dry")
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    cream.refresh_from_db()
    assert (cream.storage, cream.content_state) == ("Cool and dry", "edited_unreviewed")
    assert cream.history.first().history_user == yaw
    assert AuditEvent.objects.filter(action="knowledge.edited", actor_id=yaw.pk).exists()


def test_an_edit_has_no_effect_before_a_release(supervisor: Client) -> None:
    from medications.selectors import current_formulary

    cream = Medication.objects.get(code="clotrimazole-1-cream")
    _change(supervisor, cream, "medication", age_min_months="24")
    assert current_formulary()[1].medications["clotrimazole-1-cream"].age_min_months == 0


@pytest.mark.parametrize(
    ("medicine", "change", "message"),
    [
        ("clotrimazole-1-cream", {"atc": "D1"}, "Five or seven characters"),
        ("clotrimazole-1-cream", {"body_site_restrictions": "moon"}, "There is no body site"),
        ("clotrimazole-1-cream", {"allergy_classes": "moonstones"}, "There is no allergy class"),
        ("clotrimazole-1-cream", {"ingredients": ""}, "This field is required"),
        ("clotrimazole-1-cream", {"pack_unit": ""}, "Give the size and its unit"),
        ("cetirizine-5-5-syrup", {"strength": "strong"}, "how many mg are in how many mL"),
        ("cetirizine-5-5-syrup", {"body_site_restrictions": "face"}, "taken by mouth has no body sites"),
    ],
)
def test_a_wrong_field_is_named_next_to_it(
    supervisor: Client, medicine: str, change: dict[str, str], message: str
) -> None:
    page = _change(supervisor, Medication.objects.get(code=medicine), "medication", **change)
    assert message in _errors(page)
    assert set(change) & set(page.context["adminform"].form.errors)


def test_an_interaction_with_a_class_that_is_not_there_is_refused(supervisor: Client) -> None:
    medicine = Medication.objects.get(code="clotrimazole-1-cream")
    page = _change(supervisor, medicine, "medication", **{"interactions-0-other": "moon-salts"})
    assert "There is no interaction class" in _errors(page)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"regimens-0-dose_mg_high": "20", "regimens-0-dose_mg_low": "20"}, "Above the most at once"),
        ({"regimens-1-age_max_months": "150"}, "Another regimen is for some of the same patients"),
        ({"regimens-0-mg_per_kg_high": "2", "regimens-0-max_daily_mg": ""}, "so that nobody gets too much"),
        ({"regimens-1-age_min_months": "200"}, "Must not be below the youngest age"),
        ({"regimens-1-age_min_months": "12"}, "only from 72 months"),
        ({"regimens-0-duration_days": "90"}, "only for up to 42 days"),
        ({"regimens-0-weight_min_kg": "9", "regimens-0-weight_max_kg": "9"}, "above the lower weight"),
        ({"regimens-0-DELETE": "on", "regimens-1-DELETE": "on"}, "A treatment needs a regimen"),
    ],
)
def test_an_unsafe_regimen_is_refused_as_it_is_typed(
    supervisor: Client, change: dict[str, str], message: str
) -> None:
    treatment = Treatment.objects.get(code="urticaria--cetirizine-10-tablet")
    assert message in _errors(_change(supervisor, treatment, "treatment", **change))


def test_a_changed_regimen_counts_as_a_change_of_its_treatment(supervisor: Client) -> None:
    treatment = Treatment.objects.get(code="urticaria--cetirizine-10-tablet")
    before = treatment.regimens.get(position=0).history.count()
    answer = _change(supervisor, treatment, "treatment", **{"regimens-0-instructions": "At night."})
    assert answer.status_code == 302
    treatment.refresh_from_db()
    assert treatment.content_state == "edited_unreviewed"
    assert treatment.regimens.get(position=0).history.count() == before + 1


def test_a_release_is_proposed_by_one_and_approved_by_another(supervisor: Client, abena: Any) -> None:
    _change(supervisor, Medication.objects.get(code="urea-10-cream"), "medication", storage="Cool")
    answer = supervisor.post(_url("formularyrelease_add"), {"title": "Urea: storage"})
    assert answer.status_code == 302
    release = FormularyRelease.objects.get(state="proposed")
    chosen = {"action": "approve", "_selected_action": [str(release.pk)]}
    page = supervisor.post(_url("formularyrelease_changelist"), chosen, follow=True)
    assert "Another supervisor must approve" in page.content.decode()
    page = _signed_in(abena).post(_url("formularyrelease_changelist"), chosen, follow=True)
    assert "is now in force" in page.content.decode()
    assert FormularyRelease.objects.get(state="active") == release


def test_a_faulty_formulary_cannot_even_be_proposed(supervisor: Client) -> None:
    Treatment.objects.filter(code="miliaria--calamine-15-lotion").update(condition="prickly-heat")
    page = supervisor.post(_url("formularyrelease_add"), {"title": "Prickly heat"})
    assert "There is no condition" in _errors(page)


@pytest.mark.parametrize("name", ["medication", "treatment", "formularyrelease", "healthconcept", "uselimit"])
def test_lists_filter_search_and_ask_the_database_little(
    supervisor: Client, name: str, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(20):  # session, user, counts, filters, one page: none per row
        assert supervisor.get(_url(f"{name}_changelist")).status_code == 200
    assert supervisor.get(_url(f"{name}_changelist"), {"q": "cream"}).status_code == 200


@pytest.mark.parametrize(
    "name", ["medication", "treatment", "medicinename", "allergyclass", "interactionclass"]
)
def test_the_history_of_a_row_opens(supervisor: Client, name: str) -> None:
    from django.apps import apps

    row = apps.get_model("medications", name)._default_manager.first()
    assert supervisor.get(_url(f"{name}_history", row.pk)).status_code == 200
    assert supervisor.get(_url(f"{name}_change", row.pk)).status_code == 200
    assert supervisor.get(_url(f"{name}_add")).status_code == 200


def test_an_auditor_may_look_but_not_change(efua: Any) -> None:
    client = _signed_in(efua)
    cream = Medication.objects.get(code="clotrimazole-1-cream")
    assert client.get(_url("medication_change", cream.pk)).status_code == 200
    assert client.post(_url("medication_change", cream.pk), {"storage": "x"}).status_code == 403
