"""Which cases to look at first, and what the reviews say together."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast

from django.db.models import (
    Case,
    CharField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import MD5, Cast, Concat, Replace
from django.utils import timezone

from accounts.models import User
from consultations.dashboard.statistics import Kappa, Share, kappa
from consultations.models import URGENT_LEVELS, Consultation, Review, TriageLevel, Verdict
from triage.models import Condition

DAYS: Final = 28
PAGE: Final = 50
ORDERS: Final = ("risk", "sample")
# The newest reviews that the board is counted on.
_NEWEST = 5_000

# Why a case comes before others: the reason, the rows it is true of, and how much it weighs.
_REASONS: Final[tuple[tuple[str, Q, int], ...]] = (
    ("urgent, and not referred",
     Q(triage_level__in=URGENT_LEVELS) & (Q(action__isnull=True) | ~Q(action="refer")), 16),
    ("against the advice", Q(overridden="true"), 8),
    ("diagnosis is not what the ranking puts first",
     Q(abstained="false") & ~Q(working_diagnosis="") & ~Q(working_diagnosis=F("leading")), 4),
    ("no ranking was claimed", Q(abstained="true"), 2),
    ("emergency", Q(triage_level=TriageLevel.EMERGENCY), 1),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Agreement:
    """One line of the board. `share` is plain agreement, `kappa` beyond chance."""

    title: str
    about: str
    share: Share
    kappa: Kappa


@dataclass(frozen=True, slots=True)
class Board:
    """What reviews of a span of days say. `confused`: (what was said, what the reviewer says, how often)."""

    reviews: int
    agreements: Sequence[Agreement]
    diagnoses: Sequence[tuple[str, str, int]]
    levels: Sequence[tuple[str, str, int]]
    medicines: Share


def queue(user: User, *, order: str, seed: str = "", days: int = DAYS) -> QuerySet[Consultation]:
    """Cases of the last days that nobody has reviewed and that are not `user`'s own; in order of risk,
    or drawn at random so that the same seed draws the same cases."""
    rows = (
        Consultation.objects.visible_to(user)
        .filter(created_at__gte=timezone.now() - timedelta(days=days))
        .exclude(pharmacist=user)
        .filter(~Exists(Review.objects.filter(consultation=OuterRef("pk"))))
        .annotate(risk=_risk())
    )
    if order == "sample":
        # MD5 because every PostgreSQL has it; it shuffles here and guards nothing.
        bare = Replace(Cast("pk", CharField()), Value("-"), Value(""))
        return rows.order_by(MD5(Concat(bare, Value(f":{seed}"), output_field=CharField())))
    return rows.order_by("-risk", "-created_at", "-id")


def _risk() -> Case:
    """The sum of the weights of all reasons."""
    total: object = Value(0)
    for _, condition, weight in _REASONS:
        total = total + Case(  # type: ignore[operator]
            When(condition, then=Value(weight)), default=Value(0), output_field=IntegerField()
        )
    return total  # type: ignore[return-value]


def reasons(risk: int) -> list[str]:
    """The reasons behind a sum of weights, the heaviest first."""
    return [reason for reason, _, weight in _REASONS if risk & weight]


def page_of(rows: QuerySet[Consultation], number: int) -> tuple[list[Consultation], bool]:
    """One page of the queue with what its table shows, and whether there is another. The order is found
    in the index alone; whole rows are read for the page only."""
    start = (number - 1) * PAGE
    found: list[tuple[uuid.UUID, int]] = list(
        cast(Any, rows).values_list("pk", "risk")[start : start + PAGE + 1]
    )
    risks = dict(found[:PAGE])
    shown = (
        Consultation.objects.filter(pk__in=risks)
        .annotate(named=Subquery(Condition.objects.filter(code=OuterRef("working_diagnosis")).values("name")[:1]))
        .select_related("premises", "pharmacist")
        .only(
            "created_at", "triage_level", "working_diagnosis", "presentation", "age_months", "sex", "leading",
            "abstained", "action", "overridden", "premises__name", "pharmacist__full_name",
        )
    )  # fmt: skip
    by_id = {row.pk: row for row in shown}
    ordered = [by_id[key] for key in risks if key in by_id]
    for row in ordered:
        row.__dict__["reasons"] = reasons(risks[row.pk])
    return ordered, len(found) > PAGE


def next_case(
    user: User, *, order: str, seed: str, after: uuid.UUID | None = None, days: int = DAYS
) -> uuid.UUID | None:
    """The first case of the queue, but not the one just looked at."""
    rows = queue(user, order=order, seed=seed, days=days)
    if after is not None:
        rows = rows.exclude(pk=after)
    return rows.values_list("pk", flat=True).first()


def reviews_of(consultation: Consultation) -> list[Review]:
    """Reviews of a case, oldest first, with who wrote them."""
    return list(consultation.reviews.select_related("reviewer").order_by("created_at", "id"))


def board(user: User, *, days: int) -> Board:
    """Agreement of reviewers with pharmacists, with the system and with each other, in one query."""
    rows = list(
        Review.objects.visible_to(user)
        .filter(created_at__gte=timezone.now() - timedelta(days=days))
        .order_by("-created_at")
        .only(
            "consultation_id", "reviewer_id", "diagnosis", "right_diagnosis", "level", "right_level",
            "medicine", "seen_diagnosis", "seen_level",
        )[:_NEWEST]
    )  # fmt: skip
    diagnoses = [(row.seen_diagnosis, row.own_diagnosis) for row in rows if row.seen_diagnosis]
    levels = [(row.seen_level, row.own_level) for row in rows]
    first, second = _pairs_of_reviewers(rows)
    judged = [row for row in rows if row.medicine != Verdict.UNSURE]
    order = TriageLevel.values
    return Board(
        reviews=len(rows),
        agreements=[
            _agreement("Diagnosis", "Reviewer and pharmacist", diagnoses),
            _agreement("Level", "Reviewer and system; near levels count in part", levels, order),
            _agreement("Diagnosis, two reviewers", "Of the same case", first),
            _agreement("Level, two reviewers", "Of the same case", second, order),
        ],
        diagnoses=_confused(diagnoses),
        levels=_confused(levels),
        medicines=Share(sum(row.medicine == Verdict.AGREE for row in judged), len(judged)),
    )


def _agreement(
    title: str, about: str, pairs: Sequence[tuple[str, str | None]], order: Sequence[str] = ()
) -> Agreement:
    known = [(one, other) for one, other in pairs if other is not None]
    share = Share(sum(one == other for one, other in known), len(known))
    return Agreement(title, about, share, kappa(known, ordered=order))


def _confused(pairs: Sequence[tuple[str, str | None]]) -> list[tuple[str, str, int]]:
    counted = Counter((one, other) for one, other in pairs if other is not None and one != other)
    return [(one, other, n) for (one, other), n in counted.most_common(10)]


def _pairs_of_reviewers(
    rows: Sequence[Review],
) -> tuple[list[tuple[str, str | None]], list[tuple[str, str | None]]]:
    """The first two reviews of each case that has two, as pairs of diagnoses and of levels."""
    by_case: dict[uuid.UUID, list[Review]] = {}
    for row in reversed(rows):  # oldest first
        by_case.setdefault(row.consultation_id, []).append(row)
    diagnoses: list[tuple[str, str | None]] = []
    levels: list[tuple[str, str | None]] = []
    for first, second, *_ in (each for each in by_case.values() if len(each) > 1):
        if (said := first.own_diagnosis) is not None:
            diagnoses.append((said, second.own_diagnosis))
        if (said := first.own_level) is not None:
            levels.append((said, second.own_level))
    return diagnoses, levels
