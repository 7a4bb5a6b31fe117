"""Whether the time of an answer tells if an address is known, and what a sign-in costs.

The running server is asked by pairs: one address that has an account and one that has none, in random
order, over one kept connection each. Figures are the area under the ROC curve (AUC) of telling one from
the other by time: 0.5 is a coin.

Two clocks are read: the caller's, which is what an attacker has, and the time that the server's threads
were on a processor, which other programs on the machine disturb little and which shows the cause of a
difference. 500 pairs measure an AUC to 0.018 (one standard error), so one run in a hundred would miss the
bar by chance alone: where the caller's clock strays, it is asked three times as often before it is judged.
"""

import http.client
import json
import os
import random
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from dermatech.run.supervisor import descendants
from tests.bench import Figure

PAIRS = 500
_MORE = 3
_STRAYS = 0.03
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


@dataclass(slots=True)
class _Sample:
    """Times of one kind of address, in milliseconds: the caller's clock and the server's processors."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


class _Server:
    """The processes that answer."""

    def __init__(self, pid: int) -> None:
        self._pids = [pid, *descendants(pid)]

    def busy(self) -> float:
        """Milliseconds that all their threads together were on a processor."""
        spent = 0
        for pid in self._pids:
            for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                with suppress(OSError):  # a thread that has just ended
                    spent += int(path.read_text().split()[0])
        return spent / 1e6


def _pairs(
    ask: Callable[[bool, int], float], server: _Server, number: int, *, first: int = 0
) -> dict[bool, _Sample]:
    samples = {True: _Sample(), False: _Sample()}
    for index in range(first if first else -_WARMING, number):
        order = [True, False]
        random.shuffle(order)
        for is_known in order:
            before = server.busy()
            took = ask(is_known, index)
            if index >= 0:
                samples[is_known].wall.append(took)
                samples[is_known].cpu.append(server.busy() - before)
    return samples


def _told_apart(
    ask: Callable[[bool, int], float], server: _Server, pairs: int
) -> tuple[float, float, dict[bool, _Sample]]:
    """AUC by the caller's clock and by the server's, and the samples."""
    samples = _pairs(ask, server, pairs)
    if abs(auc(samples[True].wall, samples[False].wall) - 0.5) > _STRAYS:
        for is_known, more in _pairs(ask, server, _MORE * pairs, first=pairs).items():
            samples[is_known].wall += more.wall
            samples[is_known].cpu += more.cpu
    yes, no = samples[True], samples[False]
    return auc(yes.wall, no.wall), auc(yes.cpu, no.cpu), samples


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
            "registration_number": f"PS/{random.randrange(10**7, 10**8)}", "premises": _PREMISES,
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
            server = _Server(stack.pid("web"))
            for name, ask in _asks(_Caller(stack.place.port), known).items():
                wall, cpu, samples = _told_apart(ask, server, pairs)
                yes, no = samples[True], samples[False]
                error = (6 * len(yes.wall)) ** -0.5
                print(
                    f"  {name}: AUC {wall:.3f} by the caller's clock, {cpu:.3f} by the server's, over"
                    f" {len(yes.wall)} pairs (one standard error: {error:.3f}); median"
                    f" {median(yes.wall):.1f} ms known, {median(no.wall):.1f} unknown, on a processor"
                    f" {median(yes.cpu):.2f} and {median(no.cpu):.2f}; load {os.getloadavg()[0]:.1f}"
                )
                said = f"{name}: known or unknown address"
                yield Figure(f"{said}, |AUC - 0.5|", abs(wall - 0.5), "", bound=0.05)
                yield Figure(f"{said}, by processor time, |AUC - 0.5|", abs(cpu - 0.5), "", bound=0.05)
                yield Figure(f"{name}: one answer, median", median(yes.wall), "ms")
        finally:
            stack.stop()
