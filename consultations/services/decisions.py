"""What the person at the counter decided, and what came of it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from django.utils import timezone

from accounts.models import User
from consultations.models import URGENT_LEVELS, Consultation, State
from consultations.services.evaluation import Evaluation
from dermatech.core.errors import FieldError, Unprocessable, ValidationFailed
from medications.engine import Formulary


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

    Going against the advice is a person's right and needs a reason. Raises ValidationFailed,
    Unprocessable.
    """
    if decision is None:
        consultation.decision = None
        return
    action, medications = Action(decision["action"]), list(decision.get("medications", ()))
    reason = decision.get("override_reason", "").strip()
    _check_medications(action, medications, formulary)
    against = _against(action, medications, evaluation)
    if against and not reason:
        raise Unprocessable(
            f"{against} Give decision.override_reason to go ahead.", code="override_reason_required"
        )
    said = {"action": action.value, "medications": medications, "override_reason": reason}
    current = consultation.decision
    if current is not None and all(current.get(name) == value for name, value in said.items()):
        return  # the same decision said again keeps its author and time
    consultation.decision = {
        **said,
        "decided_by": str(actor.pk),
        "decided_at": timezone.now().isoformat().replace("+00:00", "Z"),
    }


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


def _against(action: Action, medications: list[str], evaluation: Evaluation) -> str:
    """What the decision goes against, as a sentence; empty when it follows the advice."""
    if evaluation.level.value in URGENT_LEVELS and action is not Action.REFER:
        return "Triage says that this patient must be referred without delay."
    proposed = {row["medication"] for row in evaluation.proposed if row["may_supply"]}
    others = [name for name in medications if name not in proposed]
    if others:
        return f"Not proposed for this patient: {', '.join(others)}."
    return ""
