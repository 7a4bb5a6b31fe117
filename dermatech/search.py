"""One field that finds everything in the admin: pages by title, rows by words, records by identifier.

Tables that grow without end are asked for identifiers alone, through their indexes; everything else for
words, and for a few rows. Nothing is kept: what was found may name people.
"""

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlencode

from django.apps import apps
from django.contrib import admin
from django.db import transaction
from django.db.models import Case, Q, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from accounts import audit
from accounts.models import User
from consultations.services.consultations import record_list
from dermatech.theme import pages_of

PER_KIND: Final = 5
_PAGES: Final = 8
_LONGEST: Final = 100  # characters
_MOST_WORDS: Final = 8
_SHORTEST: Final = 2  # characters, for rows
# What a phone calls its consultation, or a request its id: one word with a digit in it.
_REFERENCE: Final = re.compile(r"(?=.*\d)[\w.:/+=-]{4,100}")
_BEGINNING: Final = re.compile(r"(?=.*\d)[0-9a-f]{8,31}")
_HEX: Final = 32  # digits of a UUID


@dataclass(frozen=True, slots=True)
class Hit:
    """One line of what was found."""

    title: str
    description: str
    link: str
    icon: str


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows that are found by words. `first` is the field whose beginning counts most; `numbered`: whether one
    word with a digit in it may name them."""

    label: str
    called: str
    icon: str
    first: str
    title: Callable[[Any], str] = str
    about: Callable[[Any], str] = lambda row: ""
    numbered: bool = True


def _work(person: Any) -> str:
    work = person.get_cadre_display() or person.get_role_display()
    return f"{work}, {person.premises}" if person.premises else str(work)


def _medicine(row: Any) -> str:
    return f"{row.generic_name} {row.strength} {row.get_form_display().lower()}"


_KINDS: Final = (
    Kind("accounts.user", "Person", "group", "full_name", lambda row: row.full_name, _work),
    Kind(
        "accounts.premises", "Premises", "storefront", "name",
        about=lambda row: f"{row.licence or 'no licence number'}, {row.get_region_display()}",
    ),
    Kind("triage.condition", "Condition", "dermatology", "name", about=lambda row: row.icd10),
    Kind("triage.finding", "Finding", "fact_check", "name", about=lambda row: row.question, numbered=False),
    Kind("triage.guideline", "Guideline", "rule", "title", lambda row: row.title, lambda row: row.code),
    Kind(
        "triage.guidelinerelease", "Guideline release", "verified", "title",
        about=lambda row: row.get_state_display(),
    ),
    Kind("medications.medication", "Medicine", "medication", "generic_name", _medicine),
    Kind(
        "medications.treatment", "Treatment", "healing", "condition",
        lambda row: f"{row.condition_name or row.condition}: {row.medication}",
        lambda row: row.get_line_display(),
    ),
    Kind(
        "medications.formularyrelease", "Formulary release", "verified", "title",
        about=lambda row: row.get_state_display(),
    ),
)  # fmt: skip


def search(request: HttpRequest) -> HttpResponse:
    """The lines of the search, as the palette puts them under its field."""
    term = clean(request.GET.get("s", ""))
    found: Sequence[Hit] = find(request, term) if term else ()
    context = {"term": term, "found": found, "short": len(term) < _SHORTEST}
    return render(request, "admin/search_results.html", context)


def clean(text: str) -> str:
    """What was typed, bounded: no control characters, so many words and characters."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * _LONGEST])
    return " ".join(shown.split()[:_MOST_WORDS])[:_LONGEST].strip()


def find(request: HttpRequest, term: str) -> list[Hit]:
    """Everything that `term` names and this person may see. Reading records is written to the log."""
    found = _pages(request, term)
    if len(term) < _SHORTEST:
        return found
    identifier = _identifier(term)
    if identifier is None:
        reference = _REFERENCE.fullmatch(term)
        for kind in (kind for kind in _KINDS if kind.numbered or not reference):
            found += _by_words(request, kind, term)
    return [*found, *_records(request, term, identifier)]


# --- pages and words -------------------------------------------------------------------------------
def _pages(request: HttpRequest, term: str) -> list[Hit]:
    words = term.casefold().split()
    found = []
    for group, page in pages_of(request.user):
        if all(word in f"{page['title']} {group}".casefold() for word in words):
            hit = Hit(page["title"], f"Page, {group}", str(page["link"]), page["icon"])
            found.append((not page["title"].casefold().startswith(words[0]), hit))
    return [hit for _, hit in sorted(found, key=lambda each: each[0])][:_PAGES]


def _by_words(request: HttpRequest, kind: Kind, term: str) -> list[Hit]:
    page = _admin_of(kind.label)
    if not page.has_view_permission(request):
        return []
    rows, doubled = page.get_search_results(request, page.get_queryset(request), term)
    begins = Case(When(**{f"{kind.first}__istartswith": term, "then": 0}), default=1)
    rows = _beside(page, rows).order_by(begins, kind.first, "pk")
    found = list((rows.distinct() if doubled else rows)[: PER_KIND + 1])
    hits = [
        Hit(kind.title(row), _said(kind.called, kind.about(row)), _address(page, row.pk), kind.icon)
        for row in found[:PER_KIND]
    ]
    if len(found) > PER_KIND:
        plural = str(page.opts.verbose_name_plural)
        there = f"{_address(page)}?{urlencode({'q': term})}"
        hits.append(Hit(f"All {plural} that match “{term}”", "More of these", there, "manage_search"))
    return hits


