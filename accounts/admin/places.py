"""Premises."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts import services
from accounts.admin.decorators import display
from accounts.admin.forms import PremisesForm
from accounts.admin.people import actor_of
from accounts.models import Premises


@admin.register(Premises)
class PremisesAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Pharmacies and chemical shops."""

    form = PremisesForm
    list_display = ("name", "licence_number", "region", "people")
    list_filter = ("region",)
    search_fields = ("name", "licence_number")
    search_help_text = "Name or licence number"
    list_max_show_all = 50
    show_full_result_count = False
    ordering = ("name",)
    readonly_fields = ("created_at", "updated_at")
    fieldsets = (
        (
            "Premises",
            {
                "fields": ("name", "licence_number", "region"),
                "description": "Everybody who works here sees the consultations of the others. Check the "
                "licence before you verify the first of them.",
            },
        ),
        ("Record", {"fields": ("created_at", "updated_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Premises]:
        return Premises.objects.annotate(people_count=Count("users"))

    @display(description="people", ordering="people_count")
    def people(self, premises: Any) -> int:
        return int(premises.people_count)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: Premises, form: "forms.ModelForm[Premises]", change: bool
    ) -> None:
        data = form.cleaned_data
        if change:
            changes = {name: data[name] for name in form.changed_data}
            services.update_premises(actor=actor_of(request), premises=obj, changes=changes)
        else:
            obj.__dict__.update(services.create_premises(actor=actor_of(request), **data).__dict__)
