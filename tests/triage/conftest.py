"""The starter knowledge as the engines see it, without a database."""

from typing import Any

import pytest
from hypothesis import settings

from triage.engine import Knowledge, parse_knowledge

# A busy machine is no failure, and examples are not kept between runs.
settings.register_profile("unhurried", deadline=None, database=None)
settings.load_profile("unhurried")


def compose_starter() -> dict[str, Any]:
    """The snapshot of the starter content, from rows that were never saved."""
    from triage import starter
    from triage.models import (
        Condition,
        ConditionProfile,
        DifferentialScoring,
        Finding,
        Guideline,
        SafetyQuestion,
        Vignette,
    )
    from triage.snapshot import WorkingRows, compose

    conditions = [Condition(**row) for row in starter.conditions()]
    by_code = {row.code: row for row in conditions}
    profiles = [
        ConditionProfile(**{**row, "condition": by_code[row["condition"]]}) for row in starter.profiles()
    ]
    return compose(
        WorkingRows(
            conditions=conditions,
            findings=[Finding(**row) for row in starter.findings()],
            profiles=profiles,
            scoring=DifferentialScoring(**starter.scoring()[0]),
            safety_questions=[SafetyQuestion(**row) for row in starter.safety_questions()],
            guidelines=[Guideline(**row) for row in starter.guidelines()],
            vignettes=[Vignette(**row) for row in starter.vignettes()],
        )
    )


@pytest.fixture(scope="session")
def snapshot() -> dict[str, Any]:
    """The starter snapshot."""
    return compose_starter()


@pytest.fixture(scope="session")
def knowledge(snapshot: dict[str, Any]) -> Knowledge:
    """The starter knowledge, parsed."""
    return parse_knowledge(snapshot).of_release("1-test", "starter_unreviewed")
