"""Load the starter content. Missing rows are inserted, rows that exist are left as they are."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import DatabaseError, transaction

from accounts.audit import Action, Purpose, record
from accounts.models import User
from dermatech.core.releases import LoadReport, active
from triage import selectors, starter
from triage.engine import Knowledge, parse_knowledge
from triage.models import (
    Condition,
    ConditionProfile,
    DifferentialScoring,
    Finding,
    Guideline,
    GuidelineRelease,
    KnowledgeItem,
    SafetyQuestion,
    Vignette,
)
from triage.services.releases import publish_release
from triage.snapshot import WorkingRows, compose

TITLE = "Starter content, not reviewed"


def load_starter_knowledge(*, publish: bool = False, actor: User | None = None) -> LoadReport:
    """Insert what is missing; never overwrite an edit. May be run again at any time.

    `publish` also releases the content when no release is active yet, marked as not reviewed.
    """
    inserted: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    with transaction.atomic():
        for model, rows in _tables():
            new, old = _insert_missing(model, rows)
            inserted[str(model._meta.verbose_name_plural)] += new
            kept[str(model._meta.verbose_name_plural)] += old
        new, old = _insert_profiles()
        inserted["condition profiles"] += new
        kept["condition profiles"] += old
        if inserted.total():
            record(
                actor=actor,
                action=Action.KNOWLEDGE_LOADED,
                entity=("triage", "starter"),
                purpose=Purpose.OPERATIONS,
                detail={"inserted": inserted.total(), "kept": kept.total()},
            )
        release = active(GuidelineRelease)
        if publish and release is None:
            release = publish_release(actor=actor, title=TITLE)
            return LoadReport("triage", dict(inserted), dict(kept), release.label)
    return LoadReport("triage", dict(inserted), dict(kept))


def starter_snapshot() -> dict[str, Any]:
    """The snapshot that the starter content gives, without a database."""
    conditions = [Condition(**row) for row in starter.conditions()]
    by_code = {row.code: row for row in conditions}
    profiles = [{**row, "condition": by_code[row["condition"]]} for row in starter.profiles()]
    return compose(
        WorkingRows(
            conditions=conditions,
            findings=[Finding(**row) for row in starter.findings()],
            profiles=[ConditionProfile(**row) for row in profiles],
            scoring=DifferentialScoring(**starter.scoring()[0]),
            safety_questions=[SafetyQuestion(**row) for row in starter.safety_questions()],
            guidelines=[Guideline(**row) for row in starter.guidelines()],
            vignettes=[Vignette(**row) for row in starter.vignettes()],
        )
    )


def published_or_starter() -> tuple[str, Mapping[str, Any], Knowledge]:
    """What is published, by its name; the starter content where nothing is, or where there is no
    database yet. With its snapshot."""
    try:
        release = active(GuidelineRelease)
    except DatabaseError:
        release = None
    if release is not None:
        return release.label, selectors.snapshot_of(release), selectors.knowledge_of(release)
    snapshot = starter_snapshot()
    return "starter content", snapshot, parse_knowledge(snapshot)


def _tables() -> Iterable[tuple[type[KnowledgeItem], list[starter.Row]]]:
    yield Condition, starter.conditions()
    yield Finding, starter.findings()
    yield DifferentialScoring, starter.scoring()
    yield SafetyQuestion, starter.safety_questions()
    yield Guideline, starter.guidelines()
    yield Vignette, starter.vignettes()


def _insert_missing(model: type[Any], rows: list[starter.Row]) -> tuple[int, int]:
    """(inserted, kept). Codes are the natural key."""
    there = set(model._default_manager.values_list("code", flat=True))
    new = [model(**row) for row in rows if row["code"] not in there]
    model._default_manager.bulk_create(new)
    return len(new), len(rows) - len(new)


def _insert_profiles() -> tuple[int, int]:
    """Profiles, whose `condition` is a code in the content and a row here."""
    conditions = {row.code: row for row in Condition.objects.all()}
    rows = [
        {**row, "condition": conditions[row["condition"]]}
        for row in starter.profiles()
        if row["condition"] in conditions
    ]
    return _insert_missing(ConditionProfile, rows)
