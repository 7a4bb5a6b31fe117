"""Loading and releasing the formulary."""

from typing import Any

import pytest

from dermatech.core.errors import Conflict, Forbidden, Unavailable, Unprocessable
from medications import services
from medications.checks import check
from medications.models import FormularyRelease, Medication, Regimen, Treatment, UseLimit
from medications.selectors import current_formulary
from triage.models import Condition
from triage.services import load_starter_knowledge

pytestmark = pytest.mark.django_db


@pytest.fixture
def loaded() -> None:
    load_starter_knowledge()
    services.load_starter_formulary()


def test_without_a_release_there_is_no_formulary() -> None:
    with pytest.raises(Unavailable) as caught:
        current_formulary()
    assert caught.value.code == "no_published_formulary"


def test_the_starter_content_loads_once_and_keeps_its_provenance(loaded: None) -> None:
    assert (Medication.objects.count(), Treatment.objects.count(), Regimen.objects.count()) == (60, 101, 132)
    cream = Medication.objects.get(code="clotrimazole-1-cream")
    assert (cream.confidence, cream.content_state) == ("confirmed", "starter_unreviewed")
    assert "latex note from memory" in cream.unverified_fields
    assert {source["id"] for source in cream.sources} >= {"nhs-gram-tinea", "nhis2025"}
    assert cream.history.get().history_change_reason == "starter content"
    again = services.load_starter_formulary()
    assert sum(again.inserted.values()) == 0
    assert again.kept["medications"] == 60


def test_a_second_load_restores_what_is_missing_and_overwrites_nothing(loaded: None) -> None:
    Medication.objects.filter(code="clotrimazole-1-cream").update(strength="2%")
    Treatment.objects.get(code="scabies--crotamiton-10-cream").delete()
    report = services.load_starter_formulary()
    assert report.inserted["treatments"] == 1
    assert Medication.objects.get(code="clotrimazole-1-cream").strength == "2%"
    assert Treatment.objects.get(code="scabies--crotamiton-10-cream").regimens.count() == 1


def test_publishing_the_starter_content_marks_it_as_not_reviewed(starter_knowledge: None) -> None:
    release, formulary = current_formulary()
    assert release.review_state == "starter_unreviewed"
    assert formulary.release == release.label
    assert len(formulary.medications) == 60
    assert services.load_starter_formulary(publish=True).release is None
    assert FormularyRelease.objects.count() == 1


def test_the_snapshot_in_the_database_is_the_one_of_the_files(loaded: None, snapshot: Any) -> None:
    from dermatech.core.releases import canonical_json

    assert canonical_json(services.build_snapshot()) == canonical_json(snapshot)


def test_a_release_needs_two_supervisors(starter_knowledge: None, yaw: Any, abena: Any) -> None:
    Medication.objects.filter(code="urea-10-cream").update(storage="Cool")
    release = services.propose_release(actor=yaw, title="Urea: storage")
    with pytest.raises(Forbidden):
        services.approve_release(actor=yaw, release=release)
    services.approve_release(actor=abena, release=release)
    current, formulary = current_formulary()
    assert current == release
    assert formulary.review_state == "reviewed"
    assert Medication.objects.get(code="urea-10-cream").content_state == "reviewed"
    first = FormularyRelease.objects.get(number=1)
    with pytest.raises(Conflict):
        services.approve_release(actor=abena, release=first)
    services.roll_back(actor=yaw, release=first)
    assert current_formulary()[0] == first


def test_a_pharmacist_releases_nothing(starter_knowledge: None, ama: Any) -> None:
    with pytest.raises(Forbidden):
        services.propose_release(actor=ama, title="Mine")


def test_a_treatment_of_a_condition_nobody_knows_stops_the_release(loaded: None, yaw: Any) -> None:
    Treatment.objects.filter(code="miliaria--calamine-15-lotion").update(condition="prickly-heat")
    with pytest.raises(Unprocessable) as caught:
        services.propose_release(actor=yaw, title="Prickly heat")
    assert caught.value.errors[0].field == "treatments.miliaria--calamine-15-lotion"
    assert "prickly-heat" in caught.value.errors[0].message


def test_a_use_limit_that_names_an_unknown_concept_stops_the_release(loaded: None) -> None:
    UseLimit.objects.filter(code="use-immune-normal").update(concepts=["kryptonite"])
    assert [fault.place for fault in services.check_working_rows()] == ["use_limits.use-immune-normal"]


def test_a_removed_condition_is_noticed(loaded: None) -> None:
    Condition.objects.filter(code="miliaria").delete()
    places = {fault.place for fault in services.check_working_rows()}
    assert "treatments.miliaria--calamine-15-lotion" in places


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"max_daily_mg": 1000, "dose_mg": 2000}, "above"),
        ({"mg_per_kg": 15, "max_single_mg": None}, "max_single_mg"),
        ({"duration_days": 400}, "longer than"),
    ],
)
def test_an_unsafe_regimen_stops_the_release(snapshot: Any, change: dict[str, Any], words: str) -> None:
    import copy

    changed = copy.deepcopy(snapshot)
    treatment = next(t for t in changed["treatments"] if t["id"] == "urticaria--cetirizine-10-tablet")
    treatment["regimen"][0] |= change
    assert any(words in fault.message for fault in check(changed))


def test_overlapping_bands_stop_the_release(snapshot: Any) -> None:
    import copy

    changed = copy.deepcopy(snapshot)
    treatment = next(t for t in changed["treatments"] if t["id"] == "scabies--ivermectin-3-tablet")
    treatment["regimen"][0]["population"]["weight_max_kg"] = 25.5
    assert [fault.message for fault in check(changed)] == ["Regimens 1 and 2 are both for some patients."]


def test_the_starter_content_itself_has_no_fault(snapshot: Any) -> None:
    assert check(snapshot) == []
