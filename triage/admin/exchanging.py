"""Import and export of the working rows: choose a file, read what it would change, then say yes.

Between the dry run and the yes the file waits in the session, so that exactly what was shown is stored; many
rows are stored by a worker.
"""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminFileFieldWidget

from accounts import background as jobs
from dermatech.core.differences import Line
from dermatech.core.errors import DomainError, ValidationFailed
from triage.admin.base import actor_of
from triage.admin.presenting import CRITERIA, fold
from triage.engine.criteria import CriteriaError, parse_criteria
from triage.engine.words import describe
from triage.models import Condition
from triage.services import exchange
from triage.services.exchange import background

_WAITING = "triage_import"  # key of the session
MAX_BYTES = 10_000_000
CHANGES_SHOWN = 200
_KINDS = {
    "conditions": "Conditions", "findings": "Findings", "profiles": "How often findings occur",
    "scoring": "Scoring", "safety_questions": "Safety questions",
    "guidelines": "Rules", "vignettes": "Test cases",
}  # fmt: skip
_TYPES = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def urls(model_admin: Any) -> list[URLPattern]:
    """The files that the page offers."""
    wrap = model_admin.admin_site.admin_view

    def export(request: HttpRequest, kind: str, form: str) -> HttpResponse:
        _must_see(model_admin, request)
        return _file(kind, form)

    return [path("exchange/<slug:kind>.<slug:form>", wrap(export), name="triage_guidelinerelease_export")]


def _must_see(model_admin: Any, request: HttpRequest) -> None:
    if not model_admin.has_view_permission(request):
        raise PermissionDenied


def _file(kind: str, form: str) -> HttpResponse:
    if (kind, form) == ("knowledge", "json"):
        content = exchange.export_set()
    elif kind in exchange.TABLES and form in exchange.FORMATS:
        content = exchange.export_table(kind, form)
    else:
        return HttpResponse("There is no such file.", status=404, content_type="text/plain")
    answer = HttpResponse(content, content_type=_TYPES[form])
    answer["Content-Disposition"] = f'attachment; filename="{kind}.{form}"'
    return answer


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Choose a file; see the dry run; carry it out."""
    _must_see(model_admin, request)
    context: dict[str, Any] = {}
    if request.method == "POST":
        if not model_admin.has_add_permission(request):
            raise PermissionDenied
        try:
            if "confirmed" in request.POST:
                return _carried_out(model_admin, request)
            context = _dry_run(request)
        except DomainError as refused:
            context = {"refused": refused.detail, "errors": refused.errors}
    tables = [(kind, _KINDS.get(kind, kind)) for kind in exchange.TABLES]
    shared = {
        **model_admin.admin_site.each_context(request), "opts": model_admin.opts, "media": model_admin.media,
        "title": "Import and export", "tables": tables, "formats": exchange.FORMATS, "is_fullwidth": True,
        "may_change": model_admin.has_add_permission(request),
        "file_field": UnfoldAdminFileFieldWidget().render(
            "file", None, {"id": "file", "accept": ".json,.xlsx,.csv", "required": True, "aria-label": "File"}
        ),
    }  # fmt: skip
    return TemplateResponse(request, "admin/triage/release/exchange.html", {**shared, **context})


def _dry_run(request: HttpRequest) -> dict[str, Any]:
    """What the chosen file would change. Raises ValidationFailed with the place of what is wrong."""
    upload = request.FILES.get("file")
    if upload is None:
        raise ValidationFailed("Choose a file first.", code="required")
    if (upload.size or 0) > MAX_BYTES:
        raise ValidationFailed("The file is larger than 10 MB.", code="too_large")
    content = upload.read()
    asked = {
        "kind": request.POST.get("kind", ""),
        "form": (upload.name or "").rpartition(".")[2].lower(),
        "remove": "remove_missing" in request.POST,
    }
    incoming = exchange.read(str(asked["kind"]), str(asked["form"]), content)
    plan = exchange.plan(incoming, remove_missing=bool(asked["remove"]))
    request.session[_WAITING] = {
        **asked, "digest": plan.digest, "content": background.packed(content), "name": upload.name,
        "changes": len(plan.changes),
    }  # fmt: skip
    return {
        "plan": plan,
        "changes": list(_shown(plan.changes)),
        "name": upload.name,
        "left_out": max(0, len(plan.changes) - CHANGES_SHOWN),
    }


def _carried_out(model_admin: Any, request: HttpRequest) -> HttpResponse:
    waiting = request.session.pop(_WAITING, None)
    if waiting is None:
        raise ValidationFailed("Choose the file again; it is not waiting any more.", code="required")
    if waiting.get("changes", 0) > background.IN_REQUEST:
        job = jobs.ask(
            actor=actor_of(request), kind=background.STORE, about=f"Import of {waiting['name'][:120]}",
            given=waiting, back=request.path,
        )  # fmt: skip
        return HttpResponseRedirect(jobs.address(job))
    done = exchange.carry_out(
        actor=actor_of(request),
        incoming=exchange.read(waiting["kind"], waiting["form"], background.unpacked(waiting["content"])),
        digest=waiting["digest"],
        remove_missing=waiting["remove"],
    )
    model_admin.message_user(request, background.stored(done), messages.SUCCESS)
    return HttpResponseRedirect(reverse("admin:triage_guidelinerelease_add"))


# --- What is shown ------------------------------------------------------------------------------------
def _shown(changes: Sequence[exchange.Change]) -> Iterator[dict[str, Any]]:
    names = dict(Condition.objects.values_list("code", "name"))
    for change in changes[:CHANGES_SHOWN]:
        fields = [
            {
                "field": name,
                "lines": lines_of(text_of(name, before, names), text_of(name, after, names), name),
            }
            for name, before, after in (change.fields if change.action == "changed" else ())
        ]
        yield {
            "kind": _KINDS.get(change.kind, change.kind),
            "code": change.code,
            "action": change.action,
            "fields": fields,
        }


def lines_of(before: str, after: str, name: str) -> tuple[Line, ...]:
    """Both texts as one, each line kept, new or gone."""
    found = [
        Line(line[0], line[2:])
        for line in difflib.ndiff(before.splitlines(), after.splitlines())
        if line[0] != "?"
    ]
    return tuple(found) if name in CRITERIA else fold(found)


def text_of(name: str, value: Any, names: Mapping[str, str]) -> str:
    """A field as people read it: criteria in plain words, lists and tables a line per entry."""
    if value in (None, ""):
        return ""
    if name in CRITERIA:
        try:
            return describe(parse_criteria(value), names)
        except CriteriaError as wrong:
            return str(wrong)
    if isinstance(value, Mapping):
        return "\n".join(f"{key}: {_plain(each)}" for key, each in sorted(value.items()))
    if isinstance(value, list):
        return "\n".join(map(_plain, value))
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (
        value
        if isinstance(value, str)
        else json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    )
