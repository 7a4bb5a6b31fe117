"""A page that asks before something happens: what it does, a form, yes or no."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from dermatech.core.errors import DomainError


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. `lines` say what a yes does; `back` is where a no leads."""

    title: str
    lines: Sequence[str]
    button: str
    back: str
    grave: bool = False


def answered(request: HttpRequest) -> Any:
    """What was posted with a yes; None while the page is only looked at."""
    return request.POST if request.method == "POST" and "confirmed" in request.POST else None


def page(request: HttpRequest, question: Question, form: forms.Form) -> HttpResponse:
    """The question, with what is wrong in the form beside its fields."""
    context = {
        **admin.site.each_context(request),
        "title": question.title,
        "question": question.title,
        "lines": question.lines,
        "button": question.button,
        "variant": "danger" if question.grave else "primary",
        "back": question.back,
        "form": form,
    }
    return TemplateResponse(request, "admin/consultations/act.html", context)


def put_beside(form: forms.Form, error: DomainError) -> None:
    """What a service found wrong, beside the field it names or above the form."""
    for item in error.errors:
        form.add_error(item.field if item.field in form.fields else None, item.message)
    if not error.errors:
        form.add_error(None, error.detail)
