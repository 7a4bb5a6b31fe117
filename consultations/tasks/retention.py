"""Once a day a worker takes pictures away that were kept long enough."""

from consultations.services.retention import run_when_due
from dermatech.core import chores

chores.repeat("retention", seconds=3600, work=run_when_due)
