"""What a patient may ask for, on a page of the consultation: a copy, consent taken back, erasure.

What goes and what stays stands there before anything happens; who sits there proves it again.
"""

import uuid
from collections.abc import Callable
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts import audit, policy
from accounts.admin import proof
from accounts.admin.decorators import action
from consultations.admin.asking import Question, answered, page, put_beside
from consultations.admin.base import actor_of, bullets
from consultations.models import Consultation
from consultations.services import erasure
from consultations.services.patient_copy import packed
from dermatech.core.errors import DomainError, NotFound

_PAGE: Final = "admin:consultations_consultation_privacy"
_STEP: Final = "admin:consultations_consultation_privacy_step"
_TEXTS: Final = {
    "initials": "the initials",
    "notes": "the notes",
    "client_reference": "the phone's own reference",
}


class WhyForm(forms.Form):
    """Why it is done."""

    reason = forms.CharField(
        max_length=1000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="For the audit log, without the patient's name. For example: “The mother asked at the "
        "counter on 3 March; her letter is filed at the pharmacy.”",
    )


class HandOverForm(forms.Form):
    """A plain yes."""


def going(ahead: erasure.Foreseen) -> list[str]:
    """What withdrawing consent takes away, in words; empty where nothing is left."""
    lines = []
    if ahead.photos:
        lines.append(f"{ahead.photos} photo{'s' if ahead.photos > 1 else ''}, with the thumbnails")
    if ahead.heatmaps:
        lines.append(f"{ahead.heatmaps} heat map{'s' if ahead.heatmaps > 1 else ''} of the image model")
    return lines + [_TEXTS[name] for name in ahead.texts]


class PrivacyMixin:
    """Adds the button “Patient's rights” and its pages to the consultation's admin."""

    actions_detail = ("privacy",)
    get_object: Callable[..., Any]

    def has_privacy_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may hand out a copy: not who opened the record in an emergency."""
        rows = Consultation.objects.filter(_reach(request))
        return policy.allows(actor_of(request), policy.Permission.CONSULTATION_READ_ALL) and (
            object_id is None or rows.filter(pk=object_id).exists()
        )

    def get_urls(self) -> list[URLPattern]:
        site: Any = self.admin_site  # type: ignore[attr-defined]  # of the admin that this is mixed into
        own = [
            path(
                "<uuid:consultation_id>/privacy/<str:step>", site.admin_view(self.privacy_step),
                name="consultations_consultation_privacy_step",
            ),
        ]  # fmt: skip
        others: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [*own, *others]

    @action(description="Patient's rights", icon="privacy_tip", permissions=["privacy"], url_path="privacy")
    def privacy(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What is held, what would go, what stays, and what may be done about it."""
        row = _row(request, uuid.UUID(str(object_id)))
        allowed = policy.allows(actor_of(request), policy.Permission.PATIENT_RIGHTS)
        with transaction.atomic():
            audit.record(
                actor=actor_of(request), action=audit.Action.CONSULTATION_READ, entity=row, patient=row.pk,
                purpose=audit.Purpose.PATIENT_REQUEST, detail={"page": "patient's rights"},
            )  # fmt: skip
        ahead = going(erasure.foresee(row))
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "title": "What the patient may ask for",
            "row": row,
            "back": _case(row),
            "going": bullets(ahead),
            "nothing_left": not ahead,
            "kept": bullets(erasure.KEPT),
            "allowed": allowed,
            "steps": {step: reverse(_STEP, args=[row.pk, step]) for step in _STEPS},
        }
        return TemplateResponse(request, "admin/consultations/privacy.html", context)

    def privacy_step(self, request: HttpRequest, consultation_id: uuid.UUID, step: str) -> HttpResponse:
        """One of them: proof of who sits there, the question, the act."""
        row = _row(request, consultation_id)
        if step not in _STEPS or not policy.allows(actor_of(request), _STEPS[step]):
            raise Http404
        if (again := proof.ask_again(request)) is not None:
            return again
        return _copy(request, row) if step == "copy" else _take_away(request, row, step)


_STEPS: Final = {
    "copy": policy.Permission.CONSULTATION_READ_ALL,
    "withdraw": policy.Permission.PATIENT_RIGHTS,
    "erase": policy.Permission.PATIENT_RIGHTS,
}


def _reach(request: HttpRequest) -> Any:
    return policy.scope(actor_of(request), policy.Verb.SUPERVISE, Consultation)


def _row(request: HttpRequest, consultation_id: uuid.UUID) -> Consultation:
    found = (
        Consultation.objects.select_related("premises").filter(_reach(request), pk=consultation_id).first()
    )
    if found is None:
        raise Http404
    return found


def _case(row: Consultation) -> str:
    return reverse("admin:consultations_consultation_change", args=[row.pk])


def _copy(request: HttpRequest, row: Consultation) -> HttpResponse:
    form = HandOverForm(answered(request))
    if form.is_valid():
        try:
            made = packed(erasure.export_patient(actor=actor_of(request), consultation=row))
        except DomainError as error:
            messages.error(request, error.detail)
            return HttpResponseRedirect(reverse(_PAGE, args=[row.pk]))
        return HttpResponse(
            made, content_type="application/zip",
            headers={
                "Content-Disposition": f'attachment; filename="consultation-{str(row.pk)[-8:]}.zip"',
                "Cache-Control": "no-store",
            },
        )  # fmt: skip
    question = Question(
        title="Make a copy for the patient?",
        lines=(
            f"A ZIP file with the record and {row.photos.count()} photos.",
            "Give it to the patient or to who answers for them, and delete it from this computer afterwards.",
            "That you made it is written into the audit log.",
        ),
        button="Download the copy", back=reverse(_PAGE, args=[row.pk]),
    )  # fmt: skip
    return page(request, question, form)


def _take_away(request: HttpRequest, row: Consultation, step: str) -> HttpResponse:
    form, back = WhyForm(answered(request)), reverse(_PAGE, args=[row.pk])
    carry_out = erasure.erase if step == "erase" else erasure.withdraw_consent
    if form.is_valid():
        try:
            taken = carry_out(actor=actor_of(request), consultation=row, reason=form.cleaned_data["reason"])
        except NotFound:
            raise Http404 from None
        except DomainError as error:
            put_beside(form, error)
        else:
            gone = ", ".join(going(taken)) or "nothing was left that named the patient"
            done = "Erased" if step == "erase" else "Consent was taken back"
            messages.success(request, f"{done}: {gone}.")
            return HttpResponseRedirect(back)
    ahead = going(erasure.foresee(row))
    goes = f"These go for good: {', '.join(ahead)}." if ahead else "Nothing is left that names the patient."
    if step == "erase":
        goes += (
            " The values behind the audit log's commitments go too, so nobody can read there any more what "
        )
        goes += "was typed; that something was typed, by whom and when, stays proved."
    question = Question(
        title="Erase what names the patient?" if step == "erase" else "Take the patient's consent back?",
        lines=(goes, f"These stay, as the law asks: {'; '.join(erasure.KEPT)}."),
        button="Erase" if step == "erase" else "Take consent back", back=back, grave=True,
    )  # fmt: skip
    return page(request, question, form)
