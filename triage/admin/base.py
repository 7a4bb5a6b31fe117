"""What the admin of every kind of knowledge shares."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.admin.decorators import display
from accounts.models import User
from triage import services
from triage.admin.fields import LinesField, SourcesField
from triage.models import ContentState, KnowledgeItem

STATE_COLOURS = {
    ContentState.STARTER.label: "warning",
    ContentState.EDITED.label: "info",
    ContentState.REVIEWED.label: "success",
}
PROVENANCE = (
    "Where this comes from",
    {
        "description": "Say what was read where. What rests on memory stands under 'not yet verified' "
        "until somebody opened the source.",
        "fields": ("confidence", "unverified_fields", "sources", "review_state", "created_at", "updated_at"),
    },
)


if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Any]
else:
    _ModelForm = forms.ModelForm


class ItemForm(_ModelForm):
    """Fields that every item has."""

    unverified_fields = LinesField(
        label="Not yet verified", help_text="What still rests on memory, one per line.", rows=3
    )
    sources = SourcesField(
        required=False,
        rows=8,
        help_text='As [{"id": "gstg2017", "document": "Ghana Standard Treatment Guidelines", '
        '"edition": "2017"}].',
    )


def actor_of(request: HttpRequest) -> User:
    """The signed-in supervisor; the admin lets nobody else in."""
    assert isinstance(request.user, User)  # noqa: S101  # narrows the type, the site has checked
    return request.user


class KnowledgeAdmin(ModelAdmin):  # type: ignore[misc]  # unfold is untyped
    """Edits go through the services: audited, and marked as not released yet."""

    form = ItemForm
    list_per_page = 50
    save_on_top = True
    readonly_fields: tuple[str, ...] = ("review_state", "created_at", "updated_at")

    def get_readonly_fields(self, request: HttpRequest, obj: KnowledgeItem | None = None) -> Any:
        """A code is chosen once: rules, phones and releases refer to it."""
        return (*self.readonly_fields, "code") if obj else self.readonly_fields

    @display(description="Review state", ordering="content_state", label=STATE_COLOURS)
    def review_state(self, obj: KnowledgeItem) -> str:
        return str(ContentState(obj.content_state).label)

    def save_model(self, request: HttpRequest, obj: KnowledgeItem, form: Any, change: bool) -> None:
        services.save_item(actor=actor_of(request), item=obj, changed=form.changed_data)

    def delete_model(self, request: HttpRequest, obj: KnowledgeItem) -> None:
        services.delete_item(actor=actor_of(request), item=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[KnowledgeItem]) -> None:
        for item in queryset:
            services.delete_item(actor=actor_of(request), item=item)
