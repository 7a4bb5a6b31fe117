"""What a worker does with one analysis: claim, look, think, write down. Twice does no harm."""

import logging
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError, transaction

from consultations import selectors
from consultations.models import Analysis, Consultation, Photo, Status
from consultations.services import analyses, examination, results, storage
from consultations.services.case import Case, case_of
from consultations.services.evaluation import Evaluation, evaluate
from consultations.services.keeping import keeping
from dermatech.core import context, counting
from dermatech.core.errors import DomainError, Unavailable

logger = logging.getLogger(__name__)

INTERNAL = "Something went wrong on our side while analysing; it was recorded."


def run_analysis(analysis_id: uuid.UUID) -> Status | None:
    """Do one analysis. Returns where it stands afterwards; None when there was nothing to do (done
    already, held by another worker, gone) or another worker took over meanwhile."""
    claim = analyses.claim(analysis_id)
    if claim is None:
        return None
    analysis = Analysis.objects.select_related("consultation", "submitted_by").get(pk=analysis_id)
    tally = counting.Tally()
    bound = context.bound(context.RequestContext(request_id=analysis.request_id))
    with bound, tally.timed(counting.STAGES, "whole"):
        status = _attempt(analysis, claim, tally)
    waited = (claim.started - analysis.created_at).total_seconds()
    if status == Status.SUCCEEDED:
        tally.observe(counting.STAGES, waited, "waiting")
    tally.count(counting.OUTCOMES, status.value if status else "interrupted")
    tally.send()
    return status


def _attempt(analysis: Analysis, claim: analyses.Claim, tally: counting.Tally) -> Status | None:
    try:
        with keeping(claim):
            _carry_out(analysis, claim, tally)
    except analyses.FenceLost:
        logger.warning("analysis %s was taken over by another worker", analysis.pk)
        return None
    except Unavailable as error:  # the store or the knowledge is away: another try may work
        return analyses.fail(claim, code=error.code, detail=error.detail, final=False)
    except DomainError as error:  # the case itself: another try gives the same
        return analyses.fail(claim, code=error.code, detail=error.detail, final=True)
    except SoftTimeLimitExceeded:
        logger.error("analysis %s took too long", analysis.pk)
        return analyses.fail(claim, code="time_limit", detail="The analysis took too long.", final=False)
    except (OperationalError, InterfaceError) as error:
        # The database is away: no fault of the case, and nothing that could be written down now. The lease
        # runs out, which counts as an interruption.
        logger.warning("analysis %s lost the database: %s", analysis.pk, type(error).__name__)
        return None
    except MemoryError:
        logger.error("analysis %s needed too much memory", analysis.pk)
        return analyses.fail(
            claim, code="out_of_memory", detail="The analysis needed too much memory.", final=False
        )
    except Exception:
        logger.exception("analysis %s failed", analysis.pk)
        return analyses.fail(claim, code="internal_error", detail=INTERNAL, final=False)
    return Status.SUCCEEDED


def _carry_out(analysis: Analysis, claim: analyses.Claim, tally: counting.Tally) -> None:
    """Everything slow happens outside any transaction; only the writing down is one."""
    consultation = analysis.consultation
    photos = list(analysis.photos.all())
    cadre = analysis.submitted_by.cadre if analysis.submitted_by else ""
    facts = case_of(consultation, cadre=cadre, evidence=None).model_facts
    with tally.timed(counting.STAGES, "looking"):
        looks = examination.look_at(
            photos,
            presentation=consultation.presentation,
            facts=facts,
            between=partial(analyses.renew, claim),
            tally=tally,
        )
    with tally.timed(counting.STAGES, "judging"):
        known = results.published()
        case = _case(consultation, looks, cadre=cadre, photos=photos)
        evaluation = evaluate(case, knowledge=known.knowledge, formulary=known.formulary)
    heatmap = _store_heatmap(analysis, claim, looks)
    try:
        with tally.timed(counting.STAGES, "writing"), transaction.atomic():
            _write(claim, case, evaluation, looks, known=known, heatmap=heatmap)
    except BaseException:
        storage.discard([heatmap] if heatmap else [])
        raise
    tally.count(counting.LEVELS, evaluation.level.value)
    if evaluation.assessment.get("abstained"):
        tally.count(counting.ABSTENTIONS)


def _case(
    consultation: Consultation,
    looks: Sequence[examination.Look],
    *,
    cadre: str,
    photos: Sequence[Photo],
) -> Case:
    """The case with the most suspicious of what models say now and have said before."""
    speaker = examination.telling(looks)
    spoken = [speaker.evidence if speaker else None, selectors.image_evidence(consultation)]
    evidence = max((e for e in spoken if e is not None), key=selectors.suspicion, default=None)
    return case_of(
        consultation, cadre=cadre, evidence=evidence, photos=tuple(photo.sha256_out for photo in photos)
    )


def _store_heatmap(analysis: Analysis, claim: analyses.Claim, looks: Sequence[examination.Look]) -> str:
    speaker = examination.telling(looks)
    picture = speaker.prediction.heatmap_png() if speaker and speaker.prediction else None
    if picture is None:
        return ""
    return storage.write(f"heatmaps/{analysis.pk}-{claim.fence}.png", picture)


def _write(
    claim: analyses.Claim,
    case: Case,
    evaluation: Evaluation,
    looks: Sequence[examination.Look],
    *,
    known: results.Published,
    heatmap: str,
) -> None:
    # The consultation first: whoever changes it holds the same lock, so nobody's change is lost.
    consultation = Consultation.objects.select_for_update().get(pk=claim.consultation_id)
    speaker = examination.telling(looks)
    used = speaker.prediction if speaker else None
    analysis = analyses.finish(
        claim,
        inputs=results.replayable(case, evaluation),
        evidence=speaker.evidence if speaker else None,
        result=_result(evaluation, looks, known=known),
        triage=dict(evaluation.triage),
        triage_level=evaluation.level.value,
        guidelines_release=known.guidelines,
        formulary_release=known.formulary_release,
        model_id=used.version_id if used else None,
        heatmap=heatmap,
    )
    for look in looks:
        Photo.objects.filter(pk=look.photo.pk).update(quality=look.quality)
    results.insert_recommendations(consultation, evaluation, analysis=analysis)
    # What people changed meanwhile is evaluated as it stands now, with what the image said.
    results.refresh(consultation, actor=None, cadre=case.cadre, known=known)
    consultation.version += 1
    consultation.save()


def _result(
    evaluation: Evaluation, looks: Sequence[examination.Look], *, known: results.Published
) -> dict[str, Any]:
    """The contract's answer, but for what the row itself says."""
    return {
        **examination.summary(looks),
        **evaluation.assessment,
        "recommended_for": evaluation.condition or None,
        "recommendations": [dict(row) for row in evaluation.proposed],
        "excluded": [dict(row) for row in evaluation.excluded],
        "unrecognised": list(evaluation.unrecognised),
        "no_antibiotic": evaluation.no_antibiotic,
        "household": evaluation.household,
        "message": evaluation.message,
        "disclaimer": results.disclaimer(known.guidelines, known.formulary_release),
    }
