"""The requests of the collection, in the order in which they run: a day at the counter.

Every operation of the document has at least one. Words in double braces are variables of the collection;
`keep` fills them from an answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One request. `example` names the request example of the document, `change` replaces parts of it."""

    operation: str
    title: str
    status: int
    example: str = ""
    change: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[str, str] = field(default_factory=dict)
    """Variable -> where its value stands in the answer: a dotted path, or `header:Name`."""
    expect: Mapping[str, Any] = field(default_factory=dict)
    """Dotted path in the answer -> value."""
    photo: bool = False
    signed_in: bool = True


@dataclass(frozen=True, slots=True)
class Folder:
    """Steps that belong together."""

    title: str
    steps: tuple[Step, ...]


_NOBODY = "01890a5d-0000-7000-8000-000000000000"
_THIS = {"consultation_id": "{{consultation_id}}"}
_TUS = {"Tus-Resumable": "1.0.0"}
# The id of nobody in Base64, as tus writes metadata.
_FOR_NOBODY = "consultation MDE4OTBhNWQtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAw"

FOLDERS: tuple[Folder, ...] = (
    Folder(
        "Health",
        (
            Step("health_live", "Alive", 200, signed_in=False, expect={"status": "ok"}),
            Step("health_ready", "Ready, each part", 200, signed_in=False),
        ),
    ),
    Folder(
        "Signing in",
        (
            Step(
                "auth_login", "Wrong password", 401, "SignIn", signed_in=False,
                change={"email": "{{email}}", "password": "not the password"},
                expect={"code": "invalid_credentials"},
            ),
            Step(
                "auth_login", "Sign in", 200, "SignIn", signed_in=False,
                change={"email": "{{email}}", "password": "{{password}}"},
                keep={"access": "access", "refresh": "refresh"},
            ),
            Step(
                "auth_refresh", "A new pair of tokens", 200, "Refresh", signed_in=False,
                change={"refresh": "{{refresh}}"}, keep={"access": "access", "refresh": "refresh"},
            ),
            Step("auth_me", "Who am I", 200, keep={"me_etag": "header:ETag"}, expect={"email": "{{email}}"}),
            Step("auth_me", "Nothing new about me", 304, headers={"If-None-Match": "{{me_etag}}"}),
            Step("auth_me", "Without a token", 401, signed_in=False, expect={"code": "not_authenticated"}),
            Step("auth_me_update", "From a stale copy", 412, "NewNumber", headers={"If-Match": '"stale"'}),
            Step("auth_me_update", "My new number", 200, "NewNumber"),
            Step("auth_sessions", "My devices", 200, keep={"session_id": "results.0.id"}),
        ),
    ),
    Folder(
        "Published knowledge",
        (
            Step("triage_guidelines", "Rules", 200, keep={"rules_etag": "header:ETag"}),
            Step("triage_guidelines", "Same rules", 304, headers={"If-None-Match": "{{rules_etag}}"}),
            Step("triage_conditions", "Conditions", 200),
            Step("triage_findings", "Findings", 200),
            Step("triage_assess", "Triage without keeping", 200, "AChildWithARingOnTheTrunk"),
            Step("medications_list", "Creams", 200, query={"form": "cream", "page_size": "5"},
                 keep={"medication_id": "results.0.id"}),
            Step("medications_list", "A filter that is not known", 400, query={"colour": "red"}),
            Step("medications_read", "One medicine", 200, path={"medication_id": "{{medication_id}}"}),
            Step("medications_read", "No such medicine", 404, path={"medication_id": "moonshine"}),
            Step("medications_search", "Found in spite of the spelling", 200, query={"q": "clotrimasole"},
                 expect={"results.0.id": "clotrimazole-1-cream"}),
            Step("sync_bundle", "Everything for offline use", 200, keep={"bundle": "release"}),
            Step("sync_bundle", "What changed since", 200, query={"since": "{{bundle}}"},
                 expect={"kind": "delta"}),
            Step("sync_phrases", "Sentences of safety in Hausa", 200,
                 headers={"Accept-Language": "ha, en;q=0.5"}, expect={"language": "ha", "fallback": True}),
        ),
    ),
    Folder(
        "A consultation",
        (
            Step(
                "consultations_create", "Open it", 201, "ARingOnTheTrunk",
                headers={"Idempotency-Key": "{{$guid}}"}, change={"client_reference": "{{$guid}}"},
                keep={"consultation_id": "id", "etag": "header:ETag", "reference": "client_reference"},
            ),
            Step("consultations_create", "A field that is not known", 400, "ARingOnTheTrunk",
                 change={"colour": "red"}, expect={"errors.0.code": "unknown_field"}),
            Step("consultations_list", "The newest", 200, query={"page_size": "5"},
                 expect={"results.0.id": "{{consultation_id}}"}),
            Step("consultations_read", "One", 200, path=_THIS),
            Step("consultations_read", "One that is not there", 404, path={"consultation_id": _NOBODY}),
            Step("consultation_images_create", "Add a photo", 201, "APhoto", path=_THIS, photo=True,
                 keep={"image_id": "id"}),
            Step("consultation_images_read", "The safe copy", 200,
                 path={**_THIS, "image_id": "{{image_id}}"}),
            Step("uploads_create", "A photo in parts, for no consultation of mine", 404,
                 headers={**_TUS, "Upload-Length": "287412", "Upload-Metadata": _FOR_NOBODY}),
            Step("uploads_read", "No such upload", 404, path={"upload_id": _NOBODY}),
            Step("uploads_append", "Bytes of no upload", 415, path={"upload_id": _NOBODY}, headers=_TUS,
                 expect={"code": "unsupported_media_type"}),
            Step("uploads_append", "In no version of tus", 412, path={"upload_id": _NOBODY},
                 expect={"code": "tus_version"}),
            Step("uploads_end", "End no upload", 404, path={"upload_id": _NOBODY}, headers=_TUS),
            Step("analysis_skin_create", "Analyse that photo", 202, "APhotoThatIsThereAlready",
                 change={"consultation": "{{consultation_id}}", "image": "{{image_id}}"},
                 keep={"analysis_id": "id"}),
            Step("analysis_read", "Wait for the answer", 200, path={"analysis_id": "{{analysis_id}}"},
                 headers={"Prefer": "wait=20"}, expect={"status": "succeeded"}),
            Step("analysis_heatmap_read", "No model, no heat map", 404,
                 path={"analysis_id": "{{analysis_id}}"}),
            Step("consultations_replace", "Everything again", 200, "EverythingAgain", path=_THIS,
                 change={"client_reference": "{{reference}}"}),
            Step("consultations_update", "Diagnosis and decision", 200, "ADiagnosisAndADecision", path=_THIS),
            Step("consultation_fhir_read", "As FHIR, for another system", 200, path=_THIS,
                 expect={"resourceType": "Bundle"}),
            Step("consultation_leaflet_read", "The patient's leaflet", 200, path=_THIS),
            Step("consultation_referral_letter_read", "Nobody was referred", 409, path=_THIS,
                 expect={"code": "not_referred"}),
            Step("consultations_update", "From a stale copy", 412, "ClosingIt", path=_THIS,
                 headers={"If-Match": "{{etag}}"}),
            Step("consultations_update", "Close it", 200, "ClosingIt", path=_THIS),
            Step("consultations_update", "Too late", 409, "ClosingIt", path=_THIS,
                 expect={"code": "consultation_closed"}),
        ),
    ),
    Folder(
        "Accounts",
        (
            Step("auth_register", "A registration", 202, "APharmacist", signed_in=False,
                 change={"email": "{{$guid}}@example.org"}, expect={"code": "registration_received"}),
            Step("auth_password_reset", "Forgotten password", 202, "Forgotten", signed_in=False,
                 change={"email": "nobody-{{$guid}}@example.org"}),
            Step("auth_password_reset_confirm", "A letter that is not valid", 400, "NewPassword",
                 signed_in=False),
            Step("auth_confirm_email", "A code that is not valid", 400, "TheCodeOfTheLetter",
                 signed_in=False),
            Step("auth_register_answer", "Nobody's answer", 401, "ACorrectedNumber", signed_in=False,
                 change={"email": "nobody-{{$guid}}@example.org"}),
            Step("auth_session_end", "A device that is not mine", 404, path={"session_id": _NOBODY}),
            Step("auth_logout", "Sign out", 204, "SignOut", change={"refresh": "{{refresh}}"}),
            Step("auth_refresh", "Signed out for good", 401, "Refresh", signed_in=False,
                 change={"refresh": "{{refresh}}"}),
        ),
    ),
    Folder(
        "An auditor",
        (
            Step(
                "auth_login", "Sign in as auditor", 200, "SignIn", signed_in=False,
                change={"email": "{{auditor_email}}", "password": "{{auditor_password}}"},
                keep={"access": "access", "refresh": "refresh"},
            ),
            Step("consultations_list", "No patients for auditors", 403),
            Step("audit_export_request", "Ask for an export", 202, "January", keep={"export_id": "id"}),
            Step("audit_export", "How far it is", 200, path={"export_id": "{{export_id}}"}),
            Step("audit_exports", "My exports", 200, expect={"results.0.id": "{{export_id}}"}),
            Step("audit_export_fhir", "None of that either", 404, path={"export_id": _NOBODY}),
            Step("audit_export_file", "One that is not there", 404, path={"export_id": _NOBODY}),
        ),
    ),
)  # fmt: skip