def _beside(page: Any, rows: QuerySet[Any]) -> QuerySet[Any]:
    """With what a line shows, in the same query."""
    beside = page.list_select_related
    return rows.select_related(*beside) if isinstance(beside, list | tuple) and beside else rows


# --- records, by identifier ------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Identifier:
    """A UUID, or all that begin alike."""

    low: uuid.UUID
    high: uuid.UUID

    def of(self, name: str) -> Q:
        if self.low == self.high:
            return Q(**{name: self.low})
        return Q(**{f"{name}__range": (self.low, self.high)})


def _identifier(term: str) -> Identifier | None:
    digits = term.lower().replace("-", "")
    try:
        if len(digits) == _HEX:
            return Identifier(uuid.UUID(digits), uuid.UUID(digits))
    except ValueError:
        return None
    if not _BEGINNING.fullmatch(digits):
        return None
    return Identifier(uuid.UUID(digits.ljust(_HEX, "0")), uuid.UUID(digits.ljust(_HEX, "f")))


def _records(request: HttpRequest, term: str, identifier: Identifier | None) -> Iterator[Hit]:
    if identifier is None and not _REFERENCE.fullmatch(term):
        return
    cases, analyses = _cases(request, term, identifier), _analyses(request, identifier)
    yield from (
        Hit(
            f"Consultation {str(row.pk)[-8:]}",
            f"{row.get_triage_level_display()}, {row.premises.name}, {_when(row.created_at)}",
            _address(_admin_of("consultations.consultation"), row.pk), "clinical_notes",
        )
        for row in cases
    )  # fmt: skip
    yield from (
        Hit(
            f"Analysis {str(row.pk)[-8:]}",
            f"{row.get_status_display()}, {_when(row.created_at)}",
            _address(_admin_of("consultations.analysis"), row.pk), "troubleshoot",
        )
        for row in analyses
    )  # fmt: skip
    if seen := [*(row.pk for row in cases), *(row.consultation_id for row in analyses)]:
        with transaction.atomic():
            record_list(actor=cast(User, request.user), ids=list(dict.fromkeys(seen)))
    yield from _events(request, term, identifier)


def _cases(request: HttpRequest, term: str, identifier: Identifier | None) -> list[Any]:
    page = _admin_of("consultations.consultation")
    if not page.has_view_permission(request):
        return []
    called = Q(client_reference=term) & ~Q(client_reference="")
    rows = page.get_queryset(request).select_related(None).select_related("premises")
    shown = rows.only("created_at", "triage_level", "premises__name")
    found = list(shown.filter(called).order_by()[:PER_KIND])
    if identifier is not None and len(found) < PER_KIND:
        here = {row.pk for row in found}
        by_id = shown.filter(identifier.of("pk")).order_by("-pk")[:PER_KIND]
        found += [row for row in by_id if row.pk not in here]
    return found[:PER_KIND]


def _analyses(request: HttpRequest, identifier: Identifier | None) -> list[Any]:
    page = _admin_of("consultations.analysis")
    if identifier is None or not page.has_view_permission(request):
        return []
    rows = page.get_queryset(request).only("created_at", "status", "consultation_id")
    return list(rows.filter(identifier.of("pk")).order_by("-pk")[:PER_KIND])


def _events(request: HttpRequest, term: str, identifier: Identifier | None) -> list[Hit]:
    """By the event's own id, or by the id of the request that it was part of."""
    page = _admin_of("accounts.auditevent")
    if not page.has_view_permission(request):
        return []
    asked = Q(request_id=term) & ~Q(request_id="")
    rows = page.get_queryset(request).select_related(None).defer("canonical_json")
    # Sorted here: in the query it would tempt the database to walk through the whole log, newest first.
    found = sorted(rows.filter(asked).order_by()[: 4 * PER_KIND], key=lambda row: row.pk, reverse=True)
    if identifier is not None and not found:
        found = list(rows.filter(identifier.of("pk")).order_by("-pk")[:PER_KIND])
    if found:
        with transaction.atomic():
            audit.record(
                actor=cast(User, request.user), action=audit.Action.AUDIT_READ,
                entity=(page.opts.label_lower, ""), purpose=audit.Purpose.COMPLIANCE,
                detail={"query": urlencode({"s": term})},
            )  # fmt: skip
    return [
        Hit(
            str(row.get_action_display()),
            f"Audit event, {row.actor_name or 'the system'}, {_when(row.recorded_at)}",
            _address(page, row.pk),
            "receipt_long",
        )
        for row in found[:PER_KIND]
    ]


# --- in words --------------------------------------------------------------------------------------
def _admin_of(label: str) -> Any:
    return cast(Any, admin.site._registry[apps.get_model(label)])


def _address(page: Any, key: object = None) -> str:
    name = f"admin:{page.opts.app_label}_{page.opts.model_name}"
    return reverse(f"{name}_changelist") if key is None else reverse(f"{name}_change", args=[key])


def _when(moment: Any) -> str:
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT")


def _said(*parts: Iterable[str] | str) -> str:
    return ", ".join(str(part) for part in parts if part)
