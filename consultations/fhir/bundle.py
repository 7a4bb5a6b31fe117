"""The whole: every resource of a consultation in a Bundle of type collection, and where it came from."""

from collections.abc import Iterator

from consultations.fhir import assessments, observations, people
from consultations.fhir.codes import (
    PROVENANCE_AGENT,
    URI,
    Json,
    coding,
    concept,
    instant,
    reference,
    references,
    resource_id,
)
from consultations.fhir.record import Record

SYSTEM = "DermaTech Ghana"


def bundle(record: Record) -> Json:
    """The consultation as FHIR R4. The same record always gives the same bundle."""
    resources = list(_resources(record))
    return {
        "resourceType": "Bundle",
        "id": resource_id(record.id, "Bundle"),
        "meta": {"lastUpdated": instant(record.updated_at), **people.PSEUDONYMOUS},
        "identifier": {"system": URI, "value": f"urn:uuid:{record.id}"},
        "type": "collection",
        "timestamp": instant(record.updated_at),
        "entry": [{"fullUrl": f"urn:uuid:{each['id']}", "resource": each} for each in resources],
    }


def _resources(record: Record) -> Iterator[Json]:
    patient = people.patient(record)
    staff = _staff(record)
    pharmacist, organization = staff[record.pharmacist.id], people.organization(record)
    visit = people.encounter(record, patient, pharmacist, organization)
    system = _device(record)
    photos = [people.media(record, each, patient, visit, pharmacist) for each in record.photos]
    seen = [*observations.facts(record, patient, visit), *observations.findings(record, patient, visit)]
    yield from (patient, *staff.values(), organization, visit, system, *photos)
    if record.suspicion is not None:
        model = _model(record, record.suspicion.model, record.suspicion.version)
        score = observations.suspicion(record, record.suspicion, patient, visit, photos, model)
        seen.append(score)
        yield model
    yield from seen
    yield from people.allergies(record, patient, visit)
    yield from people.taken(record, patient, visit)
    yield from assessments.reported(record, patient, visit)
    thought = None
    if record.diagnosis is not None:
        thought = assessments.diagnosis(record, record.diagnosis, patient, visit, pharmacist)
        yield thought
    judged = [assessments.triage(record, patient, visit, system, seen)]
    if record.ranked or record.abstained:
        judged.append(assessments.differential(record, patient, visit, system, [*seen, *photos]))
    yield from judged
    decided = _decided(record, staff, patient, visit, thought)
    yield from decided
    yield _provenance(record, [visit, *judged, *decided], pharmacist, organization, system)


def _staff(record: Record) -> dict[str, Json]:
    """Who opened the consultation, and who decided when that was somebody else."""
    who = {record.pharmacist.id: record.pharmacist}
    if record.decision is not None:
        who.setdefault(record.decision.decided_by.id, record.decision.decided_by)
    return {key: people.practitioner(record, person) for key, person in who.items()}


def _decided(
    record: Record, staff: dict[str, Json], patient: Json, visit: Json, thought: Json | None
) -> list[Json]:
    decision = record.decision
    if decision is None:
        return []
    decider = staff[decision.decided_by.id]
    if decision.action == "refer":
        return [assessments.referral(record, decision, patient, visit, decider, thought)]
    return assessments.supplied(record, decision, patient, visit, decider, thought)


def _device(record: Record) -> Json:
    """This service, with the releases of knowledge that it judged by."""
    versions = [("guidelines", record.guidelines), ("formulary", record.formulary)]
    return {
        "resourceType": "Device",
        "id": resource_id(record.id, "Device"),
        "deviceName": [{"name": SYSTEM, "type": "user-friendly-name"}],
        "type": concept(text="Decision support software"),
        "version": [{"type": concept(text=kind), "value": label} for kind, label in versions if label],
    }


def _model(record: Record, name: str, version: str) -> Json:
    """The image model that looked at the photos."""
    return {
        "resourceType": "Device",
        "id": resource_id(record.id, "Device", f"{name}/{version}"),
        "deviceName": [{"name": name, "type": "model-name"}],
        "type": concept(text="Image model"),
        "version": [{"value": version}],
    }


def _provenance(record: Record, targets: list[Json], author: Json, organization: Json, system: Json) -> Json:
    """Who answers for it: the pharmacist for the record, the service for what it worked out."""
    on_behalf = {"onBehalfOf": reference(organization)}
    return {
        "resourceType": "Provenance",
        "id": resource_id(record.id, "Provenance", str(record.version)),
        "target": references(targets),
        "recorded": instant(record.updated_at),
        "agent": [
            {
                "type": concept(coding(PROVENANCE_AGENT, "author", "Author")),
                "who": reference(author),
                **on_behalf,
            },
            {"type": concept(coding(PROVENANCE_AGENT, "assembler", "Assembler")), "who": reference(system)},
        ],
    }
