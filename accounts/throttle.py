"""Counting attempts: in Redis, so that all processes count together; without Redis, in this process.

An attempt is counted before the password is looked at, so that a burst cannot slip through between
the check and the count, and taken back when it turns out to be honest. Windows are fixed and start at
the first attempt; attempts made while locked do not lengthen the lock.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Final

import redis
from django.conf import settings

from dermatech.core.errors import Throttled

logger = logging.getLogger(__name__)

_PREFIX: Final = "dermatech:throttle:"
_CONNECT_SECONDS: Final = 0.2
_ANSWER_SECONDS: Final = 0.3
# After a failure Redis is left alone this long, so that a frozen one costs one request, not each.
_REST_SECONDS: Final = 5.0
_MOST_LOCAL_KEYS: Final = 20_000

# Takes attempts back; never makes a key that has expired meanwhile.
_TAKE_BACK: Final = """
for i, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 and redis.call('DECR', key) < 1 then redis.call('DEL', key) end
end
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `attempts` within `window` for one subject."""

    name: str
    attempts: int
    window: timedelta

    def bucket(self, subject: str) -> "Bucket":
        """The counter of `subject`, whose text is not kept: e-mail addresses stay out of Redis."""
        mark = hashlib.sha256(f"{self.name}\n{subject}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return Bucket(self, f"{_PREFIX}{self.name}:{mark}")


@dataclass(frozen=True, slots=True)
class Bucket:
    """One counter."""

    limit: Limit
    key: str


class LimitReached(Throttled):
    """429 with Retry-After. `first` says whether this attempt is the one that closed the door."""

    def __init__(self, *, wait: int, first: bool, detail: str, code: str) -> None:
        super().__init__(detail, code=code, headers={"Retry-After": str(max(1, wait))})
        self.first = first


def reserve(
    buckets: Sequence[Bucket],
    *,
    detail: str = "Too many requests from here; try again later.",
    code: str = "throttled",
) -> None:
    """Count one attempt in every bucket; raises LimitReached when one of them is over its limit."""
    states = _counted(buckets)
    over = [
        (seconds, count)
        for bucket, (count, seconds) in zip(buckets, states, strict=True)
        if count > bucket.limit.attempts
    ]
    if over:
        first = any(
            count == bucket.limit.attempts + 1 for bucket, (count, _) in zip(buckets, states, strict=True)
        )
        raise LimitReached(wait=max(s for s, _ in over), first=first, detail=detail, code=code)


def take_back(buckets: Sequence[Bucket]) -> None:
    """The attempt was honest: it does not count."""
    client = _client_if_well()
    if client is not None:
        try:
            client.eval(_TAKE_BACK, len(buckets), *(bucket.key for bucket in buckets))
            return
        except redis.RedisError as error:
            _breaker.trip(error)
    for bucket in buckets:
        local.take_back(bucket.key)


def _counted(buckets: Sequence[Bucket]) -> list[tuple[int, int]]:
    """(attempts, seconds to the end of the window) of every bucket, this attempt included."""
    client = _client_if_well()
    if client is not None:
        try:
            return _count_in_redis(client, buckets)
        except redis.RedisError as error:
            _breaker.trip(error)
    return [local.count(bucket.key, int(bucket.limit.window.total_seconds())) for bucket in buckets]


def _count_in_redis(client: redis.Redis, buckets: Sequence[Bucket]) -> list[tuple[int, int]]:
    pipe = client.pipeline(transaction=True)
    for bucket in buckets:
        pipe.set(bucket.key, 0, ex=int(bucket.limit.window.total_seconds()), nx=True)
        pipe.incr(bucket.key)
        pipe.ttl(bucket.key)
    answers = pipe.execute()
    return [(int(answers[i + 1]), int(answers[i + 2])) for i in range(0, len(answers), 3)]


@dataclass(slots=True)
class _Breaker:
    """Leaves a failing Redis alone for a while, and says so once per while."""

    closed_until: float = 0.0

    def trip(self, error: Exception) -> None:
        self.closed_until = time.monotonic() + _REST_SECONDS
        logger.warning(
            "Redis does not answer (%s); attempts are counted in this process alone for %d s",
            type(error).__name__,
            int(_REST_SECONDS),
        )

    @property
    def open(self) -> bool:
        return time.monotonic() >= self.closed_until


@dataclass(slots=True)
class LocalCounter:
    """Counters of this process. Bounded: the ones that end first give way."""

    _counts: dict[str, tuple[int, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, key: str, window: int) -> tuple[int, int]:
        """Count one; returns (attempts, seconds left)."""
        now = time.monotonic()
        with self._lock:
            count, ends = self._counts.get(key, (0, 0.0))
            if ends <= now:
                count, ends = 0, now + window
                self._make_room(now)
            self._counts[key] = (count + 1, ends)
        return count + 1, max(1, int(ends - now))

    def take_back(self, key: str) -> None:
        """Uncount one."""
        with self._lock:
            count, ends = self._counts.get(key, (0, 0.0))
            if count > 1:
                self._counts[key] = (count - 1, ends)
            else:
                self._counts.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._counts.clear()

    def _make_room(self, now: float) -> None:
        if len(self._counts) < _MOST_LOCAL_KEYS:
            return
        self._counts = {key: state for key, state in self._counts.items() if state[1] > now}
        spare = len(self._counts) - _MOST_LOCAL_KEYS // 2
        if spare > 0:
            for key in sorted(self._counts, key=lambda k: self._counts[k][1])[:spare]:
                del self._counts[key]


local = LocalCounter()
_breaker = _Breaker()


def forget() -> None:
    """Forget this process's own counts and give Redis another chance at once."""
    local.clear()
    _breaker.closed_until = 0.0


@lru_cache(maxsize=4)
def _client(url: str) -> redis.Redis:
    made: redis.Redis = redis.Redis.from_url(
        url, socket_connect_timeout=_CONNECT_SECONDS, socket_timeout=_ANSWER_SECONDS
    )
    return made


def _client_if_well() -> redis.Redis | None:
    return _client(settings.REDIS_URL) if _breaker.open else None
