"""What is wrong with a form, while it is typed: the page asks, and nothing is stored."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.forms.formsets import all_valid
from django.http import HttpRequest, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import path
from unfold.admin import ModelAdmin

_REQUIRED = "required"


class LiveCheck(ModelAdmin):  # type: ignore[misc]  # unfold is untyped
    """Adds `check/` to the pages for adding and changing an item."""

    class Media:
        js = ("medications/live.js",)
        css = {"all": ("medications/formulary.css",)}

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_check"
        view = self.admin_site.admin_view(self.check_view)
        return [
            path("add/check/", view, name=f"{name}_new"),
            path("<path:object_id>/change/check/", view, name=name),
            *super().get_urls(),
        ]

    def check_view(self, request: HttpRequest, object_id: str | None = None) -> HttpResponseBase:
        """The errors of what was posted by the name of their field: `{"errors": {name: {message, missing}}}`.
        `missing`: nothing was written there yet, which is no news while somebody is still writing."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        item = self.get_object(request, object_id) if object_id else None
        allowed = self.has_change_permission(request, item) if item else self.has_add_permission(request)
        if not allowed or (object_id and item is None):
            raise PermissionDenied
        return JsonResponse({"errors": self._errors_of(request, item)})

    def _errors_of(self, request: HttpRequest, item: Any) -> dict[str, Any]:
        change = item is not None
        form_class = self.get_form(request, item, change=change)
        form = form_class(request.POST, request.FILES, instance=item)
        form.is_valid()
        formsets, _ = self._create_formsets(request, form.instance, change=change)
        all_valid(formsets)
        found: dict[str, Any] = {}
        for each in (form, *(row for formset in formsets for row in formset.forms)):
            _collect(each, found)
        return found


def _collect(form: Any, found: dict[str, Any]) -> None:
    for name, errors in form.errors.as_data().items():
        if name in form.fields:
            messages = [str(message) for error in errors for message in error.messages]
            missing = all(error.code == _REQUIRED for error in errors)
            found[form.add_prefix(name)] = {"message": " ".join(messages), "missing": missing}
