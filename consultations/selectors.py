"""Reading cases: what a person may see, and what the answers and the admin are made of."""

import uuid
from typing import Any

from django.db.models import Count, F, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts import audit, policy
from accounts.models import User
from consultations.models import Analysis, Consultation, Photo, Status
from dermatech.core.errors import NotFound
from dermatech.core.prepared import Prepared, PreparedModel, Reader

_SNAPSHOTS = ("guidelines_release__snapshot", "formulary_release__snapshot")
_RELEASES = ("guidelines_release", "formulary_release")
_CONSULTATIONS = PreparedModel(Consultation, follow=("pharmacist", *_RELEASES), without=_SNAPSHOTS)
_ANALYSES = PreparedModel(
    Analysis, follow=(*_RELEASES, "model"), without=(*_SNAPSHOTS, "model__manifest", "model__checks")
)


def _visible(actor: User | None, model: type[Model]) -> Q:
    return Q() if actor is None else policy.scope(actor, policy.Verb.READ, model)


def consultation_for(actor: User | None, consultation_id: uuid.UUID) -> Consultation:
    """The consultation, if `actor` may see it. Raises NotFound, the same for a stranger's and for
    none; the attempt is recorded either way, so that both take the same time too."""
    found = _CONSULTATIONS.first(_visible(actor, Consultation) & Q(pk=consultation_id))
    if found is None:
        raise _missing(actor, "consultations.consultation", consultation_id)
    return found


def detailed(consultations: QuerySet[Consultation]) -> QuerySet[Consultation]:
    """What the detail names, in one query, without the large snapshots."""
    return consultations.select_related("pharmacist", *_RELEASES).defer(*_SNAPSHOTS)


def photo_for(actor: User | None, consultation_id: uuid.UUID, photo_id: uuid.UUID) -> Photo:
    """The photo of that consultation, if `actor` may see it. Raises NotFound."""
    found = Photo.objects.visible_to(actor).filter(pk=photo_id, consultation_id=consultation_id).first()
    if found is None:
        raise _missing(actor, "consultations.photo", photo_id)
    return found


def analysis_for(actor: User | None, analysis_id: uuid.UUID) -> Analysis:
    """The analysis, if `actor` may see its consultation. Raises NotFound."""
    found = _ANALYSES.first(_visible(actor, Analysis) & Q(pk=analysis_id))
    if found is None:
        raise _missing(actor, "consultations.analysis", analysis_id)
    return found


def _missing(actor: User | None, entity: str, entity_id: uuid.UUID) -> NotFound:
    audit.denied(actor=actor, action=audit.Action.ACCESS_DENIED, entity=(entity, str(entity_id)))
    return NotFound()


def latest_analysis(consultation: Consultation) -> Analysis | None:
    """The newest analysis of a consultation."""
    return _ANALYSES.first(Q(consultation_id=consultation.pk), order=("-created_at", "-id"))


def listed(actor: User, **filters: Any) -> Reader[Any]:
    """The rows of GET /consultations: one query, with the photos counted and the latest analysis."""
    asked = _visible(actor, Consultation) & Q(**filters)

    def read(where: Q, order: tuple[str, ...], limit: int) -> list[Any]:
        return _LISTED.rows(asked & where, order=order, limit=limit)

    return read


def _listed() -> QuerySet[Consultation, Any]:
    latest = Analysis.objects.filter(consultation=OuterRef("pk")).order_by("-created_at", "-id")
    photos = (
        Photo.objects.filter(consultation=OuterRef("pk"))
        .order_by()
        .values("consultation")
        .annotate(total=Count("pk"))
        .values("total")
    )
    return Consultation.objects.annotate(
        pharmacist_name=F("pharmacist__full_name"),
        is_provisional=F("triage__provisional"),
        decided=F("decision__action"),
        image_count=Coalesce(Subquery(photos), 0),
        analysis_id=Subquery(latest.values("pk")[:1]),
        analysis_status=Subquery(latest.values("status")[:1]),
        analysis_fence=Subquery(latest.values("fence")[:1]),
    ).values_list(
        "id", "client_reference", "created_at", "updated_at", "state", "closed_at", "pharmacist_id",
        "pharmacist_name", "age_months", "sex", "initials", "presentation", "triage_level", "is_provisional",
        "working_diagnosis", "decided", "version", "image_count", "analysis_id", "analysis_status",
        "analysis_fence",
    )  # fmt: skip


_LISTED = Prepared(_listed)


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
