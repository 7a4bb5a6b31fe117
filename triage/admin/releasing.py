"""What the pages of both kinds of release share: working rows are proposed, a second supervisor reads what
the checks and the replay found and decides, and nothing about a release ever changes afterwards."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.forms import Media
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from unfold.admin import ModelAdmin

from accounts import background as jobs
from accounts.admin.decorators import display
from accounts.releases import Workflow, workflow_of
from dermatech.core.differences import Diff
from dermatech.core.errors import DomainError
from dermatech.core.releases import Release, ReleaseState, ReviewState
from triage.admin import deciding, later, presenting
from triage.admin.base import actor_of

_FAULTS_SHOWN = 30
STATE_COLOURS = {
    "proposed": "warning", "active": "success", "archived": "info", "rejected": "danger",
    str(ReleaseState.SCHEDULED.label): "info",
}  # fmt: skip


def refuse_faults(faults: list[Any]) -> None:
    """Raise ValidationError with what stands against releasing the working rows."""
    if faults:
        raise ValidationError([f"{fault.place}: {fault.message}" for fault in faults[:_FAULTS_SHOWN]])


class ReleaseAdmin(ModelAdmin):  # type: ignore[misc]  # unfold is untyped
    """Immutable snapshots. A kind of release says where its snapshot comes from and what it holds."""

    document: ClassVar[Callable[..., Mapping[str, Any]]]
    snapshot_text: ClassVar[Callable[..., str]]
    parts: ClassVar[Mapping[str, str]]  # a list of the snapshot -> what it holds, in words
    checks: ClassVar[str]
    rows: ClassVar[Mapping[str, type[Model]]] = {}  # a list of the snapshot -> its working rows
    compare: ClassVar[Callable[..., Diff] | None] = None  # (older, newer) -> Diff in this kind's words
    compare_working: ClassVar[Callable[..., Diff] | None] = None  # (older) -> Diff with the working rows
    cases: ClassVar[Callable[..., Any] | None] = None  # (release) -> presenting.Cases

    list_display = ("title", "label", "state_label", "review_label", "proposer", "approver", "activated_at")
    list_filter = ("state", "review_state")
    list_max_show_all = 50
    list_select_related = ("proposed_by", "approved_by")
    search_fields = ("title", "content_hash")
    search_help_text = "Title or hash"
    show_full_result_count = False
    actions = ("approve", "bring_back")

    @property
    def workflow(self) -> Workflow[Any]:
        return workflow_of(self.model)

    @property
    def media(self) -> Media:
        own: Media = super().media
        return own + Media(css={"all": ["triage/rules.css", "triage/release.css"]})

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        wrap = self.admin_site.admin_view
        return [
            path("<path:object_id>/snapshot", wrap(self.snapshot_view), name=f"{name}_snapshot"),
            path("<path:object_id>/bring-back", wrap(self.bring_back_view), name=f"{name}_bring_back"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset: QuerySet[Any] = super().get_queryset(request)
        return queryset.defer("snapshot")  # half a megabyte each

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    # --- pages -------------------------------------------------------------------------------
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """One release: what was found, what it changes, who decided, and the decision."""
        release = self._found(request, object_id)
        if request.method == "POST":
            self._must_change(request)
            if (job := deciding.needs_worker(self, request, release)) is not None:
                return HttpResponseRedirect(jobs.address(job))
            deciding.carry_out(self, request, release)
            return HttpResponseRedirect(request.get_full_path())
        return self._page(request, "page", presenting.page(self, request, release), title=release.title)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Propose the working rows as they are, or look first at what proposing them would find."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        title = " ".join(request.POST.get("title", "").split())
        found: dict[str, Any] = {}
        if request.method == "POST" and later.is_long(self):
            if "preview" in request.POST:
                return HttpResponseRedirect(jobs.address(later.preview(self, request)))
            if deciding.is_title(title):
                return HttpResponseRedirect(jobs.address(later.propose(self, request, title)))
        if request.method == "POST" and "preview" not in request.POST:
            release, found = deciding.propose(self, request, title)
            if release is not None:
                self.message_user(
                    request, f"Release {release.label} waits for another supervisor.", messages.SUCCESS
                )
                return HttpResponseRedirect(self.address("change", release))
        preview = later.previewed(self, request)
        if "preview" in request.POST:
            preview = self.workflow.preview(actor=actor_of(request))
        context = presenting.proposal(self, request, preview)
        return self._page(
            request, "propose", {**context, **found, "proposed_title": title}, title="Propose a release"
        )

    def snapshot_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The snapshot, byte for byte what was hashed."""
        release = self._found(request, object_id)
        answer = HttpResponse(release.snapshot, content_type="application/json")
        answer["Content-Disposition"] = f'attachment; filename="{self.opts.model_name}-{release.label}.json"'
        return answer

    def bring_back_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The question before a roll back, with what it would change."""
        release = self._found(request, object_id)
        if request.method == "POST":
            self._must_change(request)
            self._decide(request, self.get_queryset(request).filter(pk=release.pk), "bring_back")
            return HttpResponseRedirect(self.address("change", release))
        context = presenting.roll_back(self, release)
        return self._page(request, "bring_back", context, title="Bring this release back?")

    def _page(
        self, request: HttpRequest, name: str, context: Mapping[str, Any], *, title: str
    ) -> HttpResponse:
        shared = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": title, "media": self.media,
            "kind": self, "may_change": self.has_change_permission(request), "is_fullwidth": True,
            "list_url": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
        }  # fmt: skip
        return TemplateResponse(request, f"admin/triage/release/{name}.html", {**shared, **context})

    def _found(self, request: HttpRequest, object_id: str) -> Any:
        if not self.has_view_permission(request):
            raise PermissionDenied
        release = self.get_object(request, unquote(object_id))
        if release is None:
            raise Http404
        return release

    def _must_change(self, request: HttpRequest) -> None:
        if not self.has_change_permission(request):
            raise PermissionDenied

    def address(self, page: str, release: Release) -> str:
        """The path of one of a release's pages."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}", args=[release.pk])

    # --- the list ----------------------------------------------------------------------------
    @display(description="Number")
    def label(self, obj: Release) -> str:
        return obj.label

    @display(description="State", ordering="state", label=STATE_COLOURS)
    def state_label(self, obj: Release) -> str:
        return str(ReleaseState(obj.state).label)

    @display(
        description="Review", label={"reviewed": "success", "not reviewed": "warning", "not yet": "info"}
    )
    def review_label(self, obj: Release) -> str:
        """A proposal bears the state that it will have; nobody has reviewed it yet."""
        if obj.review_state != ReviewState.REVIEWED:
            return "not reviewed"
        return "reviewed" if obj.activated_at or obj.state == ReleaseState.SCHEDULED else "not yet"

    @display(description="Proposed by", ordering="proposed_by__full_name")
    def proposer(self, obj: Any) -> str:
        return obj.proposed_by.full_name if obj.proposed_by else "the starter content"

    @display(description="Approved by", ordering="approved_by__full_name")
    def approver(self, obj: Any) -> str:
        return obj.approved_by.full_name if obj.approved_by else "nobody"

    @admin.action(description="Approve, so that it takes effect", permissions=["change"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._decide(request, queryset, "approve")

    @admin.action(description="Bring an archived release back", permissions=["change"])
    def bring_back(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._decide(request, queryset, "bring_back")

    def _decide(self, request: HttpRequest, queryset: QuerySet[Any], what: str) -> None:
        if queryset.count() != 1:
            self.message_user(request, "Choose exactly one release.", messages.ERROR)
            return
        try:
            said = deciding.DECISIONS[what](self.workflow, actor_of(request), queryset.get(), {})
        except DomainError as refused:
            self.message_user(request, deciding.sentence(refused), messages.ERROR)
        else:
            self.message_user(request, said, messages.SUCCESS)
