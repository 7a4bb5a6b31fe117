"""Filters of the case list."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from consultations.models import Consultation


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
