"""What a release would have changed for the patients seen last."""

import copy
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from consultations.models import Consultation
from consultations.services.rehearsing import is_downgrade, rehearse_formulary, rehearse_guidelines
from dermatech.core.replays import Outcome
from tests.consultations.cases import ringworm
from tests.consultations.seeding import seed
from triage import selectors, services
from triage.models import Guideline

pytestmark = pytest.mark.django_db


@pytest.fixture
def snapshot(knowledge: None) -> dict[str, Any]:
    """What is in force, to be changed."""
    found: dict[str, Any] = copy.deepcopy(dict(selectors.snapshot_of(selectors.current_release())))
    return found


def rule(snapshot: dict[str, Any], code: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in snapshot["guidelines"] if row["id"] == code)
    return found


def test_the_same_knowledge_changes_nothing(snapshot: dict[str, Any], ama: Any) -> None:
    seed(12, pharmacist=ama)
    report = rehearse_guidelines(snapshot)
    assert (report.considered, report.unchanged, report.changed, report.skipped) == (12, 12, (), ())
    assert report.base == selectors.current_release().label


def test_each_milder_outcome_is_named_with_what_changed(
    snapshot: dict[str, Any], ama: Any, as_ama: Any
) -> None:
    answer = as_ama.post(
        "/api/v1/consultations", ringworm(facts={"previous_treatment_failed": True}), format="json"
    )
    assert answer.json()["triage"]["level"] == "refer_routine"
    snapshot["guidelines"] = [r for r in snapshot["guidelines"] if r["id"] != "rr-treatment-failed"]
    seed(3, pharmacist=ama)
    report = rehearse_guidelines(snapshot)
    case = next(each for each in report.changed if each.consultation == answer.json()["id"])
    assert case.downgrade
    assert (case.before.level, case.after.level) == ("refer_routine", "pharmacy_treatment")
    assert "Level: refer routine -> pharmacy treatment" in case.what
    assert report.changed[0].downgrade
    assert report.downgrades >= 1
    json.dumps(report.as_dict())


def test_a_patient_judged_more_urgent_is_listed_but_needs_no_reason(
    snapshot: dict[str, Any], as_ama: Any
) -> None:
    as_ama.post("/api/v1/consultations", ringworm(), format="json")
    rule(snapshot, "ph-superficial-fungal")["level"] = "refer_urgent"
    (case,) = rehearse_guidelines(snapshot).changed
    assert not case.downgrade
    assert case.after.medicines == ()
    assert case.before.medicines != ()


def test_only_the_newest_are_replayed(snapshot: dict[str, Any], ama: Any) -> None:
    rows = seed(5, pharmacist=ama)
    seen: list[tuple[int, int]] = []
    report = rehearse_guidelines(snapshot, last=2, progress=lambda done, total: seen.append((done, total)))
    assert (report.limit, report.considered) == (2, 2)
    assert seen == [(2, 2)]
    assert len(rows) == 5


def test_a_case_whose_findings_are_gone_is_said_to_be_left_out(snapshot: dict[str, Any], ama: Any) -> None:
    (row,) = seed(1, pharmacist=ama)
    row.findings_present = ["antlers"]
    row.save()
    report = rehearse_guidelines(snapshot)
    assert [each["consultation"] for each in report.skipped] == [str(row.pk)]


def test_a_formulary_is_tried_on_past_cases_too(knowledge: None, as_ama: Any) -> None:
    from medications.selectors import current_release, snapshot_of

    as_ama.post("/api/v1/consultations", ringworm(), format="json")
    formulary: Any = copy.deepcopy(dict(snapshot_of(current_release())))
    assert rehearse_formulary(formulary).changed == ()
    first = rehearse_formulary({**formulary, "treatments": []})
    (case,) = first.changed
    assert case.before.medicines != ()
    assert case.after.medicines == ()


def test_a_proposal_that_silently_downgrades_a_patient_is_not_approved(
    as_ama: Any, yaw: Any, abena: Any
) -> None:
    """The whole way: the case over the API, the edit, the proposal, the refusal, the reason, the approval."""
    from dermatech.core.errors import Unprocessable
    from triage.models import Vignette

    body = as_ama.post(
        "/api/v1/consultations", ringworm(facts={"previous_treatment_failed": True}), format="json"
    ).json()
    for case in Vignette.objects.all():
        if "rr-treatment-failed" in case.expected_rules:
            services.delete_item(actor=yaw, item=case)
    services.delete_item(actor=yaw, item=Guideline.objects.get(code="rr-treatment-failed"))
    release = services.propose_release(actor=yaw, title="Without the rule on failed treatment")
    with pytest.raises(Unprocessable) as refused:
        services.approve_release(actor=abena, release=release)
    assert refused.value.code == "downgrades_unexplained"
    assert body["id"] in refused.value.detail
    assert release.replay is not None
    keys = [case["key"] for case in release.replay["changed"] if case["downgrade"]]
    services.explain_downgrades(actor=yaw, release=release, keys=keys, reason="One cream is no failure.")
    assert services.approve_release(actor=abena, release=release).state == "active"


BEFORE = Outcome(
    "refer_urgent", "same day", False, (), (), ("cream",), ("tablet: allergy",), "mpox - officer"
)


@pytest.mark.parametrize(
    ("changes", "downgrade"),
    [
        ({}, False),
        ({"level": "refer_routine"}, True),
        ({"level": "emergency"}, False),
        ({"timeframe": "within 2 weeks"}, True),
        ({"timeframe": "now"}, False),
        ({"notify": None}, True),
        ({"notify": "mpox - officer; cholera - officer"}, False),
        ({"medicines": ("cream", "tablet"), "excluded": ()}, True),
        ({"medicines": ()}, False),
        ({"medicines": ("cream", "lotion")}, False),
    ],
)
def test_what_counts_as_milder(changes: dict[str, Any], downgrade: bool) -> None:
    from dataclasses import replace

    assert is_downgrade(BEFORE, replace(BEFORE, **changes)) is downgrade


def test_the_command_shows_progress_and_fails_where_somebody_is_judged_milder(
    snapshot: dict[str, Any], as_ama: Any, capsys: Any
) -> None:
    as_ama.post("/api/v1/consultations", ringworm(facts={"previous_treatment_failed": True}), format="json")
    call_command("replay_release", selectors.current_release().label)
    told = capsys.readouterr()
    assert "1 consultations against" in told.out
    assert "] 1/1" in told.err
    Guideline.objects.filter(code="rr-treatment-failed").delete()
    with pytest.raises(CommandError) as milder:
        call_command("replay_release", "working")
    assert milder.value.returncode == 1
    assert f"milder {Consultation.objects.get().pk}" in capsys.readouterr().out
    for unknown in ("99", "1-abc", "none"):
        with pytest.raises(CommandError, match="no release"):
            call_command("replay_release", unknown)
