"""Counting: a handful of grouped queries over a span of days, kept for a minute.

Every row goes through `visible_to`: a supervisor of a region counts that region.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.core.cache import cache
from django.db.models import Count, F, Func, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.fields import CharField
from django.utils import timezone
from redis.exceptions import RedisError

from accounts import policy
from accounts.audit.models import AuditEvent
from accounts.models import User
from consultations.models import Analysis, Consultation, Photo, Status

SPANS: Final = (7, 28, 84)  # days
KEPT_SECONDS: Final = 60
# The newest answers of an image model that agreement is counted on.
_NEWEST = 5_000
Row = list[Any]


class Day(Func):
    """The UTC day as text. Both databases keep UTC, so that SQLite need not parse a million times."""

    template = "(%(expressions)s)::date::text"
    output_field = CharField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="SUBSTR(%(expressions)s, 1, 10)", **extra)


@dataclass(frozen=True, slots=True)
class CaseFigures:
    """What happened since `first`. Lists, so that JSON gives back the same.

    cases: [day, level, diagnosis, n, abstained, ranked, decided, overridden, agreeing, comparable]
    acts: [diagnosis, supplied medicines as JSON or None, action, whom to notify of what, n, not passed on]
    tones: [group, n, comparable, agreeing, abstained]
    image: [group, comparable, agreeing]
    """

    first: str
    days: int
    cases: list[Row]
    acts: list[Row]
    tones: list[Row]
    image: list[Row]


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """Where the analyses stand. `oldest_seconds`: how long the first in line waits."""

    queued: int
    running: int
    failed: int
    oldest_seconds: int | None


def span(text: str | None) -> int:
    """One of SPANS; the middle one for anything else."""
    return int(text) if text in {str(days) for days in SPANS} else SPANS[1]


def case_figures(user: User, *, days: int) -> CaseFigures:
    """Everything about consultations, counted at most once a minute for all who see the same. Whoever
    opened a record beyond their region reads it there and not in the sums."""
    first = timezone.now().date() - timedelta(days=days - 1)
    where = f"{user.role}:{policy.boundary(user)}:{user.premises_id or ''}"
    kept = _remembered(
        f"figures:cases:{where}:{first}:{days}", lambda: asdict(_count_cases(user, first, days))
    )
    return CaseFigures(**kept)


def audit_figures(*, days: int = SPANS[0]) -> list[Row]:
    """[day, outcome, n] of the audit log; only for who may read it."""
    first = timezone.now().date() - timedelta(days=days - 1)

    def count() -> list[Row]:
        rows = AuditEvent.objects.filter(recorded_at__gte=_midnight(first)).order_by()
        grouped = rows.annotate(day=Day("recorded_at")).values_list("day", "outcome")
        return [list(row) for row in grouped.annotate(n=Count("pk")).order_by("day")]

    rows: list[Row] = _remembered(f"figures:audit:{first}:{days}", count)
    return rows


def queue_figures(user: User) -> QueueFigures:
    """The queue as it is now, in one query over the index of states."""
    rows = Analysis.objects.visible_to(user).filter(status__in=(Status.QUEUED, Status.RUNNING, Status.FAILED))
    found = {
        status: (n, oldest)
        for status, n, oldest in rows.order_by()
        .values_list("status")
        .annotate(n=Count("pk"), oldest=Min("created_at"))
    }
    waiting, since = found.get(Status.QUEUED.value, (0, None))
    return QueueFigures(
        queued=waiting,
        running=found.get(Status.RUNNING.value, (0, None))[0],
        failed=found.get(Status.FAILED.value, (0, None))[0],
        oldest_seconds=int((timezone.now() - since).total_seconds()) if since else None,
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), tzinfo=timezone.get_default_timezone())


def _remembered(key: str, count: Callable[[], Any]) -> Any:
    """What was counted within the last minute, else counted now. Without the cache it is counted anew."""
    try:
        kept = cache.get(key)
    except (RedisError, OSError):
        return count()
    if kept is not None:
        return json.loads(kept)
    made = count()
    try:
        cache.set(key, json.dumps(made), KEPT_SECONDS)
    except (RedisError, OSError):
        return made
    return made


# --- the queries -----------------------------------------------------------------------------------
def _comparable(to: str = "") -> Q:
    """Consultations with a ranking and a diagnosis; `to` is the way there from another row."""
    ranked = Q(**{f"{to}abstained": "false", f"{to}leading__isnull": False})
    return ranked & ~Q(**{f"{to}working_diagnosis": ""})


def _agreeing(to: str = "") -> Q:
    """Of those, where the ranking puts the diagnosis first."""
    return _comparable(to) & Q(**{f"{to}leading": F(f"{to}working_diagnosis")})


def _count_cases(user: User, first: date, days: int) -> CaseFigures:
    rows = Consultation.objects.visible_to(user).filter(created_at__gte=_midnight(first)).order_by()
    return CaseFigures(
        first=first.isoformat(),
        days=days,
        cases=_cases(rows),
        acts=_lists(
            rows.filter(Q(action__isnull=False) | Q(notify__isnull=False))
            .values_list("working_diagnosis", "supplied", "action", "notify")
            .annotate(n=Count("pk"), left=Count("pk", filter=Q(notification__isnull=True)))
        ),
        tones=_tones(user, first),
        image=_image(user, first),
    )


def _cases(rows: QuerySet[Consultation]) -> list[Row]:
    return _lists(
        rows.annotate(day=Day("created_at"))
        .values_list("day", "triage_level", "working_diagnosis")
        .annotate(
            n=Count("pk"),
            abstaining=Count("pk", filter=Q(abstained="true")),
            ranked=Count("pk", filter=Q(abstained__isnull=False)),
            decided=Count("pk", filter=Q(action__isnull=False)),
            against=Count("pk", filter=Q(overridden="true")),
            agreeing=Count("pk", filter=_agreeing()),
            comparable=Count("pk", filter=_comparable()),
        )
    )


def _tones(user: User, first: date) -> list[Row]:
    """By skin-tone group of the photos; a consultation counts once in each group it has."""
    rows = Photo.objects.visible_to(user).filter(
        consultation__created_at__gte=_midnight(first), quality__isnull=False
    )

    def cases(condition: Q | None = None) -> Count:
        return Count("consultation", distinct=True, filter=condition)

    return _lists(
        rows.order_by()
        .values_list("quality__skin_tone__group")
        .annotate(
            n=cases(),
            comparable=cases(_comparable("consultation__")),
            agreeing=cases(_agreeing("consultation__")),
            abstaining=cases(Q(consultation__abstained="true")),
        )
    )


def _image(user: User, first: date) -> list[Row]:
    """Whether the condition that the image spoke for most is the pharmacist's diagnosis."""
    tone = Photo.objects.filter(consultation=OuterRef("consultation"), quality__isnull=False)
    rows = (
        Analysis.objects.visible_to(user)
        .filter(status=Status.SUCCEEDED, model__isnull=False, evidence__isnull=False)
        .filter(created_at__gte=_midnight(first))
        .exclude(consultation__working_diagnosis="")
        .order_by("-created_at")
        .values_list(
            "evidence__likelihoods",
            "consultation__working_diagnosis",
            Subquery(tone.values("quality__skin_tone__group")[:1]),
        )
    )[:_NEWEST]
    counted: dict[str | None, Row] = {}
    for likelihoods, diagnosis, group in rows:
        spoken = spoken_for(likelihoods or {})
        if spoken is None:
            continue
        row = counted.setdefault(group, [group, 0, 0])
        row[1] += 1
        row[2] += spoken == diagnosis
    return list(counted.values())


def spoken_for(likelihoods: Mapping[str, float]) -> str | None:
    """The condition that an image made more likely than any other; None where it favoured none."""
    best = max(likelihoods, key=lambda name: likelihoods[name], default=None)
    return best if best is not None and likelihoods[best] > 1 else None


def _lists(rows: Iterable[Any]) -> list[Row]:
    return [list(row) for row in rows]
