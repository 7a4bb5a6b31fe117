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
from triage.models.content import Confidence

STATE_COLOURS = {
    ContentState.STARTER: "warning",
    ContentState.EDITED: "info",
    ContentState.REVIEWED: "success",
}
# One word each, so that lists have room for what the rows are about.
_STATE_WORDS = {
    ContentState.STARTER: "not reviewed",
    ContentState.EDITED: "edited",
    ContentState.REVIEWED: "reviewed",
}
_CONFIDENCE_COLOURS = {
    Confidence.CONFIRMED: "success",
    Confidence.PARTIAL: "info",
    Confidence.UNVERIFIED: "warning",
}
_CONFIDENCE_WORDS = {
    Confidence.CONFIRMED: "confirmed",
    Confidence.PARTIAL: "partly",
    Confidence.UNVERIFIED: "not verified",
}
PROVENANCE = (
    "Where this comes from",
    {
        "description": "Say what was read where. What rests on memory stands under 'not yet verified' "
        "until somebody opened the source.",
        "fields": (
            "confidence",
            "unverified_fields",
            "sources",
            ("review_state", "created_at", "updated_at"),
        ),
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
    list_max_show_all = 50
    show_full_result_count = False
    compressed_fields = False  # labels above: several fields in a row keep their width
    warn_unsaved_form = True
    when_empty = "Add the first one; it takes effect with the next release."
    readonly_fields: tuple[str, ...] = ("review_state", "created_at", "updated_at")

    def get_readonly_fields(self, request: HttpRequest, obj: KnowledgeItem | None = None) -> Any:
        """A code is chosen once: rules, phones and releases refer to it."""
        return (*self.readonly_fields, "code") if obj else self.readonly_fields

    @display(description="Review state", ordering="content_state")
    def review_state(self, obj: KnowledgeItem) -> str:
        return str(ContentState(obj.content_state).label)

    @display(description="Review", ordering="content_state", label=STATE_COLOURS)
    def review(self, obj: KnowledgeItem) -> tuple[str, str]:
        return obj.content_state, _STATE_WORDS[ContentState(obj.content_state)]

    @display(description="Sources", ordering="confidence", label=_CONFIDENCE_COLOURS)
    def sureness(self, obj: KnowledgeItem) -> tuple[str, str]:
        return obj.confidence, _CONFIDENCE_WORDS[Confidence(obj.confidence)]

    def save_model(self, request: HttpRequest, obj: KnowledgeItem, form: Any, change: bool) -> None:
        services.save_item(actor=actor_of(request), item=obj, changed=form.changed_data)

    def delete_model(self, request: HttpRequest, obj: KnowledgeItem) -> None:
        services.delete_item(actor=actor_of(request), item=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[KnowledgeItem]) -> None:
        for item in queryset:
            services.delete_item(actor=actor_of(request), item=item)
