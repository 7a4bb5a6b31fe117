"""What every worker does for uploads once in a while."""

from datetime import timedelta

from django.utils import timezone

from consultations.models import Upload
from consultations.services.dispatch import Queue, publisher
from consultations.uploads import services

FINISH = "consultations.tasks.finish_upload"
# A request that makes a photo of its last byte needs seconds; after that nobody does it any more.
IDLE = timedelta(seconds=60)


def tidy_once() -> None:
    """Take away what expired, and have a worker finish what is complete and was left lying."""
    services.expire()
    now = timezone.now()
    for upload_id in services.unfinished(idle_since=now - IDLE):
        # One sweeper asks, and not again before the worker had its time.
        asked = Upload.objects.filter(pk=upload_id, updated_at__lt=now - IDLE).update(updated_at=now)
        if asked and not publisher.tell(FINISH, [str(upload_id)], queue=Queue.INTERACTIVE):
            break
