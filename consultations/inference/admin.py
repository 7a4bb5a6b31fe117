"""The image models in the admin site: what each says of itself, and who put it in force."""

from collections.abc import Sequence
from typing import IO, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget

from accounts import policy
from consultations.inference import record_pages
from consultations.inference.package import Check, Package, examine
from consultations.inference.retiring import retire_model
from consultations.inference.retiring_pages import RetiringMixin, WaitsFilter
from consultations.inference.services import (
    activate_model,
    keep_package,
    known_conditions,
    refuse_repeated,
    shadow_model,
)
from consultations.models.modelversion import ModelVersion
from dermatech.core.errors import DomainError

_MARKS = {True: "✓", False: "✗", None: "-"}
_STATE_COLOURS = {"draft": "info", "shadow": "warning", "active": "success", "retired": "danger"}


def _line(check: Check) -> str:
    return f"{_MARKS[check.passed]} {check.title}: {check.detail}"


class PackageForm(forms.ModelForm):  # type: ignore[type-arg]
    """Takes a package as one zip archive and checks it before anything is kept."""

    package = forms.FileField(
        label="Model package",
        widget=UnfoldAdminFileFieldWidget,
        help_text="One zip archive with model.onnx and manifest.json, for example redness-1.0.0.zip. "
        "Every check is shown with its result; a package that fails one is not kept.",
    )

    class Meta:
        model = ModelVersion
        fields: list[str] = []

    def clean_package(self) -> Package:
        """The checked package; the result of each check as an error where one failed."""
        upload: IO[bytes] = self.cleaned_data["package"].file
        try:
            report = examine(upload, known_conditions=known_conditions())
            if report.package is None:
                raise forms.ValidationError([_line(check) for check in report.checks])
            refuse_repeated(report.package.manifest.name, report.package.manifest.version)
        except DomainError as error:
            raise forms.ValidationError(error.detail, code=error.code) from error
        return report.package


