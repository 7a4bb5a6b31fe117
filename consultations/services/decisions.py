"""What the person at the counter decided, and what came of it."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from django.utils import timezone

from accounts.models import Cadre, User
from consultations.models import URGENT_LEVELS, Consultation, State
from consultations.services.evaluation import Evaluation
from dermatech.core.errors import FieldError, Forbidden, Unprocessable, ValidationFailed
from dermatech.core.releases import canonical_json, content_hash
from medications.engine import Formulary
from triage.engine import Level


class Action(StrEnum):
    """What was done for the patient."""

    SUPPLY = "supply"
    REFER = "refer"
    ADVISE = "advise"
    NO_ACTION = "no_action"


class Result(StrEnum):
    """How it ended; saying so closes the consultation."""

    RESOLVED = "resolved"
    IMPROVED = "improved"
    UNCHANGED = "unchanged"
    WORSE = "worse"
    REFERRED = "referred"
    LOST_TO_FOLLOW_UP = "lost_to_follow_up"
    OTHER = "other"


def decide(
    consultation: Consultation,
    decision: Mapping[str, Any] | None,
    *,
    actor: User,
    evaluation: Evaluation,
    formulary: Formulary | None,
) -> None:
    """Set the decision on an unsaved or locked consultation; None takes it back.

    Going against the advice is a person's right and needs a reason; supplying what is not proposed is
    the pharmacist's alone. Raises ValidationFailed, Forbidden (`override_not_allowed`), Unprocessable
    (`override_reason_required`).
    """
    if decision is None:
        consultation.decision = None
        return
    action, medications = Action(decision["action"]), list(decision.get("medications", ()))
    reason = decision.get("override_reason", "").strip()
    _check_medications(action, medications, formulary)
    overrides = _overrides(medications, evaluation)
    if overrides and actor.cadre != Cadre.PHARMACIST:
        raise Forbidden(
            "Only a pharmacist may supply what is not proposed: ask the pharmacist in charge, or refer.",
            code="override_not_allowed",
        )
    against = _against(action, overrides, evaluation)
    if against and not reason:
        raise Unprocessable(
            f"{against} Give decision.override_reason to go ahead.", code="override_reason_required"
        )
    said = {
        "action": action.value,
        "medications": medications,
        "override_reason": reason,
        "overridden": bool(against),
        "against": against,
        "overrides": overrides,
        "basis": _basis(evaluation.level.value, medications, evaluation.proposed),
    }
    current = consultation.decision
    if current is not None and all(current.get(name) == value for name, value in said.items()):
        return  # the same decision said again, on the same advice, keeps its author and time
    consultation.decision = {
        **said,
        "decided_by": str(actor.pk),
        "decided_at": timezone.now().isoformat().replace("+00:00", "Z"),
    }


# What a medicine comes to for a patient; why it was proposed is no part of that.
_ADVICE = (
    "medication", "name", "dose", "frequency", "route", "duration_days", "quantity", "maxima", "counselling",
    "warnings",
)  # fmt: skip


def still_stands(decision: Mapping[str, Any], *, level: str, proposed: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the advice is still what was decided on. It changes with other facts, a new photo or a new
    formulary. Referring somebody stands whatever comes."""
    if decision["action"] == Action.REFER:
        return True
    proposed = list(proposed)
    kept = decision.get("basis")
    if kept is None:  # decided before decisions kept it: what goes against the advice now has its reason
        names = {row["medication"] for row in proposed}
        follows = level not in URGENT_LEVELS and names.issuperset(decision["medications"])
        return follows or bool(decision["override_reason"])
    now = _basis(level, decision["medications"], proposed)
    worse = Level(level).worse_than(Level(kept["level"]))
    return not worse and bool(now["advice"] == kept["advice"])


def _basis(level: str, medications: list[str], proposed: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What a decision rests on: the level, and a hash of what was advised of the chosen medicines."""
    chosen = [
        {name: row.get(name) for name in _ADVICE} for row in proposed if row["medication"] in medications
    ]
    return {"level": level, "advice": content_hash(canonical_json(chosen))}


def close(consultation: Consultation, outcome: Mapping[str, Any]) -> None:
    """Set the outcome of an unsaved or locked consultation, which closes it."""
    consultation.outcome = {"result": Result(outcome["result"]).value, "note": outcome.get("note", "")}
    consultation.state = State.CLOSED
    consultation.closed_at = timezone.now()


def _check_medications(action: Action, medications: list[str], formulary: Formulary | None) -> None:
    if action is Action.SUPPLY and not medications:
        raise ValidationFailed.of(
            "decision.medications", "required", "Say which medicines are supplied, by their ids."
        )
    if action is not Action.SUPPLY and medications:
        raise ValidationFailed.of(
            "decision.medications", "not_allowed", "Medicines go with the action supply only."
        )
    known = formulary.medications if formulary is not None else {}
    unknown = [
        FieldError(
            f"decision.medications.{index}",
            "unknown_medication",
            "This medicine is not in the published formulary; see GET /medications.",
        )
        for index, name in enumerate(medications)
        if name not in known
    ]
    if unknown:
        raise ValidationFailed(errors=unknown)


def _overrides(medications: list[str], evaluation: Evaluation) -> list[dict[str, str]]:
    """The medicines chosen against the advice, each with the code and the rule that spoke against it."""
    proposed = {row["medication"]: row for row in evaluation.proposed}
    excluded = {row["medication"]: row for row in evaluation.excluded}
    found = []
    for name in medications:
        if name in proposed and proposed[name]["may_supply"]:
            continue
        if name in proposed:
            code, rule = "legal_class", f"medications.{name}.legal_class"
        elif name in excluded:
            code, rule = excluded[name]["code"], excluded[name]["rule"]
        else:
            code, rule = "not_a_candidate", ""
        found.append({"medication": name, "code": code, "rule": rule})
    return found


def _against(action: Action, overrides: list[dict[str, str]], evaluation: Evaluation) -> str:
    """What the decision goes against, as a sentence; empty when it follows the advice."""
    if evaluation.level.value in URGENT_LEVELS and action is not Action.REFER:
        return "Triage says that this patient must be referred without delay."
    if overrides:
        named = (f"{each['medication']} ({each['code'].replace('_', ' ')})" for each in overrides)
        return f"Not proposed for this patient: {', '.join(named)}."
    return ""
