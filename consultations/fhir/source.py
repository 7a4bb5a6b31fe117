"""The rows of a consultation as the frozen record that a bundle is made of."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from accounts.models import User
from consultations import selectors
from consultations.fhir.record import (
    Decision,
    Disease,
    Person,
    Picture,
    Place,
    Ranked,
    Record,
    Supplied,
    Suspicion,
    Term,
)
from consultations.models import Analysis, Consultation, Photo, Presentation
from consultations.services.decisions import still_stands
from consultations.services.results import disclaimer
from medications import selectors as formulary_selectors
from triage import selectors as triage_selectors


def read(row: Consultation) -> Record:
    """What the bundle of `row` is made of. `row` comes from `selectors.consultation_for`."""
    current = row.recommendations.current().filter(proposed=True)
    return record_of(
        row,
        latest=selectors.latest_analysis(row),
        photos=list(row.photos.all()),
        proposed={each.medication: each.payload for each in current},
    )


def record_of(
    row: Consultation,
    *,
    latest: Analysis | None,
    photos: Sequence[Photo],
    proposed: Mapping[str, Mapping[str, Any]],
) -> Record:
    """A row, and the rows that belong to it, frozen. `proposed`: medicine -> the advice on it now."""
    guidelines = triage_selectors.snapshot_of(row.guidelines_release)
    diseases = {each["id"]: _disease(each) for each in guidelines["conditions"]}
    findings = {each["id"]: each["question"] for each in guidelines["findings"]}
    said = row.assessment
    return Record(
        id=str(row.pk),
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        closed_at=row.closed_at,
        pharmacist=_person(row.pharmacist),
        premises=Place(str(row.premises_id), row.premises.name, row.premises.licence),
        presentation=Term(row.presentation, Presentation(row.presentation).label),
        triage=row.triage,
        guidelines=row.guidelines_release.label,
        formulary=row.formulary_release.label if row.formulary_release else "",
        disclaimer=disclaimer(row.guidelines_release, row.formulary_release),
        sex=row.sex,
        language=row.consent_language,
        weight_kg=row.weight_kg,
        allergies=tuple(row.allergies),
        current_medicines=tuple(row.current_medicines),
        conditions=tuple(row.conditions),
        facts={**row.facts, **row.patient_facts},
        present=_terms(row.findings_present, findings),
        absent=_terms(row.findings_absent, findings),
        photos=tuple(_picture(each) for each in photos),
        suspicion=_suspicion(latest),
        diagnosis=_known(row.working_diagnosis, diseases) if row.working_diagnosis else None,
        ranked=tuple(_ranked(each, diseases) for each in said.get("conditions") or ()),
        abstained=str(said.get("abstain_reason") or "") if said.get("abstained") else "",
        decision=_decision(row, proposed),
        outcome=str((row.outcome or {}).get("result") or ""),
    )


def _disease(entry: Mapping[str, Any]) -> Disease:
    return Disease(entry["id"], entry["name"], entry.get("icd10") or "", entry.get("icd11") or "")


def _known(key: str, diseases: Mapping[str, Disease]) -> Disease:
    """A condition by its id; one that the pinned release does not hold any more keeps its id as its name."""
    return diseases.get(key) or Disease(key, key.replace("-", " ").capitalize())


def _ranked(entry: Mapping[str, Any], diseases: Mapping[str, Disease]) -> Ranked:
    return Ranked(
        disease=_known(entry["condition"], diseases),
        probability=float(entry["probability"]),
        band=entry["band"],
        because=tuple(each["text"] for each in entry.get("evidence") or ()),
    )


def _terms(ids: Iterable[str], texts: Mapping[str, str]) -> tuple[Term, ...]:
    return tuple(Term(key, texts.get(key, key.replace("_", " "))) for key in sorted(ids))


def _picture(photo: Photo) -> Picture:
    path = reverse("consultation-image", args=[photo.consultation_id, photo.pk])
    return Picture(
        id=str(photo.pk),
        url=f"{settings.PUBLIC_URL.rstrip('/')}{path}",
        media_type=photo.media_type,
        width=photo.width,
        height=photo.height,
        bytes=photo.bytes,
        sha256=photo.sha256_out,
        created_at=photo.created_at,
    )


def _suspicion(latest: Analysis | None) -> Suspicion | None:
    result = (latest.result or {}) if latest else {}
    said, model = result.get("suspicious_lesion"), result.get("model")
    if not said or not model or said.get("score") is None:
        return None
    return Suspicion(float(said["score"]), bool(said["flag"]), str(model["name"]), str(model["version"]))


def _person(user: User) -> Person:
    return Person(str(user.pk), user.full_name, user.registration_number)


def _decision(row: Consultation, proposed: Mapping[str, Mapping[str, Any]]) -> Decision | None:
    decision = row.decision
    if not decision:
        return None
    chosen = list(dict.fromkeys(decision.get("medications") or ()))
    entries = _entries(row) if chosen else {}
    return Decision(
        action=decision["action"],
        decided_at=parse_datetime(str(decision.get("decided_at") or "")) or row.updated_at,
        decided_by=_decider(decision.get("decided_by")) or _person(row.pharmacist),
        medicines=tuple(_supplied(key, entries.get(key, {}), proposed.get(key)) for key in chosen),
        stands=still_stands(decision, level=row.triage_level, proposed=proposed.values()),
    )


def _supplied(key: str, entry: Mapping[str, Any], advice: Mapping[str, Any] | None) -> Supplied:
    words = [entry.get("generic_name"), entry.get("strength"), entry.get("form")]
    listed = " ".join(str(word) for word in words if word) or key.replace("-", " ")
    name = str((advice or {}).get("name") or listed.capitalize())
    return Supplied(id=key, name=name, atc=str(entry.get("atc") or ""), advice=advice)


def _entries(row: Consultation) -> dict[str, Mapping[str, Any]]:
    if row.formulary_release is None:
        return {}
    return {
        each["id"]: each for each in formulary_selectors.snapshot_of(row.formulary_release)["medications"]
    }


def _decider(key: Any) -> Person | None:
    try:
        found = User.objects.filter(pk=uuid.UUID(str(key))).first()
    except ValueError:
        return None
    return _person(found) if found else None
