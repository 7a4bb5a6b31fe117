"""The worker's side of the broker, loaded by workers only."""

from typing import Any

from celery.worker.consumer import Consumer

LONGEST_PAUSE_SECONDS = 3


class EagerConsumer(Consumer):
    """Comes back soon after the broker has: by default the pauses between tries grow to half a minute."""

    def ensure_connected(self, conn: Any) -> Any:
        patient = conn.ensure_connection

        def eager(*args: Any, **kwargs: Any) -> Any:
            return patient(*args, **{**kwargs, "interval_start": 1, "interval_max": LONGEST_PAUSE_SECONDS})

        conn.ensure_connection = eager
        return super().ensure_connected(conn)
