"""Filters of the lists of cases. None asks a large table for all its values."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from consultations.models import Analysis, Consultation, Recommendation, Status


class AgainstAdvice(SimpleListFilter):
    """Decisions that went against the advice, for supervisors to look at."""

    title = "decision"
    parameter_name = "advice"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("against", "Against the advice"),
            ("followed", "Following the advice"),
            ("none", "No decision yet"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Consultation]) -> QuerySet[Consultation]:
        if self.value() == "against":
            return queryset.filter(decision__overridden=True)
        if self.value() == "followed":
            return queryset.filter(decision__overridden=False)
        if self.value() == "none":
            return queryset.filter(decision__isnull=True)
        return queryset


class Failure(SimpleListFilter):
    """Why an analysis failed, of those that did."""

    title = "error"
    parameter_name = "error"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        failed = Analysis.objects.filter(status=Status.FAILED).order_by("error_code")
        codes = failed.values_list("error_code", flat=True).distinct()
        return [(code, code.replace("_", " ")) for code in codes]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Analysis]) -> QuerySet[Analysis]:
        return queryset.filter(status=Status.FAILED, error_code=self.value()) if self.value() else queryset


class Excluded(SimpleListFilter):
    """Why a medicine was not proposed, in the words of the API."""

    title = "reason against it"
    parameter_name = "code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        words = (
            "allergy", "age", "pregnancy", "lactation", "interaction", "body_site", "contraindication",
            "legal_class", "severity",
        )  # fmt: skip
        return [(word, word.replace("_", " ")) for word in words]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Recommendation]) -> QuerySet[Recommendation]:
        return queryset.filter(code=self.value()) if self.value() else queryset
