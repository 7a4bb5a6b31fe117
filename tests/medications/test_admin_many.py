"""Many medicines changed at once, forms judged while they are typed, and the history in words."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEvent
from medications.changelog import edits_of
from medications.models import Medication, Treatment
from medications.services import save_medicine
from tests.medications.test_admin import _change, _form, _signed_in, _url

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("starter_knowledge"),
    pytest.mark.one_database,
]


@pytest.fixture
def supervisor(yaw: Any) -> Client:
    return _signed_in(yaw)


def _pick(client: Client, *codes: str) -> Any:
    chosen = Medication.objects.filter(code__in=codes).values_list("pk", flat=True)
    data = {"action": "change_many", "_selected_action": [str(pk) for pk in chosen]}
    return client.post(_url("medication_changelist"), data)


def _send(client: Client, page: Any, button: str, **values: str) -> Any:
    form = page.context["form"]
    data = {name: value for name, value in form.data.items() if name not in ("preview", "confirm", "back")}
    data |= {"ids": form["ids"].value(), "fingerprint": page.context["fingerprint"], button: "yes", **values}
    return client.post(_url("medication_many"), data, follow=True)


def test_chosen_fields_of_many_medicines_are_shown_and_then_changed(supervisor: Client, yaw: Any) -> None:
    page = _pick(supervisor, "aciclovir-5-cream", "urea-10-cream")
    assert "Change fields of 2 medicines" in page.content.decode()
    page = _send(
        supervisor, page, "preview",
        change_storage="on", to_storage="Below 30 C", add_cautions="Wash the hands after use",
    )  # fmt: skip
    told = {
        each.medicine.code: [change.label for change in each.changes] for each in page.context["changing"]
    }
    assert told == {code: ["Cautions", "Storage"] for code in ("aciclovir-5-cream", "urea-10-cream")}
    assert not Medication.objects.filter(storage="Below 30 C").exists()

    _send(supervisor, page, "confirm")
    for code in told:
        medicine = Medication.objects.get(code=code)
        assert (medicine.storage, medicine.content_state) == ("Below 30 C", "edited_unreviewed")
        assert medicine.cautions[-1] == "Wash the hands after use"
        latest: Any = medicine.history.first()
        assert latest.history_user == yaw
        assert latest.history_change_reason == "edit of 2 medicines together"
    assert AuditEvent.objects.filter(actor_id=yaw.pk, action="knowledge.edited").count() == 2


def test_one_medicine_that_would_be_wrong_stops_all(supervisor: Client) -> None:
    page = _pick(supervisor, "aciclovir-5-cream", "flucloxacillin-250-capsule")
    page = _send(supervisor, page, "preview", change_aware_group="on", to_aware_group="Watch")
    said = page.content.decode()
    assert "Nothing can be written: 1 of 2 would be wrong" in said
    assert "AWaRe group: AWaRe sorts antibiotics that are taken" in said
    _send(supervisor, page, "confirm")
    assert not Medication.objects.filter(content_state="edited_unreviewed").exists()


def test_nothing_chosen_is_said(supervisor: Client) -> None:
    page = _send(supervisor, _pick(supervisor, "urea-10-cream"), "preview")
    assert "Tick a field to change" in page.content.decode()


def test_what_changed_since_the_preview_is_shown_again(supervisor: Client) -> None:
    page = _pick(supervisor, "urea-10-cream")
    page = _send(supervisor, page, "preview", change_storage="on", to_storage="Below 30 C")
    Medication.objects.filter(code="urea-10-cream").update(storage="In the dark")
    page = _send(supervisor, page, "confirm")
    assert "Somebody changed one of these medicines since you looked" in page.content.decode()
    assert Medication.objects.get(code="urea-10-cream").storage == "In the dark"


def test_an_auditor_changes_nothing_of_many(efua: Any) -> None:
    auditor = _signed_in(efua)
    chosen = Medication.objects.get(code="urea-10-cream")
    data = {"ids": str(chosen.pk), "change_storage": "on", "to_storage": "x", "confirm": "yes"}
    assert auditor.post(_url("medication_many"), data).status_code == 403


# --- while it is typed ---------------------------------------------------------------------------
def _ask(client: Client, name: str, row: Any, **changes: str) -> dict[str, Any]:
    data = _form(client.get(_url(f"{name}_change", row.pk))) | changes
    answer = client.post(_url(f"{name}_check", row.pk), data)
    assert answer.status_code == 200
    errors: dict[str, Any] = answer.json()["errors"]
    return errors


def test_errors_are_told_by_field_and_nothing_is_stored(supervisor: Client) -> None:
    treatment = Treatment.objects.get(code="urticaria--cetirizine-10-tablet")
    changes = {"regimens-0-dose_mg_low": "7", "regimens-0-dose_mg_high": "7", "regimens-1-dose": ""}
    errors = _ask(supervisor, "treatment", treatment, **changes)
    assert "7 mg cannot be given" in errors["regimens-0-dose_mg_low"]["message"]
    assert errors["regimens-1-dose"] == {"message": "This field is required.", "missing": True}
    assert _ask(supervisor, "treatment", treatment, line="second") == {}
    treatment.refresh_from_db()
    assert (treatment.line, treatment.content_state) == ("first", "starter_unreviewed")
    assert treatment.history.count() == 0


def test_a_new_medicine_is_judged_before_it_is_saved(supervisor: Client) -> None:
    data = _form(supervisor.get(_url("medication_add"))) | {"atc": "D99AA01"}
    answer = supervisor.post(_url("medication_check_new"), data | {"route": "topical", "form": "cream"})
    assert answer.json()["errors"]["atc"]["message"] == "There is no group D99 in the ATC index."
    assert supervisor.get(_url("medication_check_new")).status_code == 405


def test_only_who_may_change_may_ask(efua: Any) -> None:
    cream = Medication.objects.get(code="urea-10-cream")
    assert _signed_in(efua).post(_url("medication_check", cream.pk), {}).status_code == 403


def test_a_choice_that_matters_is_never_made_by_default(supervisor: Client) -> None:
    form = supervisor.get(_url("medication_add")).context["adminform"].form
    for name in ("form", "route", "legal_class", "pregnancy", "lactation"):
        assert form[name].value() in (None, "")
        assert next(iter(form.fields[name].choices))[0] == ""


def test_a_new_medicine_gets_its_code_from_its_name(supervisor: Client) -> None:
    data = _form(supervisor.get(_url("medication_add"))) | {
        "generic_name": "desloratadine", "atc": "R06AX27", "form": "oral solution", "strength": "2.5 mg/5 mL",
        "route": "oral", "legal_class": "pharmacy_only", "pharmacological_class": "Antihistamine",
        "ingredients": "desloratadine", "age_min_months": "12", "pregnancy": "caution",
        "lactation": "caution", "allergy_classes": "piperidines",
    }  # fmt: skip
    page = supervisor.post(_url("medication_add"), data)
    assert "There is no allergy class" in page.content.decode()
    assert (
        supervisor.post(_url("medication_add"), data | {"allergy_classes": "piperazines"}).status_code == 302
    )
    assert Medication.objects.get(code="desloratadine-2-5-5-solution").allergy_classes == ["piperazines"]


def test_every_starter_medicine_and_treatment_can_be_saved_as_it_is(supervisor: Client) -> None:
    """Each form accepts the content that the product comes with."""
    from medications.admin.sheets.cells import filled
    from medications.admin.sheets.medicines import MedicationSheetForm

    for medicine in Medication.objects.prefetch_related("interactions"):
        form = filled(MedicationSheetForm, medicine, {})
        assert form.is_valid(), (medicine.code, form.errors)
        assert not form.has_changed(), (medicine.code, form.changed_data)


# --- history -------------------------------------------------------------------------------------
def test_the_history_tells_what_was_before_and_after(supervisor: Client, yaw: Any) -> None:
    medicine = Medication.objects.get(code="miconazole-2-cream")
    save_medicine(actor=yaw, medicine=medicine, changed=[], reason="")
    _change(
        supervisor, medicine, "medication", legal_class="pharmacy_only", **{"interactions-0-effect": "new"}
    )
    edits = edits_of(medicine)
    assert len(edits) == 1  # the second time within two seconds, and however many rows it wrote
    told = {change.label: (change.before, change.after) for part in edits[0].parts for change in part.changes}
    assert told["Legal class"] == ("C: over the counter", "B: pharmacy only")
    assert edits[0].who == "Yaw Owusu"
    page = supervisor.get(_url("medication_history", medicine.pk)).content.decode()
    assert "<del>C: over the counter</del>" in page
    assert "<ins>B: pharmacy only</ins>" in page


def test_a_regimen_is_told_in_the_history_of_its_treatment(supervisor: Client) -> None:
    treatment = Treatment.objects.get(code="urticaria--cetirizine-10-tablet")
    for regimen in treatment.regimens.all():
        regimen.save()
    _change(supervisor, treatment, "treatment", **{"regimens-0-instructions": "At night only."})
    parts = [part for edit in edits_of(treatment) for part in edit.parts if part.changes]
    (part,) = [part for part in parts if part.name]
    assert part.name == "Regimen: 10 mg, once daily"
    assert [(change.label, change.after) for change in part.changes] == [("Instructions", "At night only.")]
