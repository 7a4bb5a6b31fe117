"""One round of the sweeper, run by every worker every five seconds."""

from consultations.services import sweeping
from consultations.uploads import tidying


def sweep_once() -> int:
    """What was lost is sent again, uploads whose time is over are tidied away. Returns how many analyses
    were sent."""
    tidying.tidy_once()
    return sweeping.sweep_once()
