"""Who was there: the patient under a pseudonym, the pharmacist, the pharmacy, the encounter, the photos."""

from consultations.fhir.codes import (
    ACCOUNT,
    ACT_CODE,
    ALLERGY_CLINICAL,
    ALLERGY_VERIFICATION,
    LANGUAGE,
    LICENCE,
    MEDIA_KIND,
    OBSERVATION_VALUE,
    PREMISES,
    PRESENTATION,
    SHA256,
    URI,
    Json,
    coding,
    concept,
    instant,
    reference,
    resource_id,
    without_empty,
)
from consultations.fhir.record import Person, Picture, Record

PSEUDONYMOUS = {"security": [coding(OBSERVATION_VALUE, "PSEUDED", "pseudonymized")]}


def patient(record: Record) -> Json:
    """A person without a name or a birth date, one for each consultation: nothing here says that two
    consultations are about the same person. The age is an Observation."""
    spoken = [{"language": concept(coding(LANGUAGE, record.language))}] if record.language else []
    return without_empty(
        {
            "resourceType": "Patient",
            "id": resource_id(record.id, "Patient"),
            "meta": PSEUDONYMOUS,
            "active": True,
            "gender": record.sex or "unknown",
            "communication": spoken,
        }
    )


def practitioner(record: Record, person: Person) -> Json:
    """A person of the pharmacy, by the account under which they work."""
    identifiers: list[Json] = [{"system": ACCOUNT, "value": person.id}]
    if person.registration_number:
        identifiers.append({"type": concept(text="Registration"), "value": person.registration_number})
    return {
        "resourceType": "Practitioner",
        "id": resource_id(record.id, "Practitioner", person.id),
        "identifier": identifiers,
        "name": [{"text": person.name}],
    }


def organization(record: Record) -> Json:
    """The pharmacy."""
    place = record.premises
    return {
        "resourceType": "Organization",
        "id": resource_id(record.id, "Organization", place.id),
        "identifier": [
            {"system": PREMISES, "value": place.id},
            *([{"system": LICENCE, "value": place.licence_number}] if place.licence_number else []),
        ],
        "active": True,
        "name": place.name,
    }


def encounter(record: Record, patient: Json, practitioner: Json, organization: Json) -> Json:
    """The visit at the counter. Its identifier is the consultation's id in the API."""
    period = {"start": instant(record.created_at)}
    if record.closed_at is not None:
        period["end"] = instant(record.closed_at)
    return {
        "resourceType": "Encounter",
        "id": resource_id(record.id, "Encounter"),
        "identifier": [{"system": URI, "value": f"urn:uuid:{record.id}"}],
        "status": "finished" if record.closed else "in-progress",
        "class": coding(ACT_CODE, "AMB", "ambulatory"),
        "subject": reference(patient),
        "participant": [{"individual": reference(practitioner)}],
        "period": period,
        "reasonCode": [concept(coding(PRESENTATION, record.presentation.id, record.presentation.text))],
        "serviceProvider": reference(organization),
    }


def media(record: Record, picture: Picture, patient: Json, encounter: Json, operator: Json) -> Json:
    """A photo: where it can be fetched by who may, never the picture itself."""
    return {
        "resourceType": "Media",
        "id": resource_id(record.id, "Media", picture.id),
        "identifier": [
            {"system": URI, "value": f"urn:uuid:{picture.id}"},
            {"system": SHA256, "value": picture.sha256},
        ],
        "status": "completed",
        "type": concept(coding(MEDIA_KIND, "image", "Image")),
        "subject": reference(patient),
        "encounter": reference(encounter),
        "createdDateTime": instant(picture.created_at),
        "operator": reference(operator),
        "height": picture.height,
        "width": picture.width,
        "content": {
            "contentType": picture.media_type,
            "url": picture.url,
            "size": picture.bytes,
            "title": "Photo, upright and without metadata; fetched with a token of this service",
        },
    }


def allergies(record: Record, patient: Json, encounter: Json) -> list[Json]:
    """What the patient says they do not tolerate, in their words."""
    return [
        {
            "resourceType": "AllergyIntolerance",
            "id": resource_id(record.id, "AllergyIntolerance", text),
            "clinicalStatus": concept(coding(ALLERGY_CLINICAL, "active", "Active")),
            "verificationStatus": concept(coding(ALLERGY_VERIFICATION, "unconfirmed", "Unconfirmed")),
            "code": concept(text=text),
            "patient": reference(patient),
            "encounter": reference(encounter),
            "recordedDate": instant(record.created_at),
        }
        for text in dict.fromkeys(record.allergies)
    ]


def taken(record: Record, patient: Json, encounter: Json) -> list[Json]:
    """What the patient says they take, in their words."""
    return [
        {
            "resourceType": "MedicationStatement",
            "id": resource_id(record.id, "MedicationStatement", text),
            "status": "active",
            "medicationCodeableConcept": concept(text=text),
            "subject": reference(patient),
            "context": reference(encounter),
            "dateAsserted": instant(record.created_at),
            "informationSource": reference(patient),
        }
        for text in dict.fromkeys(record.current_medicines)
    ]
