"""One look of `tests.bench._growth`: milliseconds of each question, asked of the application in this process.

`python -m tests.bench._growth_child EMAIL TOKEN`, in the environment of a service: the last line is JSON.
"""

import io
import json
import logging
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

ROUNDS = 60
_CASE = {
    "patient": {"age_months": 300, "sex": "female"},
    "consent": {"photo": False, "data_use": True, "given_by": "patient", "language": "en"},
    "presentation": "rash",
    "facts": {"duration_days": 5},
}


def main(email: str, token: str) -> None:
    from dermatech.wsgi import application

    logging.disable(logging.CRITICAL)
    from django.db import connection, transaction

    from accounts import audit
    from accounts.audit.sealer import seal_all
    from accounts.models import User
    from consultations.models import Consultation
    from dermatech.core.pagination import Cursor

    person = User.objects.get(email=email)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE consultations_consultation SET pharmacist_id = %s, premises_id = %s",
            [person.pk, person.premises_id],
        )
        cursor.execute("ANALYZE")

    def ask(method: str, path: str, body: Any = None, expected: str = "200") -> None:
        address, _, query = path.partition("?")
        data = b"" if body is None else json.dumps(body).encode()
        environ = {
            "REQUEST_METHOD": method, "PATH_INFO": f"/api/v1{address}", "QUERY_STRING": query,
            "SCRIPT_NAME": "", "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "127.0.0.1", "REMOTE_ADDR": "127.0.0.1", "HTTP_AUTHORIZATION": f"Bearer {token}",
            "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(data)),
            "wsgi.input": io.BytesIO(data), "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr,
        }  # fmt: skip
        said: list[str] = []
        answer = application(environ, lambda status, *_: said.append(status))  # type: ignore[arg-type]
        content = b"".join(answer)
        answer.close()  # type: ignore[attr-defined]
        assert said[0].startswith(expected), (method, path, said, content[:500])

    def append() -> None:
        with transaction.atomic():
            audit.record(actor=person, action=audit.Action.CONSULTATION_LISTED, detail={"count": 0})

    def seal() -> None:
        with transaction.atomic():
            for _ in range(100):
                audit.record(actor=person, action=audit.Action.CONSULTATION_LISTED, detail={"count": 0})
        began = time.perf_counter()
        seal_all()
        sealing.append((time.perf_counter() - began) * 1000)

    sealing: list[float] = []
    oldest = Consultation.objects.order_by("created_at", "id")[30]
    last = Cursor(oldest.created_at, oldest.pk, backwards=False).encode()
    questions: dict[str, Callable[[], None]] = {
        "first page of the list": lambda: ask("GET", "/consultations"),
        "last page of the list": lambda: ask("GET", f"/consultations?cursor={last}"),
        "one consultation": lambda: ask("GET", f"/consultations/{oldest.pk}"),
        "opening a consultation": lambda: ask("POST", "/consultations", _CASE, "201"),
        "an audit event": append,
    }
    found = {name: _median(question) for name, question in questions.items()}
    seal_all()
    for _ in range(10):
        seal()
    found["sealing 100 audit events"] = statistics.median(sealing)
    print(json.dumps(found))


def _median(question: Callable[[], None]) -> float:
    times = []
    for number in range(ROUNDS + 10):
        began = time.perf_counter()
        question()
        if number >= 10:  # caches and plans
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dermatech.settings")
    main(*sys.argv[1:])
