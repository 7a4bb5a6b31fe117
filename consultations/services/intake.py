"""Taking over what the phone sent: shape is checked already, meaning is checked here."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from consultations.models import Consultation
from consultations.services.case import SHARED_WITH_RULES
from dermatech.core.errors import FieldError, ValidationFailed
from triage.engine import Knowledge
from triage.facts import validate_facts, validate_findings

# Name in the body -> what stands for "not given".
PATIENT: Mapping[str, Any] = {
    "age_months": None,
    "sex": "",
    "weight_kg": None,
    "pregnant": None,
    "breastfeeding": None,
    "allergies": (),
    "current_medicines": (),
    "conditions": (),
    "initials": "",
}
CONSENT: Mapping[str, Any] = {"photo": False, "data_use": False, "given_by": "", "language": ""}
PLAIN: Mapping[str, Any] = {"presentation": "other", "notes": "", "working_diagnosis": ""}


def apply(
    consultation: Consultation, data: Mapping[str, Any], *, knowledge: Knowledge, replace: bool
) -> None:
    """Set the fields of an unsaved or locked consultation from a body.

    `replace` is PUT (and the first POST): what is left out is forgotten. Otherwise it is PATCH:
    what is left out stays, a fact of null becomes unknown. Raises ValidationFailed.
    """
    _reference(consultation, data.get("client_reference") or "")
    _group(consultation, data.get("patient"), PATIENT, prefix="", replace=replace)
    _group(consultation, data.get("consent"), CONSENT, prefix="consent_", replace=replace)
    _group(consultation, data, PLAIN, prefix="", replace=replace)
    _facts(consultation, data.get("facts"), knowledge=knowledge, replace=replace)
    _findings(consultation, data.get("findings"), knowledge=knowledge, replace=replace)
    if consultation.working_diagnosis and consultation.working_diagnosis not in knowledge.conditions:
        raise ValidationFailed.of(
            "working_diagnosis",
            "unknown_condition",
            "This condition is not in the published knowledge; see GET /triage/conditions.",
        )
    _one_diagnosis(consultation, data)


def _reference(consultation: Consultation, given: str) -> None:
    """The phone's id is given once, when the consultation is opened."""
    if given and consultation.client_reference != given:
        raise ValidationFailed.of(
            "client_reference", "immutable", "The reference of a consultation cannot be changed."
        )


def _group(
    consultation: Consultation,
    given: Mapping[str, Any] | None,
    fields: Mapping[str, Any],
    *,
    prefix: str,
    replace: bool,
) -> None:
    given = given or {}
    for name, unset in fields.items():
        if name not in given and not replace:
            continue
        value = given.get(name)
        value = unset if value is None else value
        setattr(consultation, prefix + name, list(value) if isinstance(value, tuple) else value)


def _facts(
    consultation: Consultation, given: Mapping[str, Any] | None, *, knowledge: Knowledge, replace: bool
) -> None:
    """Facts about the person are kept with the person, wherever they were said."""
    if given is None and not replace:
        return
    said = validate_facts(given or {}, conditions=knowledge.conditions)
    known = {} if replace else dict(consultation.facts)
    clashes = []
    for name in given or {}:
        value = said.get(name)
        if name in SHARED_WITH_RULES:
            clashes += _person_fact(consultation, name, value)
        elif value is None:
            known.pop(name, None)
        else:
            known[name] = list(value) if isinstance(value, (tuple, list)) else value
    if clashes:
        raise ValidationFailed(errors=clashes)
    consultation.facts = known


def _one_diagnosis(consultation: Consultation, data: Mapping[str, Any]) -> None:
    """A diagnosis can be said in two places. The later word replaces the earlier; two at once that
    differ are refused, because the milder of them could win."""
    if data.get("working_diagnosis") and not (data.get("facts") or {}).get("condition"):
        consultation.facts.pop("condition", None)
    said = consultation.facts.get("condition")
    if said and consultation.working_diagnosis and said != consultation.working_diagnosis:
        raise ValidationFailed.of(
            "facts.condition", "contradiction", "This differs from working_diagnosis; say it once."
        )


def _person_fact(consultation: Consultation, name: str, value: Any) -> list[FieldError]:
    if value is None:
        return []
    if consultation.patient_facts.get(name, value) != value:
        return [
            FieldError(f"facts.{name}", "contradiction", f"This differs from patient.{name}; say it once.")
        ]
    setattr(consultation, name, value)
    return []


def _findings(
    consultation: Consultation,
    given: Mapping[str, Any] | None,
    *,
    knowledge: Knowledge,
    replace: bool,
) -> None:
    if given is None and not replace:
        return
    given = given or {}
    kept: Mapping[str, Any] = (
        {} if replace else {"present": consultation.findings_present, "absent": consultation.findings_absent}
    )
    sent = {side: given.get(side, kept.get(side)) for side in ("present", "absent")}
    findings = validate_findings(sent, knowledge)
    consultation.findings_present = sorted(findings.present)
    consultation.findings_absent = sorted(findings.absent)


def snapshot(consultation: Consultation) -> dict[str, Any]:
    """Everything people can change, by its name in the body: what an update is compared on, and
    what the audit log commits to."""
    state: dict[str, Any] = {}
    for name in PATIENT:
        value = getattr(consultation, name)
        state[f"patient.{name}"] = str(value) if isinstance(value, Decimal) else value
    for name in CONSENT:
        state[f"consent.{name}"] = getattr(consultation, f"consent_{name}")
    for name in PLAIN:
        state[name] = getattr(consultation, name)
    for name, value in consultation.facts.items():
        state[f"facts.{name}"] = value
    state["findings.present"] = list(consultation.findings_present)
    state["findings.absent"] = list(consultation.findings_absent)
    state["decision"] = consultation.decision
    state["outcome"] = consultation.outcome
    return state


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The names whose values differ, with the new value (None where it is gone)."""
    names = [*after, *(name for name in before if name not in after)]
    return {name: after.get(name) for name in names if before.get(name) != after.get(name)}
