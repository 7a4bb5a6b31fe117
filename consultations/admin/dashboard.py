"""The front page of the admin: what waits for me, then what happened, each with its table and CSV."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from accounts import audit, policy
from accounts.audit.table import csv_row
from accounts.models import User
from accounts.policy import Permission
from consultations.admin.badges import queue_of
from consultations.dashboard import blocks, figures
from consultations.documents.source import is_antibiotic
from dermatech.core.errors import Unavailable
from medications import selectors as formulary_selectors
from triage.selectors import current_knowledge

_PER_DAY = {7: "week", 28: "4 weeks", 84: "12 weeks"}


@dataclass(frozen=True, slots=True)
class Tile:
    """One number that waits for somebody, and where to go with it. `calm`: nothing to do."""

    title: str
    number: str
    said: str
    link: str
    calm: bool


def callback(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the front page shows beside the navigation; only what the role may see."""
    user = cast(User, request.user)
    days = figures.span(request.GET.get("days"))
    shown = _blocks(user, days)
    context.update(
        tiles=_tiles(request, user, shown),
        blocks=shown,
        days=days,
        spans=list(_PER_DAY.items()) if _reads_cases(user) else [],
    )
    return context


def download(request: HttpRequest, key: str) -> HttpResponse:
    """The table behind a chart as CSV; 404 for what the role does not see."""
    user = cast(User, request.user)
    days = figures.span(request.GET.get("days"))
    block = next((each for each in _blocks(user, days) if each.key == key), None)
    if block is None:
        raise Http404
    with transaction.atomic():
        audit.record(
            actor=user, action=audit.Action.REPORT_READ, purpose=audit.Purpose.QUALITY,
            detail={"document": "figures", "figure": key, "days": days, "rows": len(block.rows)},
        )  # fmt: skip
    body = csv_row(block.head) + b"".join(csv_row(row) for row in block.rows)
    return HttpResponse(
        body,
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{key}-{days}-days.csv"',
            "X-Content-Type-Options": "nosniff",
        },
    )


def _reads_cases(user: User) -> bool:
    return policy.allows(user, Permission.CONSULTATION_READ_ALL)


def _blocks(user: User, days: int) -> list[blocks.Block]:
    shown: list[blocks.Block] = []
    if _reads_cases(user):
        shown += blocks.case_blocks(figures.case_figures(user, days=days), _knowledge())
    elif policy.allows(user, Permission.AUDIT_READ):
        shown.append(blocks.audit_block(figures.audit_figures(), days=figures.SPANS[0]))
    return shown


def _knowledge() -> blocks.Knowledge:
    """Names and antibiotics of what is published, asked for at most once a minute."""
    return _knowledge_of(int(time.monotonic() // figures.KEPT_SECONDS))


@lru_cache(maxsize=1)
def _knowledge_of(minute: int) -> blocks.Knowledge:
    names: dict[str, str] = {}
    found: frozenset[str] = frozenset()
    try:
        names = {code: each.name for code, each in current_knowledge()[1].conditions.items()}
        release, _ = formulary_selectors.current_formulary()
        listed = formulary_selectors.snapshot_of(release)["medications"]
        found = frozenset(row["id"] for row in listed if is_antibiotic(row))
    except Unavailable:
        pass  # the numbers stand without it, and codes for names
    return blocks.Knowledge(names, found)


def _tiles(request: HttpRequest, user: User, shown: Sequence[blocks.Block]) -> list[Tile]:
    tiles = []
    waiting: dict[str, int] = getattr(request, "waiting", {})
    if policy.allows(user, Permission.RELEASE_APPROVE):
        for app, words in (("triage", "Guidelines to decide on"), ("medications", "Formulary to decide on")):
            n = waiting.get(f"{app}.admin.badges.proposed", 0)
            model = "guidelinerelease" if app == "triage" else "formularyrelease"
            tiles.append(
                Tile(
                    words, f"{n}", "A colleague's, waiting for you." if n else "None waits for you.",
                    reverse(f"admin:{app}_{model}_changelist") + "?state__exact=proposed", not n,
                )
            )  # fmt: skip
    if policy.allows(user, Permission.ACCOUNT_VERIFY):
        n = waiting.get("accounts.admin.badges.waiting", 0)
        tiles.append(
            Tile(
                "Registrations", f"{n}", "To compare with the register." if n else "Everybody was answered.",
                reverse("admin:accounts_user_changelist") + "?state__exact=pending", not n,
            )
        )  # fmt: skip
    if _reads_cases(user):
        tiles += [_to_pass_on(shown), _queue(request)]
    return tiles


def _to_pass_on(shown: Sequence[blocks.Block]) -> Tile:
    rows = next((each.rows for each in shown if each.key == "notifiable"), ())
    left = sum(int(row[2]) for row in rows)
    said = "Suspicions that nobody has passed on yet." if left else "Every suspicion was passed on."
    link = reverse("admin:consultations_notifiablecase_changelist") + "?sent=no"
    return Tile("Notifiable", f"{left}", said, link, not left)


def _queue(request: HttpRequest) -> Tile:
    queue = queue_of(request)
    said = f"{queue.running} running. "
    if queue.failed:
        said += f"{queue.failed} failed and can be tried again."
    elif queue.queued and queue.oldest_seconds is not None:
        said += f"The first in line waits for {_for_how_long(queue.oldest_seconds)}."
    else:
        said += "Nobody waits."
    link = reverse("admin:consultations_analysis_changelist")
    calm = not queue.failed and (queue.oldest_seconds or 0) < 60
    return Tile("Photos in line", f"{queue.queued}", said, link, calm)


def _for_how_long(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} minutes"
