"""Two devices, or one device twice, exchange one refresh token at the same moment, over and over.

`python -m tests.campaigns refresh_races [--races 200]` on a SQLite file and on PostgreSQL. Three kinds,
in turn: the same request twice (its first answer got lost), a thief beside the owner, and two that send
no key at all. There may never be two successors, and a thief must never keep one.
"""

import argparse
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

_LOGIN, _REFRESH, _ME = ("/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/auth/me")
KINDS = ("same request twice", "thief beside the owner", "no key")


@dataclass(slots=True)
class Found:
    """What the races gave. A fault is a sentence."""

    races: int = 0
    both_served: int = 0
    faults: list[str] = field(default_factory=list)


def races(number: int) -> Found:
    """Run them in this process, each caller in a thread and on a connection of its own."""
    from accounts.models import Premises, User
    from tests.cast import enrol

    ama = User.objects.filter(email="ama@dermatech.example").first() or enrol("ama")
    assert Premises.objects.exists()
    found = Found()
    for index in range(number):
        kind = KINDS[index % len(KINDS)]
        _race(kind, ama, found)
        found.races += 1
    return found


def _race(kind: str, ama: Any, found: Found) -> None:
    from rest_framework.test import APIClient

    from accounts.models import RefreshToken
    from tests.cast import PASSWORD

    owner, other = APIClient(), APIClient()
    first = owner.post(_LOGIN, {"email": ama.email, "password": PASSWORD}).json()
    if kind == KINDS[0]:
        other.cookies = owner.cookies  # the same device
    keys = {KINDS[0]: ("k1", "k1"), KINDS[1]: ("k1", "k2"), KINDS[2]: ("", "")}[kind]
    answers = _at_once(
        [
            partial(_refresh, client, first["refresh"], key)
            for client, key in zip((owner, other), keys, strict=True)
        ]
    )
    served = [body["refresh"] for status, body in answers if status == 200]
    live = RefreshToken.objects.filter(
        used_at__isnull=True, session__user=ama, session__ended_at__isnull=True
    )
    if len(set(served)) > 1:
        found.faults.append(f"{kind}: two successors")
    if kind == KINDS[0]:
        found.both_served += len(served) == 2
        if len(served) != 2:
            found.faults.append(f"{kind}: {[status for status, _ in answers]}")
        elif (
            live.count() != 1
            or owner.get(_ME, HTTP_AUTHORIZATION=f"Bearer {answers[1][1]['access']}").status_code != 200
        ):
            found.faults.append(f"{kind}: the session does not go on with one token")
    elif len(served) != 1 or live.count() != 0:
        found.faults.append(f"{kind}: {[status for status, _ in answers]}, {live.count()} live")
    ama.device_sessions.all().delete()


def _refresh(client: Any, token: str, key: str) -> tuple[int, dict[str, Any]]:
    headers = {"Idempotency-Key": key} if key else {}
    answer = client.post(_REFRESH, {"refresh": token}, headers=headers)
    return answer.status_code, answer.json()


def _at_once(calls: list[Callable[[], tuple[int, dict[str, Any]]]]) -> list[tuple[int, dict[str, Any]]]:
    from django.db import connection

    start = threading.Barrier(len(calls))

    def run(call: Callable[[], tuple[int, dict[str, Any]]]) -> tuple[int, dict[str, Any]]:
        start.wait(10)
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(run, call) for call in calls]]


def _here(number: int) -> int:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection

    logging.disable(logging.WARNING)
    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("migrate", verbosity=0, interactive=False)
    found = races(number)
    print(
        f"{connection.vendor}: {found.races} races, {found.both_served} lost answers given again,"
        f" {len(found.faults)} faults",
        *found.faults, sep="\n  ",
    )  # fmt: skip
    return 1 if found.faults else 0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns refresh_races", description=__doc__)
    parser.add_argument("--races", type=int, default=200)
    parser.add_argument("--here", action="store_true", help="in the environment as it is, one database")
    asked = parser.parse_args(arguments)
    if asked.here:
        return _here(asked.races)
    from tests.services import postgres

    worst = 0
    with tempfile.TemporaryDirectory() as folder:
        for address in (
            f"sqlite:///{folder}/races.sqlite3",
            postgres.create_database(f"races_{os.getpid()}"),
        ):
            environment = {
                **os.environ, "DATA_DIR": folder, "DATABASE_URL": address, "REDIS_URL": "redis://127.0.0.1:9/0",
                "DJANGO_SETTINGS_MODULE": "dermatech.settings", "LOG_LEVEL": "ERROR",
            }  # fmt: skip
            command = [
                sys.executable,
                "-m",
                "tests.campaigns",
                "refresh_races",
                "--here",
                "--races",
                str(asked.races),
            ]
            worst = max(worst, subprocess.run(command, env=environment, check=False).returncode)
    return worst