@admin.register(ModelVersion)
class ModelVersionAdmin(RetiringMixin, ModelAdmin):  # type: ignore[misc]
    """Installed by upload, activated and retired by actions, never edited."""

    list_display = (
        "title",
        "state_label",
        "waits",
        "made_for",
        "hash_start",
        "headline",
        "installed_by",
        "activated_at",
    )
    list_filter = ("state", WaitsFilter)
    search_fields = ("name", "version", "sha256")
    search_help_text = "Name, version or hash"
    show_full_result_count = False
    list_max_show_all = 50
    when_empty = "Without one, everything rests on findings and facts. Add a package (.zip) to install one."
    list_select_related = ("installed_by",)
    actions = ("shadow", "activate", "retire")
    compressed_fields = False
    fieldsets = (
        (
            "What it is",
            {
                "fields": ("title", "state_label", "made_for", "clinical", "licence", "card"),
                "description": "The model's own account of itself. It may raise urgency, never lower it.",
            },
        ),
        (
            "How good it is",
            {
                "fields": ("figures", "labels", "thresholds"),
                "description": "Figures the package came with. A group with n = 0 was never tested.",
            },
        ),
        (
            "How it does here",
            {
                "fields": ("in_shadow", "score_drift"),
                "description": "Counted on this server. In shadow a model reads photos after their answers "
                "are given; it changes none of them and raises no urgency.",
            },
        ),
        (
            "Where it comes from",
            {
                "fields": (
                    "training",
                    "check_results",
                    "sha256",
                    "size_bytes",
                    "storage_key",
                    "installed_by",
                    "created_at",
                    "activated_by",
                    "activated_at",
                ),
                "description": "Fixed at installation; none of it can be edited.",
            },
        ),
        (
            "Out of use",
            {
                "fields": (
                    ("retirement_asked_by", "retirement_asked_at"),
                    "retirement_reason",
                    ("retired_by", "retired_at"),
                    "stopped_at",
                    ("stop_reviewed_by", "stop_reviewed_at"),
                    "stop_review",
                ),
                "description": "In production one person asks that an active model be retired and another "
                "approves. In an emergency one person stops it at once, and another reviews that.",
            },
        ),
    )
    _add_fieldsets = (
        (
            "Install an image model",
            {
                "fields": ("package",),
                "description": "It is kept as a draft. Read its card, then activate it from the list; in "
                "production another person than you has to do that.",
            },
        ),
    )

    # --- Who may do what ---
    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_manage_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: ModelVersion | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ModelVersion | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: ModelVersion | None = None) -> bool:
        return policy.allows(request.user, policy.Permission.MODEL_READ)

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """Asked by the actions."""
        return policy.allows(request.user, policy.Permission.MODEL_MANAGE)

    # --- Installing ---
    def get_fieldsets(self, request: HttpRequest, obj: ModelVersion | None = None) -> Any:
        return self.fieldsets if obj else self._add_fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: ModelVersion | None = None) -> Any:
        if obj is None:
            return []
        rows = [row for _, part in self.fieldsets for row in part["fields"]]
        return [name for row in rows for name in ([row] if isinstance(row, str) else row)]

    def get_form(
        self, request: HttpRequest, obj: ModelVersion | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs["form"] = PackageForm
        return super().get_form(request, obj, change=change, **kwargs)

    def save_model(self, request: HttpRequest, obj: ModelVersion, form: Any, change: bool) -> None:
        package: Package = form.cleaned_data["package"]
        kept = keep_package(actor=request.user, package=package)  # type: ignore[arg-type]  # signed in
        obj.pk = kept.pk
        obj.refresh_from_db()
        for check in package.checks:
            self.message_user(request, _line(check), messages.INFO)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            answer: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as error:  # the store is away, or somebody installed the same a moment ago
            self.message_user(request, error.detail, messages.ERROR)
            return HttpResponseRedirect(request.path)
        return answer

    # --- Actions ---
    @admin.action(description="Let the selected model run in shadow", permissions=["manage"])
    def shadow(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        """Exactly one: it reads every photo, and two would cost twice the time."""
        versions = list(queryset[:2])
        if len(versions) != 1:
            self.message_user(request, "Select exactly one model to run in shadow.", messages.ERROR)
            return
        self._apply(request, shadow_model, versions[0], "runs in shadow now")

    @admin.action(description="Activate the selected model", permissions=["manage"])
    def activate(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        """Exactly one: two cannot be in force."""
        versions = list(queryset[:2])
        if len(versions) != 1:
            self.message_user(request, "Select exactly one model to activate.", messages.ERROR)
            return
        self._apply(request, activate_model, versions[0], "is active now")

    @admin.action(description="Retire the selected models", permissions=["manage"])
    def retire(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        for version in queryset:
            self._apply(request, retire_model, version, "is retired now")

    def _apply(self, request: HttpRequest, service: Any, version: ModelVersion, done: str) -> None:
        try:
            service(actor=request.user, version=version)
        except DomainError as error:
            self.message_user(request, f"{version}: {error.detail}", messages.ERROR)
        else:
            self.message_user(request, f"{version} {done}.", messages.SUCCESS)

    # --- What is shown ---
    @admin.display(description="Model", ordering="name")
    def title(self, version: ModelVersion) -> str:
        return str(version)

    @display(description="State", ordering="state", label=_STATE_COLOURS)  # type: ignore[untyped-decorator]
    def state_label(self, version: ModelVersion) -> str:
        return version.state

    @admin.display(description="Made for")
    def made_for(self, version: ModelVersion) -> str:
        return ", ".join(version.scope)

    @admin.display(description="SHA-256")
    def hash_start(self, version: ModelVersion) -> str:
        return version.short_hash

    @admin.display(description="Clinical use")
    def clinical(self, version: ModelVersion) -> str:
        if not version.clinical_use:
            return "Not approved for clinical use; every answer says so."
        approval = version.manifest["clinical_approval"]
        return f"Approved by {approval['authority']}, {approval['reference']}"

    @admin.display(description="Figures")
    def headline(self, version: ModelVersion) -> str:
        overall = version.manifest["metrics"]["overall"]
        return ", ".join(f"{name} {value:.2f}" for name, value in list(overall.items())[:3]) or "none given"

    @admin.display(description="Licence")
    def licence(self, version: ModelVersion) -> str:
        return str(version.manifest["licence"])

    @admin.display(description="Model card")
    def card(self, version: ModelVersion) -> SafeString:
        return format_html(
            '<div style="white-space: pre-wrap; max-width: 46rem">{}</div>', version.manifest["card"]
        )

    @admin.display(description="Figures")
    def figures(self, version: ModelVersion) -> SafeString:
        metrics = version.manifest["metrics"]
        rows = [("all", metrics["n"], metrics["overall"])]
        rows += [(f"{row['by']}: {row['group']}", row["n"], row["values"]) for row in metrics["subgroups"]]
        cells = [
            (
                who,
                str(count),
                ", ".join(f"{name} {value:g}" for name, value in values.items()) or "not tested",
            )
            for who, count, values in rows
        ]
        return _table((f"Group ({metrics['dataset']})", "n", "Figures"), cells)

    @admin.display(description="In shadow")
    def in_shadow(self, version: ModelVersion) -> SafeString | str:
        return record_pages.in_shadow(version)

    @admin.display(description="Drift of its scores")
    def score_drift(self, version: ModelVersion) -> SafeString | str:
        return record_pages.score_drift(version)

    @admin.display(description="Labels")
    def labels(self, version: ModelVersion) -> SafeString:
        rows = [
            (row["label"], row["condition"] or "no condition", "suspicious" if row["suspicious"] else "")
            for row in version.manifest["labels"]
        ]
        return _table(("Label", "Evidence for", ""), rows)

    @admin.display(description="Thresholds")
    def thresholds(self, version: ModelVersion) -> str:
        values = version.manifest["thresholds"]
        tones = ", ".join(tone.replace("_", " ") for tone in values["validated_skin_tones"]) or "none"
        return (
            f"flagged from {values['suspicious']:g} on validated skin tones ({tones}), "
            f"from {values['cautious']:g} on all others"
        )

    @admin.display(description="Training data")
    def training(self, version: ModelVersion) -> SafeString:
        data = version.manifest["training"]["data"]
        return _table(
            ("Data", "Licence", "Source"), [(row["name"], row["licence"], row["source"]) for row in data]
        )

    @admin.display(description="Checks at installation")
    def check_results(self, version: ModelVersion) -> SafeString:
        rows = [(_MARKS[row["passed"]], row["title"], row["detail"]) for row in version.checks]
        return _table(("", "Check", "Found"), rows)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> SafeString:
    """A small table; every cell is escaped."""
    pad = "padding: 2px 14px 2px 0; text-align: left; vertical-align: top"
    top = format_html_join("", '<th style="{}">{}</th>', ((pad, cell) for cell in head))
    body = format_html_join(
        "",
        "<tr>{}</tr>",
        ((format_html_join("", '<td style="{}">{}</td>', ((pad, cell) for cell in row)),) for row in rows),
    )
    return format_html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", top, body)
