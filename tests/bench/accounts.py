"""Whether the time of an answer tells if an address is known, and what a sign-in costs.

The running server is asked by pairs: one address that has an account and one that has none, in random
order, over one kept connection each. Figures are the area under the ROC curve (AUC) of telling one from
the other by time: 0.5 is a coin.
"""

import http.client
import json
import random
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench import Figure

PAIRS = 500
_WARMING = 20
_PREMISES = {"name": "Osu Pharmacy", "licence_number": "PC/GAR/0101", "region": "greater_accra"}
# The limits would answer 429 long before a thousand; they are lifted for the server that is measured.
_LIFTED = dict.fromkeys(
    (
        "login_account", "login_address", "login_everywhere", "register_address", "register_everywhere",
        "reset_address", "reset_everywhere",
    ),
    (10_000_000, 60),
)  # fmt: skip


def auc(known: list[float], unknown: list[float]) -> float:
    """The chance that a known address took longer than an unknown one (ties count half)."""
    ranked = sorted([(t, 1) for t in known] + [(t, 0) for t in unknown])
    above, wins = 0, 0.0
    at = 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        known_here = sum(mark for _, mark in ranked[at:end])
        unknown_here = end - at - known_here
        wins += known_here * (above + unknown_here / 2)
        above += unknown_here
        at = end
    return wins / (len(known) * len(unknown))


class _Caller:
    """One kept connection to the server."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def milliseconds(self, path: str, body: dict[str, Any], *, expected: int) -> float:
        began = time.perf_counter()
        self._connection.request(
            "POST", f"/api/v1/auth/{path}", json.dumps(body), {"Content-Type": "application/json"}
        )
        answer = self._connection.getresponse()
        content = answer.read()
        took = (time.perf_counter() - began) * 1000
        assert answer.status == expected, content
        return took


def _pairs(ask: Callable[[bool, int], float], number: int) -> tuple[list[float], list[float]]:
    known: list[float] = []
    unknown: list[float] = []
    for index in range(-_WARMING, number):
        order = [True, False]
        random.shuffle(order)
        times = {is_known: ask(is_known, index) for is_known in order}
        if index >= 0:
            known.append(times[True])
            unknown.append(times[False])
    return known, unknown


def _stranger() -> str:
    # As long as the known one, so that nothing but its being known differs.
    return f"{uuid.uuid4().hex[:3]}@dermatech.example"


def _asks(caller: _Caller, known: str) -> dict[str, Callable[[bool, int], float]]:
    def login(is_known: bool, index: int) -> float:
        body = {"email": known if is_known else _stranger(), "password": f"wrong pass phrase {index}"}
        return caller.milliseconds("login", body, expected=401)

    def register(is_known: bool, index: int) -> float:
        body = {
            "email": known if is_known else _stranger(), "password": "seven blue canoes at dawn",
            "full_name": "Akosua Sarpong", "phone": "024 123 4567", "cadre": "pharmacist",
            "registration_number": f"PS/{uuid.uuid4().hex[:8]}", "premises": _PREMISES,
        }  # fmt: skip
        return caller.milliseconds("register", body, expected=202)

    def reset(is_known: bool, index: int) -> float:
        return caller.milliseconds(
            "password-reset", {"email": known if is_known else _stranger()}, expected=202
        )

    return {"login": login, "register": register, "password reset": reset}


def measure(pairs: int = PAIRS) -> Iterable[Figure]:
    from tests.services.stack import Stack

    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), database="sqlite")
        stack.environment["ACCOUNT_LIMITS"] = json.dumps(_LIFTED)
        stack.start()
        try:
            known = stack.accounts()["ama"].email
            for name, ask in _asks(_Caller(stack.place.port), known).items():
                yes, no = _pairs(ask, pairs)
                found = auc(yes, no)
                print(
                    f"  {name}: AUC {found:.3f}; median {median(yes):.1f} ms known,"
                    f" {median(no):.1f} ms unknown"
                )
                yield Figure(
                    f"{name}: known or unknown address, |AUC - 0.5|", abs(found - 0.5), "", bound=0.05
                )
                yield Figure(f"{name}: one answer, median", median(yes), "ms")
        finally:
            stack.stop()
