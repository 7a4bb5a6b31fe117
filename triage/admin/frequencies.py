"""The matrix as a grid: how often each finding occurs in each condition, edited cell by cell.

A save names for every cell what was seen and what it becomes. A cell that somebody else changed in the
meantime is a conflict: nothing is stored, and the page shows both values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse

from accounts.models import User
from dermatech.core.errors import Conflict, DomainError, FieldError, ValidationFailed
from triage import services
from triage.admin.base import actor_of
from triage.admin.building import body_of
from triage.models import Category, ConditionProfile, Finding, Frequency

MAX_CHANGES = 5_000  # more than the matrix has cells that anybody fills by hand


@dataclass(frozen=True, slots=True)
class Cell:
    """One change. `before` and `after` are frequency words, or empty: as often as in anybody."""

    condition: str
    finding: str
    before: str
    after: str


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """The grid, or the answer to a save."""
    if request.method == "POST":
        return _save(request)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "How often findings occur",
        "opts": model_admin.opts,
        "grid": grid(),
        "may_edit": model_admin.has_change_permission(request),
        "is_fullwidth": True,
    }
    return TemplateResponse(request, "admin/triage/frequencies.html", context)


def grid() -> dict[str, Any]:
    """Conditions, findings in their groups, and the cells that are filled."""
    profiles = ConditionProfile.objects.select_related("condition").order_by("condition__name")
    findings = Finding.objects.order_by("group", "name")
    return {
        "conditions": [
            {"id": row.code, "name": row.condition.name, "category": row.condition.category}
            for row in profiles
        ],
        "findings": [
            {"id": row.code, "name": row.name, "group": row.group, "question": row.question,
             "background": row.background}
            for row in findings
        ],
        "categories": [[value, label] for value, label in Category.choices],
        "words": list(Frequency.values),
        "cells": {row.code: row.findings for row in profiles},
    }  # fmt: skip


def _save(request: HttpRequest) -> HttpResponse:
    asked = body_of(request)
    try:
        cells = read_changes(asked)
        save_cells(actor=actor_of(request), cells=cells)
    except DomainError as refused:
        found = [{"place": each.field, "now": each.message} for each in refused.errors]
        return JsonResponse({"message": refused.detail, "conflicts": found}, status=refused.status)
    return JsonResponse({"saved": len(cells)})


def read_changes(asked: Mapping[str, Any] | None) -> list[Cell]:
    """The changes of a save. Raises ValidationFailed with the first that cannot be understood."""
    raw = (asked or {}).get("changes")
    if not isinstance(raw, list) or not 1 <= len(raw) <= MAX_CHANGES:
        raise ValidationFailed("There is nothing to save, or it cannot be read.", code="invalid")
    words = {"", *Frequency.values}
    findings = set(Finding.objects.values_list("code", flat=True))
    cells = []
    for each in raw:
        cell = _cell(each)
        if cell is None:
            raise ValidationFailed("A change names condition, finding, before and after.", code="invalid")
        if cell.finding not in findings:
            raise ValidationFailed(f"There is no finding {cell.finding[:80]!r}.", code="unknown_finding")
        if cell.after not in words:
            raise ValidationFailed(f"{cell.after[:80]!r} is no frequency.", code="invalid_choice")
        cells.append(cell)
    return cells


def _cell(raw: Any) -> Cell | None:
    names = ("condition", "finding", "before", "after")
    values = [raw.get(name) for name in names] if isinstance(raw, dict) else [None]
    texts = [value for value in values if isinstance(value, str)]
    return Cell(*texts) if len(texts) == len(names) else None


def save_cells(*, actor: User, cells: Sequence[Cell]) -> None:
    """All cells or none. Raises Conflict with `errors` at "<condition>/<finding>" saying what is there."""
    by_condition: dict[str, list[Cell]] = {}
    for cell in cells:
        by_condition.setdefault(cell.condition, []).append(cell)
    with transaction.atomic():
        rows = {
            row.code: row
            for row in ConditionProfile.objects.select_for_update()
            .filter(code__in=by_condition)
            .order_by("pk")
        }
        if missing := sorted(set(by_condition) - set(rows)):
            raise ValidationFailed(f"There is no row for {missing[0][:80]!r}.", code="unknown_condition")
        _refuse_overtaken(cells, rows)
        for code, changes in by_condition.items():
            _apply(actor, rows[code], changes)


def _refuse_overtaken(cells: Sequence[Cell], rows: Mapping[str, ConditionProfile]) -> None:
    overtaken = [
        FieldError(f"{cell.condition}/{cell.finding}", "changed_meanwhile", now)
        for cell in cells
        if (now := rows[cell.condition].findings.get(cell.finding, "")) not in (cell.before, cell.after)
    ]
    if overtaken:
        raise Conflict(
            "Somebody else changed some of these cells; nothing was saved.",
            code="changed_meanwhile",
            errors=overtaken,
        )


def _apply(actor: User, row: ConditionProfile, changes: Sequence[Cell]) -> None:
    table = dict(row.findings)
    said = []
    for cell in changes:
        before = table.pop(cell.finding, "")
        if cell.after:
            table[cell.finding] = cell.after
        if before != cell.after:
            said.append(f"findings.{cell.finding} ({before or 'blank'} to {cell.after or 'blank'})")
    if said:
        row.findings = table
        services.save_item(actor=actor, item=row, changed=said)
