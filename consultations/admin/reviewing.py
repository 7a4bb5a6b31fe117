"""The review queue, a case as the reviewer works on it, and the board of agreement."""

import secrets
import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from accounts import audit, policy
from accounts.admin.decorators import action, display
from accounts.policy import Permission
from consultations import selectors as cases
from consultations.admin import record
from consultations.admin.base import CaseAdmin, actor_of, case_link, record_list
from consultations.models import (
    OTHER_DIAGNOSIS,
    Analysis,
    Consultation,
    Recommendation,
    Review,
    TriageLevel,
    Verdict,
)
from consultations.reviewing import selectors, services
from dermatech.core.errors import DomainError, NotFound
from triage.models import Condition
from triage.selectors import knowledge_of

_VERDICT_COLOURS = {Verdict.AGREE: "success", Verdict.DISAGREE: "danger", Verdict.UNSURE: "info"}
_DASH = "\N{EN DASH}"
# What the reviewer is asked, with the key that turns it over.
_QUESTIONS = (
    ("diagnosis", "Diagnosis", "The pharmacist's working diagnosis", "d"),
    ("level", "Level", "How urgent the system held it to be", "l"),
    ("medicine", "Medicine", "What was done for the patient", "m"),
)


@admin.register(Review)
class ReviewAdmin(CaseAdmin):
    """Reviews that were given. The queue is where they are made."""

    read_action = audit.Action.CONSULTATION_READ
    when_empty = "Nobody has reviewed a case yet. Open the review queue and take the first one."
    list_display = ("created_at", "case", "reviewer", "on_diagnosis", "on_level", "on_medicine")
    list_filter = ("diagnosis", "level", "medicine", "reviewer", "created_at")
    search_fields = ("consultation__id",)
    search_help_text = "Id of the consultation"
    list_select_related = ("reviewer", "consultation")
    deferred = ("consultation__notes", "consultation__initials", "consultation__assessment", "comment")
    actions_list = ("open_queue", "open_board")
    fieldsets = (
        (
            "Review",
            {
                "fields": (
                    ("consultation", "reviewer"),
                    ("diagnosis", "right_diagnosis"),
                    ("level", "right_level"),
                    "medicine",
                    "comment",
                    ("created_at", "updated_at"),
                ),
                "description": "What a supervisor thinks of the case as it stood then. The pharmacist reads "
                "it in the app.",
            },
        ),
        (
            "What was looked at",
            {
                "fields": (("seen_diagnosis", "seen_level"), "seen_version"),
                "description": "Agreement is counted on this, whatever was changed since.",
            },
        ),
    )

    @display(description="case")
    def case(self, row: Review) -> SafeString:
        return case_link(row.consultation_id)

    @display(description="diagnosis", label=_VERDICT_COLOURS)
    def on_diagnosis(self, row: Review) -> tuple[str, str]:
        return row.diagnosis, row.get_diagnosis_display()

    @display(description="level", label=_VERDICT_COLOURS)
    def on_level(self, row: Review) -> tuple[str, str]:
        return row.level, row.get_level_display()

    @display(description="medicine", label=_VERDICT_COLOURS)
    def on_medicine(self, row: Review) -> tuple[str, str]:
        return row.medicine, row.get_medicine_display()

    @action(description="Review queue", url_path="to-queue")
    def open_queue(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:consultations_review_queue"))

    @action(description="Agreement", url_path="to-board")
    def open_board(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:consultations_review_board"))

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site.admin_view
        own = [
            path("queue/", site(self.queue), name="consultations_review_queue"),
            path("case/<uuid:consultation_id>/", site(self.case_page), name="consultations_review_case"),
            path("board/", site(self.board), name="consultations_review_board"),
        ]
        return [*own, *super().get_urls()]

    # --- the queue -----------------------------------------------------------------------------
    def queue(self, request: HttpRequest) -> HttpResponse:
        """What to look at next, by risk or drawn at random."""
        self._require(request)
        where = _where(request)
        number = max(1, int(request.GET["p"])) if request.GET.get("p", "").isdigit() else 1
        rows = selectors.queue(actor_of(request), **where)
        shown, more = selectors.page_of(rows, number)
        record_list(request, [row.pk for row in shown])
        for row in shown:
            row.__dict__["short"] = str(row.pk)[-8:]
            row.__dict__["level_class"] = row.triage_level.replace("_", "-")
        return self._page(
            request, "queue", "Review queue",
            rows=shown, where=where, link=urlencode(where), number=number,
            more=urlencode({**where, "p": number + 1}) if more else "",
            less=urlencode({**where, "p": number - 1}) if number > 1 else "",
            another_seed=secrets.token_hex(3), days=selectors.DAYS,
            may_review=policy.allows(actor_of(request), Permission.CONSULTATION_REVIEW),
        )  # fmt: skip

    # --- one case ------------------------------------------------------------------------------
    def case_page(self, request: HttpRequest, consultation_id: uuid.UUID) -> HttpResponse:
        """The case, and the judgement where one is sent."""
        self._require(request)
        actor = actor_of(request)
        try:
            row = cases.consultation_for(actor, consultation_id)
        except NotFound as error:
            raise Http404 from error
        said, errors = services.Judgement("", "", ""), {}
        if request.method == "POST":
            said = _judgement(request)
            try:
                services.record_review(actor=actor, consultation_id=row.pk, judgement=said)
            except DomainError as refused:
                if refused.status == 403:
                    raise PermissionDenied(refused.detail) from refused
                errors = {each.field: each.message for each in refused.errors} or {"": refused.detail}
            else:
                messages.success(request, "Your review was kept; the pharmacist gets it with the case.")
                return self._next(request, row)
        else:
            with transaction.atomic():
                audit.record(
                    actor=actor, action=audit.Action.CONSULTATION_READ, entity=row, patient=row.pk,
                    purpose=audit.Purpose.QUALITY,
                )  # fmt: skip
        return self._show_case(request, row, said, errors)

    def _show_case(
        self, request: HttpRequest, row: Consultation, said: services.Judgement, errors: dict[str, str]
    ) -> HttpResponse:
        actor = actor_of(request)
        knowledge = knowledge_of(row.guidelines_release)
        latest = cases.latest_analysis(row)
        medicines = list(Recommendation.objects.current().filter(consultation=row))
        reviews = selectors.reviews_of(row)
        own = next((each for each in reviews if each.reviewer_id == actor.pk), None)
        if own is not None and request.method != "POST":
            said = services.Judgement(
                own.diagnosis, own.level, own.medicine, own.right_diagnosis, own.right_level, own.comment
            )
        diagnosis = knowledge.names.get(row.working_diagnosis, row.working_diagnosis)
        where = _where(request)
        return self._page(
            request, "case", f"Review {str(row.pk)[-8:]}",
            row=row, **_sights(row, latest),
            level=row.get_triage_level_display(), level_class=row.triage_level.replace("_", "-"),
            provisional=bool(row.triage.get("provisional")),
            patient=record.patient(row), facts=record.facts(row, knowledge),
            seen=record.findings(row.findings_present, knowledge),
            not_seen=record.findings(row.findings_absent, knowledge),
            rules=record.rules(row.triage), ranking=record.ranking(row.assessment),
            medicines=record.medicines(medicines), diagnosis=diagnosis,
            decision=record.decision(row, {one.medication: record.medicine_name(one) for one in medicines}),
            outcome=record.outcome(row), reviews=reviews, names=knowledge.names,
            questions=[
                {"name": name, "title": title, "about": about, "key": key, "value": getattr(said, name),
                 "error": errors.get(name, ""), "right": name if name != "medicine" else ""}
                for name, title, about, key in _QUESTIONS
            ],
            said=said, errors=errors, verdicts=Verdict.choices,
            levels=[each for each in TriageLevel.choices if each[0] != row.triage_level],
            conditions=[*sorted(
                ((code, name) for code, name in knowledge.names.items() if code != row.working_diagnosis),
                key=lambda each: each[1],
            ), (OTHER_DIAGNOSIS, "Something else, or cannot be said from this")],
            may_review=not services.is_own(actor, row)
            and policy.allows(actor, Permission.CONSULTATION_REVIEW),
            is_own=services.is_own(actor, row), link=urlencode(where),
            back=f"{reverse('admin:consultations_review_queue')}?{urlencode(where)}",
            skip=self._next_link(request, row),
        )  # fmt: skip

    def _next_link(self, request: HttpRequest, row: Consultation) -> str:
        where = _where(request)
        following = selectors.next_case(actor_of(request), after=row.pk, **where)
        if following is None:
            return ""
        return f"{reverse('admin:consultations_review_case', args=[following])}?{urlencode(where)}"

    def _next(self, request: HttpRequest, row: Consultation) -> HttpResponse:
        queue = f"{reverse('admin:consultations_review_queue')}?{urlencode(_where(request))}"
        return HttpResponseRedirect(self._next_link(request, row) or queue)

    # --- the board -----------------------------------------------------------------------------
    def board(self, request: HttpRequest) -> HttpResponse:
        """How far reviewers, pharmacists and the system agree."""
        self._require(request)
        days = int(request.GET["days"]) if request.GET.get("days") in ("28", "84", "364") else 84
        found = selectors.board(actor_of(request), days=days)
        names = dict(Condition.objects.values_list("code", "name")) if found.diagnoses else {}
        names[OTHER_DIAGNOSIS] = "Something else"
        levels = dict(TriageLevel.choices)
        return self._page(
            request, "board", "Agreement",
            board=found, agreements=[_line(each) for each in found.agreements], days=days,
            spans=((28, "4 weeks"), (84, "12 weeks"), (364, "year")),
            diagnoses=[(names.get(a, a), names.get(b, b), n) for a, b, n in found.diagnoses],
            levels=[(levels[a], levels[b], n) for a, b, n in found.levels],
        )  # fmt: skip

    def _require(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _page(self, request: HttpRequest, name: str, title: str, **context: Any) -> HttpResponse:
        shared = {
            **self.admin_site.each_context(request), "title": title, "is_fullwidth": True,
        }  # fmt: skip
        return TemplateResponse(request, f"admin/consultations/review/{name}.html", {**shared, **context})


def _line(found: selectors.Agreement) -> dict[str, Any]:
    """A line of the board in words."""
    share, chance = found.share, found.kappa

    def words(bounds: tuple[float, float] | None, form: str) -> str:
        return _DASH if bounds is None else f"{bounds[0]:{form}} to {bounds[1]:{form}}"

    return {
        "title": found.title,
        "about": found.about,
        "n": share.n,
        "share": _DASH if share.value is None else f"{share.value:.0%}",
        "share_interval": words(share.interval, ".0%"),
        "kappa": _DASH if chance.value is None else f"{chance.value:.2f}",
        "kappa_interval": words(chance.interval, ".2f"),
    }


def _sights(row: Consultation, latest: Analysis | None) -> dict[str, Any]:
    """The photos, and the heat map on the one that it was painted for."""
    photos = list(row.photos.all())
    said = (latest.evidence or {}) if latest and latest.heatmap else {}
    heat_photo = next((photo for photo in photos if str(photo.pk) == said.get("photo")), None)
    if heat_photo is None:
        return {"photos": photos, "heatmap": None}
    score, threshold = said.get("suspicious_score"), said.get("threshold")
    note = ""
    if score is not None and threshold is not None:
        side = "above" if score >= threshold else "below"
        note = f"The model's score is {score:.2f}, {side} its threshold of {threshold:g}."
    return {"photos": photos, "heatmap": latest, "heat_photo": heat_photo, "heat_note": note}


def _where(request: HttpRequest) -> dict[str, Any]:
    """Order and seed of the queue, as they travel along."""
    order = request.GET.get("order", "")
    seed = request.GET.get("seed", "")[:40]
    return {"order": order if order in selectors.ORDERS else "risk", "seed": seed}


def _judgement(request: HttpRequest) -> services.Judgement:
    def given(name: str) -> str:
        return request.POST.get(name, "")

    return services.Judgement(
        diagnosis=given("diagnosis"),
        level=given("level"),
        medicine=given("medicine"),
        right_diagnosis=given("right_diagnosis"),
        right_level=given("right_level"),
        comment=given("comment"),
    )
