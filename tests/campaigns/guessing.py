"""A thousand wrong guesses at one account from a hundred addresses, against the running server.

`python -m tests.campaigns guessing` starts everything behind one trusted proxy, so that the forged
addresses count. While the guesses come and after them Ama signs in on the phone that she always uses.
Somebody who guesses right on an unknown device is not let in any more.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

_ADDRESSES, _EACH = 100, 10
_ALLOWED = 5  # wrong passwords per account from unknown devices, in a quarter of an hour


def main(arguments: list[str]) -> int:
    argparse.ArgumentParser(prog="python -m tests.campaigns guessing", description=__doc__).parse_args(
        arguments
    )
    from tests.services.stack import Stack

    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), database="sqlite")
        stack.environment["TRUSTED_PROXIES"] = "1"
        try:
            stack.start()
            return _attack(stack)
        finally:
            stack.stop()


def _attack(stack: Any) -> int:
    account, client = stack.accounts()["ama"], stack.client()

    def login(password: str, *, address: str, cookie: str = "") -> tuple[int, Mapping[str, str]]:
        headers = {"Content-Type": "application/json", "X-Forwarded-For": address}
        if cookie:
            headers["Cookie"] = cookie
        body = json.dumps({"email": account.email, "password": password}).encode()
        answer = client.ask("POST", "/auth/login", body=body, headers=headers)
        return answer.status, answer.headers

    status, headers = login(account.password, address="10.9.9.9")
    cookie = headers["set-cookie"].partition(";")[0]
    owner: Counter[int] = Counter()

    def guess(number: int) -> int:
        if number % 100 == 50:  # the owner, meanwhile, from an address that the attacker uses as well
            owner[login(account.password, address="10.0.0.1", cookie=cookie)[0]] += 1
        return login(f"guess-{number}", address=f"10.0.0.{number % _ADDRESSES + 1}")[0]

    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(guess, range(_ADDRESSES * _EACH)))
    took = time.monotonic() - began
    owner[login(account.password, address="10.9.9.9", cookie=cookie)[0]] += 1
    right, _ = login(account.password, address="10.0.0.77")
    print(f"{answers.total()} wrong guesses from {_ADDRESSES} addresses in {took:.0f} s: {dict(answers)}")
    print(f"the owner on the known device, meanwhile and afterwards: {dict(owner)}")
    print(f"the right password on an unknown device afterwards: {right}")
    held = status == 200 and answers[401] <= _ALLOWED and answers[401] + answers[429] == answers.total()
    return 0 if held and set(owner) == {200} and right == 429 else 1
