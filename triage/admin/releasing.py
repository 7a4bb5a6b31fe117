"""What the pages of both kinds of release share: adding one proposes the working rows as they are, a
second supervisor approves, and nothing about a release ever changes afterwards."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from accounts.admin.decorators import action, display
from dermatech.core.errors import DomainError
from dermatech.core.releases import Release, ReleaseState, ReviewState
from triage.admin.base import actor_of

_FAULTS_SHOWN = 30
_SHOWN = 20_000  # characters of a snapshot on the page; the whole stands in the API
Service = Callable[..., Any]


def refuse_faults(faults: list[Any]) -> None:
    """Raise ValidationError with what stands against releasing the working rows."""
    if faults:
        raise ValidationError([f"{fault.place}: {fault.message}" for fault in faults[:_FAULTS_SHOWN]])


class ReleaseAdmin(ModelAdmin):  # type: ignore[misc]  # unfold is untyped
    """Immutable snapshots."""

    propose: ClassVar[Service]
    approve_release: ClassVar[Service]
    roll_back: ClassVar[Service]
    document: ClassVar[Callable[..., Mapping[str, Any]]]
    snapshot_text: ClassVar[Callable[..., str]]
    parts: ClassVar[Mapping[str, str]]  # a list of the snapshot -> what it holds, in words
    checks: ClassVar[str]

    list_display = (
        "title",
        "label",
        "state_label",
        "review_label",
        "proposer",
        "approver",
        "activated_at",
    )
    list_filter = ("state", "review_state")
    list_max_show_all = 50
    list_select_related = ("proposed_by", "approved_by")
    search_fields = ("title", "content_hash")
    search_help_text = "Title or hash"
    show_full_result_count = False
    compressed_fields = True
    actions = ("approve", "bring_back")
    actions_submit_line = ("approve_this", "bring_this_back")
    readonly_fields = (
        "label", "state_label", "reviewed", "proposer", "approver", "holds", "content",
    )  # fmt: skip

    # --- the page ----------------------------------------------------------------------------
    def get_fieldsets(self, request: HttpRequest, obj: Release | None = None) -> Any:
        if obj is None:
            return (
                (
                    None,
                    {
                        "description": f"The working rows are checked ({self.checks}) and frozen. They take "
                        "effect when another supervisor approves.",
                        "fields": ("title",),
                    },
                ),
            )
        return (
            (
                None,
                {
                    "description": "A release never changes. A proposed one takes effect when a supervisor "
                    "other than the one who proposed it approves; an archived one can be brought back.",
                    "fields": (
                        "title",
                        ("label", "state_label"),
                        ("proposer", "created_at"),
                        ("approver", "activated_at"),
                        ("reviewed", "archived_at"),
                        "holds",
                        "content_hash",
                    ),
                },
            ),
            ("As phones get it", {"classes": ("collapse",), "fields": ("content",)}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Release | None = None) -> Any:
        if obj is None:
            return ()
        stored = ("title", "content_hash", "created_at", "activated_at", "archived_at")
        return (*stored, *self.readonly_fields)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset: QuerySet[Any] = super().get_queryset(request)
        return queryset.defer("snapshot")  # half a megabyte each

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        nothing_to_save = {
            "show_save": False,
            "show_save_and_continue": False,
            "show_save_and_add_another": False,
            "show_close": True,
        }
        page: HttpResponse = super().change_view(
            request, object_id, form_url, {**nothing_to_save, **(extra_context or {})}
        )
        return page

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Adding proposes. On an existing one only the buttons do anything, and they speak for
        themselves."""
        if not change:
            release = type(self).propose(actor=actor_of(request), title=obj.title)
            obj.__dict__.update(release.__dict__)
            return
        for button in self.get_actions_submit_line(request, obj.pk):
            if button.action_name in request.POST:
                button.method(request, obj)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Back to the release, with the button's own message instead of "was changed"."""
        return HttpResponseRedirect(request.path)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Who decided stands on the release itself and in the audit log."""
        return None

    # --- what is shown -----------------------------------------------------------------------
    @display(description="Number")
    def label(self, obj: Release) -> str:
        return obj.label

    @display(
        description="State",
        ordering="state",
        label={"proposed": "warning", "active": "success", "archived": "info", "rejected": "danger"},
    )
    def state_label(self, obj: Release) -> str:
        return str(ReleaseState(obj.state).label)

    @display(
        description="Review",
        ordering="review_state",
        label={ReviewState.STARTER: "warning", ReviewState.REVIEWED: "success"},
    )
    def review_label(self, obj: Release) -> tuple[str, str]:
        return obj.review_state, "reviewed" if obj.review_state == ReviewState.REVIEWED else "not reviewed"

    @display(description="Review")
    def reviewed(self, obj: Release) -> str:
        return str(ReviewState(obj.review_state).label)

    @display(description="Proposed by", ordering="proposed_by__full_name")
    def proposer(self, obj: Any) -> str:
        return obj.proposed_by.full_name if obj.proposed_by else "the starter content"

    @display(description="Approved by", ordering="approved_by__full_name")
    def approver(self, obj: Any) -> str:
        return obj.approved_by.full_name if obj.approved_by else "nobody"

    @display(description="Holds")
    def holds(self, obj: Any) -> str:
        held = type(self).document(obj)
        return ", ".join(f"{len(held.get(name, ()))} {what}" for name, what in self.parts.items())

    @display(description="Content")
    def content(self, obj: Any) -> str:
        text = type(self).snapshot_text(obj)
        more = f"\n... {len(text) - _SHOWN:,} more characters" if len(text) > _SHOWN else ""
        return format_html(
            '<pre class="wide" style="max-height: 30rem; overflow: auto">{}{}</pre>', text[:_SHOWN], more
        )

    # --- decisions ---------------------------------------------------------------------------
    def _is(self, object_id: str | None, state: ReleaseState) -> bool:
        return object_id is None or self.model._default_manager.filter(pk=object_id, state=state).exists()

    def has_approve_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether the button is shown; the service refuses the proposer with a reason."""
        return self.has_change_permission(request) and self._is(object_id, ReleaseState.PROPOSED)

    def has_bring_back_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.has_change_permission(request) and self._is(object_id, ReleaseState.ARCHIVED)

    @action(description="Approve, so that it takes effect", icon="verified", permissions=["approve"])
    def approve_this(self, request: HttpRequest, obj: Any) -> None:
        self._decide(request, self.get_queryset(request).filter(pk=obj.pk), "approve")

    @action(description="Bring this release back", icon="undo", permissions=["bring_back"])
    def bring_this_back(self, request: HttpRequest, obj: Any) -> None:
        self._decide(request, self.get_queryset(request).filter(pk=obj.pk), "bring_back")

    @admin.action(description="Approve, so that it takes effect", permissions=["change"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._decide(request, queryset, "approve")

    @admin.action(description="Bring an archived release back", permissions=["change"])
    def bring_back(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._decide(request, queryset, "bring_back")

    def _decide(self, request: HttpRequest, queryset: QuerySet[Any], what: str) -> None:
        service, done = {
            "approve": (type(self).approve_release, "is now in force"),
            "bring_back": (type(self).roll_back, "is in force again"),
        }[what]
        if queryset.count() != 1:
            self.message_user(request, "Choose exactly one release.", messages.ERROR)
            return
        try:
            release = service(actor=actor_of(request), release=queryset.get())
        except DomainError as refused:
            self.message_user(request, refused.detail, messages.ERROR)
            return
        self.message_user(request, f"Release {release.label} {done}.", messages.SUCCESS)
