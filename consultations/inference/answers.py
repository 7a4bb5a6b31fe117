"""What was answered about one lesion, under the names that an image model's manifest can ask for.

A model takes facts; part of what is asked of a lesion are findings. Where the question is wider than the
name, only a yes is told: a no to "new, growing or changing?" would say more than was asked.
"""

from collections.abc import Collection, Mapping

_EXACT: Mapping[str, str] = {"itchy": "lesion_itches", "raised_bumps": "lesion_raised"}
_WIDER: Mapping[str, str] = {"changing_mole": "lesion_changed", "non_healing_sore": "lesion_bleeds"}


def told_to_model(
    facts: Mapping[str, object], present: Collection[str], absent: Collection[str]
) -> dict[str, object]:
    """The facts, and `lesion_itches`, `lesion_raised`, `lesion_changed` and `lesion_bleeds` (true or false)
    where they are known. `present` and `absent` are findings."""
    told: dict[str, object] = {}
    itch = facts.get("itch_score")
    if isinstance(itch, int | float):
        told["lesion_itches"] = itch > 0
    if facts.get("changing_pigmented_lesion") is True:
        told["lesion_changed"] = True
    told |= {name: False for finding, name in _EXACT.items() if finding in absent}
    told |= {name: True for finding, name in {**_EXACT, **_WIDER}.items() if finding in present}
    return {**facts, **told}
