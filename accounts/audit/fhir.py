"""An event of the log as a FHIR R4 AuditEvent: a pure mapping of its canonical JSON.

The proof stays with `events.jsonl`, whose bytes were hashed; this is the same for who reads FHIR.
"""

from collections.abc import Mapping
from typing import Any, Final

MEDIA_TYPE: Final = "application/fhir+ndjson"
_DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_OWN: Final = "urn:dermatech:codesystem:"
_REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_SOURCE_TYPE: Final = "http://terminology.hl7.org/CodeSystem/security-source-type"
_ENTITY_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ENTITY_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_IP_ADDRESS: Final = "2"

# Of the value set http://hl7.org/fhir/R4/valueset-audit-event-type.html, by what an action is about.
_APPLICATION: Final = ("110100", "Application Activity")
_PATIENT: Final = ("110110", "Patient Record")
_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "auth": ("110114", "User Authentication"),
    "session": ("110114", "User Authentication"),
    "access": ("110113", "Security Alert"),
    "account": ("110137", "User Security Attributes Changed"),
    "premises": ("110137", "User Security Attributes Changed"),
    "consultation": _PATIENT,
    "photo": _PATIENT,
    "analysis": _PATIENT,
    "heatmap": _PATIENT,
    "recommendation": _PATIENT,
    "decision": _PATIENT,
    "report": _PATIENT,
    "audit": ("110101", "Audit Log Used"),
    "finding": ("110101", "Audit Log Used"),
    "emergency_access": ("110101", "Audit Log Used"),
    # Single actions before all others of their kind.
    "emergency_access.opened": ("110127", "Emergency Override Started"),
    "emergency_access.ended": ("110138", "Emergency Override Stopped"),
    "audit.exported": ("110106", "Export"),
    "audit.downloaded": ("110106", "Export"),
}

Json = dict[str, Any]


def audit_event(event: Mapping[str, Any]) -> Json:
    """The AuditEvent of one event, with the event's own id."""
    action = event["action"]
    code, display = _TYPES.get(action) or _TYPES.get(action.partition(".")[0], _APPLICATION)
    resource: Json = {
        "resourceType": "AuditEvent",
        "id": event["id"],
        "type": {"system": _DICOM, "code": code, "display": display},
        "subtype": [{"system": f"{_OWN}audit-action", "code": action}],
        "action": event["fhir"],
        "recorded": event["recorded_at"],
        "outcome": {"success": "0", "denied": "4", "failed": "8"}[event["outcome"]],
        "purposeOfEvent": [{"coding": [{"system": _REASON, "code": event["purpose"]}]}],
        "agent": [_agent(event["agent"])],
        "source": {
            "observer": {"display": "DermaTech Ghana"},
            "type": [{"system": _SOURCE_TYPE, "code": "4", "display": "Application Server"}],
        },
    }
    if entities := list(_entities(event)):
        resource["entity"] = entities
    return resource


def _agent(agent: Mapping[str, Any]) -> Json:
    made: Json = {
        "role": [{"coding": [{"system": f"{_OWN}role", "code": agent["role"]}]}],
        "name": agent["name"],
        "requestor": True,
    }
    if agent["id"]:
        made["who"] = {
            "identifier": {"system": "urn:dermatech:account", "value": agent["id"]},
            "display": agent["name"],
        }
    if agent["address"]:
        made["network"] = {"address": agent["address"], "type": _IP_ADDRESS}
    return made


def _entities(event: Mapping[str, Any]) -> list[Json]:
    """What it was done to, with what is said of it, and whose record it was."""
    made = []
    details = _details(event)
    what = event["entity"]
    if what or details:
        entity: Json = {"type": {"system": _ENTITY_TYPE, "code": "2", "display": "System Object"}}
        if what:
            pointed = {"system": f"urn:dermatech:{what['type']}", "value": what["id"]}
            # An event about a kind of thing, as a list that was read, names no single one.
            entity["what"] = {"identifier": pointed} if what["id"] else {"display": what["type"]}
        if details:
            entity["detail"] = details
        made.append(entity)
    if event["patient"]:
        made.append(
            {
                "what": {
                    "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{event['patient']}"}
                },
                "type": {"system": _ENTITY_TYPE, "code": "1", "display": "Person"},
                "role": {"system": _ENTITY_ROLE, "code": "1", "display": "Patient"},
            }
        )
    return made


def _details(event: Mapping[str, Any]) -> list[Json]:
    """The plain details, and for each changed field its salted commitment."""
    said = {**event["detail"], **({"request_id": event["request_id"]} if event["request_id"] else {})}
    found = [(name, _text(value)) for name, value in said.items()]
    found += [(f"changed:{name}", str(commitment)) for name, commitment in event["changes"].items()]
    return [{"type": name, "valueString": text} for name, text in found if text.strip()]


def _text(value: str | int | bool | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
