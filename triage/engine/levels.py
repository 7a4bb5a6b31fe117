"""How urgent it is."""

from enum import StrEnum


class Level(StrEnum):
    """Urgency, worst first."""

    EMERGENCY = "emergency"
    REFER_URGENT = "refer_urgent"
    REFER_ROUTINE = "refer_routine"
    PHARMACY_TREATMENT = "pharmacy_treatment"
    SELF_CARE = "self_care"

    @property
    def rank(self) -> int:
        """0 for the worst, 4 for the mildest."""
        return _RANK[self]

    def worse_than(self, other: "Level") -> bool:
        """Whether this level is strictly more urgent than `other`."""
        return self.rank < other.rank


_RANK = {level: rank for rank, level in enumerate(Level)}

# The answer when no rule fires: a person whom no rule covers is seen by someone.
DEFAULT_LEVEL = Level.REFER_ROUTINE
