"""What a careful reader would say about the rules before they are released. Pure.

`lint` finds rules that can never fire, contradict or repeat each other, leave ages out, or say too
little to the patient; `weakened_emergencies` what an edit takes from the emergency rules.
"""

from collections.abc import Mapping
from typing import Any

from dermatech.core.releases import Fault
from triage.engine.knowledge import Knowledge, parse_knowledge
from triage.linter.logic import logical_faults
from triage.linter.weakening import weakened_emergencies
from triage.linter.wording import wording_faults

__all__ = ["lint", "weakened_emergencies"]


def lint(snapshot: Mapping[str, Any], knowledge: Knowledge | None = None) -> list[Fault]:
    """Every finding of a snapshot whose references hold; `knowledge` is what was parsed of it."""
    known = knowledge or parse_knowledge(snapshot)
    return [*logical_faults(known), *wording_faults(snapshot, known)]
