"""Reading cases: what a person may see, and what the answers and the admin are made of."""

import uuid
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts import audit
from accounts.models import User
from consultations.models import Analysis, Consultation, Photo, Status
from dermatech.core.errors import NotFound


def consultation_for(actor: User | None, consultation_id: uuid.UUID) -> Consultation:
    """The consultation, if `actor` may see it. Raises NotFound, the same for a stranger's and for
    none; the attempt is recorded either way, so that both take the same time too."""
    found = detailed(Consultation.objects.visible_to(actor)).filter(pk=consultation_id).first()
    if found is None:
        raise _missing(actor, "consultations.consultation", consultation_id)
    return found


def detailed(consultations: QuerySet[Consultation]) -> QuerySet[Consultation]:
    """What the detail names, in one query, without the large snapshots."""
    return consultations.select_related("pharmacist", "guidelines_release", "formulary_release").defer(
        "guidelines_release__snapshot", "formulary_release__snapshot"
    )


def photo_for(actor: User | None, consultation_id: uuid.UUID, photo_id: uuid.UUID) -> Photo:
    """The photo of that consultation, if `actor` may see it. Raises NotFound."""
    found = Photo.objects.visible_to(actor).filter(pk=photo_id, consultation_id=consultation_id).first()
    if found is None:
        raise _missing(actor, "consultations.photo", photo_id)
    return found


def analysis_for(actor: User | None, analysis_id: uuid.UUID) -> Analysis:
    """The analysis, if `actor` may see its consultation. Raises NotFound."""
    found = with_releases(Analysis.objects.visible_to(actor)).filter(pk=analysis_id).first()
    if found is None:
        raise _missing(actor, "consultations.analysis", analysis_id)
    return found


def _missing(actor: User | None, entity: str, entity_id: uuid.UUID) -> NotFound:
    audit.denied(actor=actor, action=audit.Action.ACCESS_DENIED, entity=(entity, str(entity_id)))
    return NotFound()


def with_releases(analyses: QuerySet[Analysis]) -> QuerySet[Analysis]:
    """What an answer about an analysis names, in one query."""
    return analyses.select_related("guidelines_release", "formulary_release", "model").defer(
        "guidelines_release__snapshot", "formulary_release__snapshot", "model__manifest", "model__checks"
    )


def latest_analysis(consultation: Consultation) -> Analysis | None:
    """The newest analysis of a consultation."""
    return with_releases(consultation.analyses.all()).order_by("-created_at", "-id").first()


def listed(actor: User, **filters: Any) -> QuerySet[Consultation]:
    """The rows of GET /consultations: one query, with the photos counted and the latest analysis."""
    latest = Analysis.objects.filter(consultation=OuterRef("pk")).order_by("-created_at", "-id")
    photos = (
        Photo.objects.filter(consultation=OuterRef("pk"))
        .order_by()
        .values("consultation")
        .annotate(total=Count("pk"))
        .values("total")
    )
    return (
        Consultation.objects.visible_to(actor)
        .filter(**filters)
        .select_related("pharmacist")
        .defer("notes", "facts", "assessment", "findings_present", "findings_absent")
        .annotate(
            image_count=Coalesce(Subquery(photos), 0),
            analysis_id=Subquery(latest.values("pk")[:1]),
            analysis_status=Subquery(latest.values("status")[:1]),
            analysis_fence=Subquery(latest.values("fence")[:1]),
        )
    )


def etag(consultation: Consultation, analysis: Analysis | None) -> str:
    """The version of the detail, which shows the latest analysis as well."""
    if analysis is None:
        return etag_of(consultation.version)
    return etag_of(consultation.version, analysis.pk, analysis.status, analysis.fence)


def etag_of(
    version: int, analysis_id: uuid.UUID | None = None, status: str | None = None, fence: int | None = None
) -> str:
    """`<version>` alone, or with the latest analysis and its state: `7-running-1-3f6e2d10`."""
    return str(version) if analysis_id is None else f"{version}-{status}-{fence}-{str(analysis_id)[-8:]}"


def analysis_etag(analysis: Analysis) -> str:
    """A finished analysis never changes again; a retry by a person moves the fence."""
    return f"{analysis.status}-{analysis.fence}"


def image_evidence(consultation: Consultation) -> dict[str, Any] | None:
    """What image models have said of this patient, the most suspicious first: later photos or
    changed facts never make an earlier warning disappear. None when no model spoke."""
    rows = (
        consultation.analyses.filter(status=Status.SUCCEEDED, evidence__isnull=False)
        .order_by("-created_at", "-id")
        .values_list("evidence", flat=True)
    )
    spoken: list[dict[str, Any]] = [evidence for evidence in rows if evidence]
    return max(spoken, key=suspicion, default=None)


def suspicion(evidence: dict[str, Any]) -> tuple[bool, float]:
    """Order of image evidence: a raised flag first, then the score."""
    return bool(evidence.get("flag")), float(evidence.get("suspicious_score") or 0.0)
