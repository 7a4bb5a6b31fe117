"""One round of the sweeper, run by every worker every 15 s."""

from consultations.services.sweeping import sweep_once

__all__ = ["sweep_once"]
