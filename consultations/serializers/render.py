"""Rows as the contract's JSON. `outputs` declares the same shapes for the OpenAPI document."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse

from consultations import selectors
from consultations.models import Analysis, Consultation, Photo, Recommendation, Review, Status
from consultations.services.results import disclaimer

# What an analysis shows before there is a result.
_EMPTY: dict[str, Any] = {
    "image_quality": None,
    "image_note": None,
    "conditions": [],
    "abstained": None,
    "abstain_reason": None,
    "next_question": None,
    "suspicious_lesion": None,
    "model": None,
    "recommended_for": None,
    "recommendations": [],
    "excluded": [],
    "unrecognised": [],
    "no_antibiotic": None,
    "household": None,
    "message": None,
    "disclaimer": None,
}
_ASSESSMENT = (
    "conditions",
    "abstained",
    "abstain_reason",
    "next_question",
    "recommended_for",
    "no_antibiotic",
    "household",
    "message",
)


def moment(value: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return None if value is None else value.isoformat().replace("+00:00", "Z")


def photo(row: Photo) -> dict[str, Any]:
    """One of `images[]`."""
    url = reverse("consultation-image", args=[row.consultation_id, row.pk])
    return {
        "id": str(row.pk),
        "url": url,
        "thumbnail_url": f"{url}?size=thumbnail",
        "width": row.width,
        "height": row.height,
        "bytes": row.bytes,
        "format": row.format,
        "ssim": row.ssim,
        "ssim_full": row.ssim_full,
        "quality": row.quality,
        "sha256": row.sha256_out,
        "created_at": moment(row.created_at),
    }


def analysis(row: Analysis) -> dict[str, Any]:
    """GET /analysis/{id}."""
    failed = row.status == Status.FAILED
    result = (row.result or _EMPTY) if row.status == Status.SUCCEEDED else _EMPTY
    return {
        "id": str(row.pk),
        "consultation": str(row.consultation_id),
        "status": row.status,
        "created_at": moment(row.created_at),
        "finished_at": moment(row.finished_at),
        "duration_ms": row.duration_ms,
        "error": {"code": row.error_code, "detail": row.error_detail} if failed else None,
        **{name: result.get(name) for name in _EMPTY},
        "triage": row.triage if row.status == Status.SUCCEEDED else None,
        "heatmap": reverse("analysis-heatmap", args=[row.pk]) if row.heatmap else None,
        "releases": {
            "guidelines": row.guidelines_release.as_dict() if row.guidelines_release else None,
            "formulary": row.formulary_release.as_dict() if row.formulary_release else None,
            "model": result.get("model"),
        },
    }


def consultation(
    row: Consultation,
    *,
    photos: Sequence[Photo],
    latest: Analysis | None,
    recommendations: Sequence[Recommendation],
    reviews: Sequence[Review] = (),
) -> dict[str, Any]:
    """GET /consultations/{id}: what was sent, and what is known now."""
    return {
        **_identity(row, full_name=row.pharmacist.full_name),
        "patient": _patient(row),
        "consent": {
            "photo": row.consent_photo,
            "data_use": row.consent_data_use,
            "given_by": row.consent_given_by or None,
            "language": row.consent_language or None,
        },
        "presentation": row.presentation,
        "facts": row.facts,
        "findings": {"present": row.findings_present, "absent": row.findings_absent},
        "working_diagnosis": row.working_diagnosis or None,
        "notes": row.notes,
        "decision": _decision(row.decision),
        "outcome": row.outcome,
        "images": [photo(each) for each in photos],
        "analysis": analysis(latest) if latest else None,
        "triage": row.triage,
        **{name: row.assessment.get(name) for name in _ASSESSMENT},
        "unrecognised": row.assessment.get("unrecognised", []),
        "recommendations": [each.payload for each in recommendations if each.proposed],
        "excluded": [each.payload for each in recommendations if not each.proposed],
        "reviews": [review(each) for each in reviews],
        "releases": {
            "guidelines": row.guidelines_release.as_dict(),
            "formulary": row.formulary_release.as_dict() if row.formulary_release else None,
            "model": latest.result.get("model") if latest and latest.result else None,
        },
        "disclaimer": disclaimer(row.guidelines_release, row.formulary_release),
        "etag": selectors.etag(row, latest),
    }


def review(row: Review) -> dict[str, Any]:
    """One of `reviews[]`: what a supervisor thinks, and teaches."""
    return {
        "id": str(row.pk),
        "reviewer": {"id": str(row.reviewer_id), "full_name": row.reviewer.full_name},
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "diagnosis": row.diagnosis,
        "right_diagnosis": row.right_diagnosis or None,
        "level": row.level,
        "right_level": row.right_level or None,
        "medicine": row.medicine,
        "comment": row.comment,
    }


def list_row(row: Any) -> dict[str, Any]:
    """One of GET /consultations: enough to recognise it. `row` comes from `selectors.listed`."""
    analysis = {"id": str(row.analysis_id), "status": row.analysis_status} if row.analysis_id else None
    return {
        **_identity(row, full_name=row.pharmacist_name),
        "patient": {"age_months": row.age_months, "sex": row.sex or None, "initials": row.initials},
        "presentation": row.presentation,
        "triage_level": row.triage_level,
        "provisional": bool(row.is_provisional),
        "working_diagnosis": row.working_diagnosis or None,
        "decision": row.decided,
        "images": row.image_count,
        "analysis": analysis,
        "etag": selectors.etag_of(row.version, row.analysis_id, row.analysis_status, row.analysis_fence),
    }


def _decision(stored: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """As the phone shows it; what it rests on stays here."""
    return {name: value for name, value in stored.items() if name != "basis"} if stored else None


def _identity(row: Any, *, full_name: str) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "client_reference": row.client_reference or None,
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "state": row.state,
        "closed_at": moment(row.closed_at),
        "pharmacist": {"id": str(row.pharmacist_id), "full_name": full_name},
    }


def _patient(row: Consultation) -> dict[str, Any]:
    weight = row.weight_kg
    return {
        "age_months": row.age_months,
        "sex": row.sex or None,
        "weight_kg": None if weight is None else float(weight),
        "pregnant": row.pregnant,
        "breastfeeding": row.breastfeeding,
        "allergies": row.allergies,
        "current_medicines": row.current_medicines,
        "conditions": row.conditions,
        "initials": row.initials,
    }
