"""Celery tasks: one line into a service each. Messages carry ids only."""

import uuid

from celery import shared_task

from consultations.services.worker import run_analysis
from consultations.tasks.sweep import sweep_once

__all__ = ["analyse", "sweep_once"]


@shared_task(
    name="consultations.tasks.analyse", acks_late=True, reject_on_worker_lost=True, ignore_result=True
)
def analyse(analysis_id: str) -> None:
    """Do one analysis. Delivered twice, it is done once."""
    run_analysis(uuid.UUID(analysis_id))
