"""Counting attempts: together in Redis, alone without it, and never slowly."""

import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from accounts import throttle
from accounts.throttle import Limit, LimitReached, reserve, take_back
from tests.services.redis_server import PrivateRedis

LIMIT = Limit("test", 3, timedelta(seconds=60))


@pytest.fixture
def private_redis(tmp_path_factory: pytest.TempPathFactory, settings: Any) -> Iterator[PrivateRedis]:
    folder = tmp_path_factory.mktemp("redis")
    server = PrivateRedis(socket=folder / "r.sock", directory=folder / "data")
    server.start()
    settings.REDIS_URL = f"unix://{folder / 'r.sock'}?db=0"
    throttle.forget()
    yield server
    throttle._client.cache_clear()
    server.stop()


def _tries(subject: str, times: int) -> int:
    """How many of so many attempts were let through."""
    passed = 0
    for _ in range(times):
        try:
            reserve([LIMIT.bucket(subject)])
            passed += 1
        except LimitReached:
            pass
    return passed


@pytest.mark.services
def test_processes_count_together_in_redis(private_redis: PrivateRedis) -> None:
    assert _tries("ama", 2) == 2
    throttle.local.clear()  # as another process would see it
    assert _tries("ama", 5) == 1
    assert _tries("kofi", 1) == 1


@pytest.mark.services
def test_an_honest_attempt_is_taken_back(private_redis: PrivateRedis) -> None:
    for _ in range(10):
        reserve([LIMIT.bucket("ama")])
        take_back([LIMIT.bucket("ama")])
    assert _tries("ama", 4) == 3


@pytest.mark.services
def test_of_many_that_try_at_once_as_many_pass_as_may(private_redis: PrivateRedis) -> None:
    passed: list[int] = []
    threads = [threading.Thread(target=lambda: passed.append(_tries("ama", 5))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) == 3


@pytest.mark.services
def test_a_lock_says_when_it_ends_and_keys_do_not_stay(private_redis: PrivateRedis) -> None:
    import redis

    _tries("ama", 3)
    with pytest.raises(LimitReached) as locked:
        reserve([LIMIT.bucket("ama")])
    assert 0 < int(locked.value.headers["Retry-After"]) <= 60
    assert locked.value.first
    client = redis.Redis(unix_socket_path=str(private_redis.socket))
    keys = list(client.scan_iter("dermatech:throttle:*"))
    assert len(keys) == 1
    assert b"ama" not in keys[0]
    assert 0 < int(client.ttl(keys[0])) <= 60
    client.close()


@pytest.mark.services
def test_a_frozen_redis_costs_one_request_half_a_second_and_the_next_nothing(
    private_redis: PrivateRedis, caplog: pytest.LogCaptureFixture
) -> None:
    _tries("warm", 1)
    private_redis.freeze()
    began = time.perf_counter()
    assert _tries("ama", 1) == 1
    assert time.perf_counter() - began < 1
    began = time.perf_counter()
    assert _tries("ama", 5) == 2
    assert time.perf_counter() - began < 0.1
    assert "counted in this process alone" in caplog.text
    private_redis.thaw()


def test_without_redis_this_process_counts_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    assert _tries("ama", 5) == 3
    warnings = [record for record in caplog.records if record.name == "accounts.throttle"]
    assert len(warnings) == 1


def test_a_socket_that_nobody_answers_costs_less_than_a_second(tmp_path: Path, settings: Any) -> None:
    path = Path("/tmp") / f"dermatech-silent-{time.monotonic_ns()}.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen(1)
        settings.REDIS_URL = f"unix://{path}?db=0"
        began = time.perf_counter()
        assert _tries("ama", 4) == 3
        assert time.perf_counter() - began < 1
    throttle._client.cache_clear()
    path.unlink()


def test_the_local_counter_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "_MOST_LOCAL_KEYS", 100)
    counter = throttle.LocalCounter()
    for number in range(1000):
        counter.count(f"key-{number}", 60)
    assert len(counter._counts) <= 100
    assert counter.count("key-999", 60)[0] == 2  # the newest are kept


def test_attempts_while_locked_do_not_lengthen_the_lock() -> None:
    counter = throttle.LocalCounter()
    _, first = counter.count("key", 60)
    for _ in range(20):
        _, later = counter.count("key", 60)
    assert later <= first


@pytest.mark.django_db
def test_sign_in_works_with_a_dead_redis(ama: Any, sign_in: Any) -> None:
    began = time.perf_counter()
    assert sign_in(ama).status_code == 200
    assert [sign_in(ama, "wrong").status_code for _ in range(6)] == [401] * 5 + [429]
    assert time.perf_counter() - began < 2
