"""Celery tasks: one line into a service each. Messages carry ids only."""

import uuid

from celery import Task, shared_task

from consultations.inference import shadow as shadows
from consultations.models import Status
from consultations.services.worker import run_analysis
from consultations.tasks import retention, webhooks  # noqa: F401  # their threads start with the worker's
from consultations.tasks.sweep import sweep_once
from consultations.uploads.services import finish_by_id

__all__ = ["analyse", "finish_upload", "shadow", "sweep_once"]


class AnalysisTask(Task[..., None]):
    """A task whose worker notices when the process that works on it does not come back."""

    Request = "consultations.tasks.lost:WatchedRequest"


@shared_task(
    name="consultations.tasks.analyse",
    base=AnalysisTask,
    acks_late=True,
    reject_on_worker_lost=True,
    ignore_result=True,
)
def analyse(analysis_id: str) -> None:
    """Do one analysis. Delivered twice, it is done once."""
    if run_analysis(uuid.UUID(analysis_id)) == Status.SUCCEEDED:
        shadows.ask(uuid.UUID(analysis_id))


@shared_task(name=shadows.TASK, acks_late=True, ignore_result=True, soft_time_limit=20, time_limit=30)
def shadow(analysis_id: str) -> None:
    """Let the model in shadow read what was answered. Delivered twice, it counts once."""
    shadows.run_shadow(uuid.UUID(analysis_id))


@shared_task(name="consultations.tasks.finish_upload", acks_late=True, ignore_result=True)
def finish_upload(upload_id: str) -> None:
    """Make a photo of an upload that is complete. Delivered twice, it is one photo."""
    finish_by_id(uuid.UUID(upload_id))
