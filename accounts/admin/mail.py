"""Letters, for finding out why one did not arrive."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.models import OutgoingMail


@admin.register(OutgoingMail)
class OutgoingMailAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """What was written to whom. Nothing is edited here; the worker tries again by itself."""

    list_display = ("kind", "user", "state", "attempts", "created_at", "sent_at", "error")
    list_filter = ("state", "kind")
    search_fields = ("user__email", "user__full_name")
    search_help_text = "Name or e-mail of the person"
    list_max_show_all = 50
    when_empty = "Letters about accounts appear here. Those to addresses without an account are not kept."
    list_select_related = ("user",)
    show_full_result_count = False
    fieldsets = (
        (
            "Letter",
            {
                "fields": ("kind", "user", "state", "attempts", "due_at", "sent_at", "error", "created_at"),
                "description": "A failed letter was tried eight times over about two hours.",
            },
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
