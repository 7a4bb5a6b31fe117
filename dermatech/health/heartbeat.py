"""Which workers are alive, as keys in Redis that expire by Redis's own clock."""

from collections.abc import Sequence
from functools import cache

import redis
import structlog
from django.conf import settings

EVERY_SECONDS = 4
EXPIRES_SECONDS = 15
_NAMES = "dermatech:workers"
_KEY = "dermatech:worker:"
log = structlog.get_logger(__name__)


@cache
def connection() -> "redis.Redis":
    """One client per process; every call on it is bounded to about half a second."""
    client: redis.Redis = redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=0.4, socket_timeout=0.5, decode_responses=True
    )
    return client


def beat(name: str) -> None:
    """Say that worker `name` is alive. A Redis that is away is logged, never raised: the consumer
    that calls this has to reconnect, not to fall."""
    try:
        pipe = connection().pipeline(transaction=False)
        pipe.set(_KEY + name, "alive", ex=EXPIRES_SECONDS)
        pipe.sadd(_NAMES, name)
        pipe.execute()
    except redis.RedisError as error:
        log.warning("heartbeat_not_written", error=type(error).__name__)


def stop(name: str) -> None:
    """Say that worker `name` has stopped in good order."""
    try:
        connection().delete(_KEY + name)
    except redis.RedisError as error:
        log.warning("heartbeat_not_removed", error=type(error).__name__)


def alive() -> list[str]:
    """Names of the workers that beat within the last EXPIRES_SECONDS; raises redis.RedisError."""
    client = connection()
    names = sorted(str(name) for name in client.smembers(_NAMES))
    if not names:
        return []
    values = client.mget([_KEY + name for name in names])
    gone = [name for name, value in zip(names, values, strict=True) if value is None]
    if gone:
        client.srem(_NAMES, *gone)
    return [name for name in names if name not in gone]


def waiting(queue: str) -> int:
    """Messages in `queue` that no worker has taken; raises redis.RedisError."""
    return int(connection().llen(queue))


def waiting_in(queues: Sequence[str]) -> int | None:
    """Messages in all of `queues`; None when Redis does not answer."""
    try:
        pipe = connection().pipeline(transaction=False)
        for queue in queues:
            pipe.llen(queue)
        return sum(int(length) for length in pipe.execute())
    except redis.RedisError:
        return None
