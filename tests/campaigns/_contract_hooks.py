"""Signs schemathesis in as one person, again before the ten minutes of an access token are over."""

import os
from typing import Any

import requests
import schemathesis


@schemathesis.auth(refresh_interval=300)
class SignedIn:
    def get(self, case: Any, context: Any) -> str:
        answer = requests.post(
            os.environ["CONTRACT_URL"] + "/api/v1/auth/login",
            json={"email": os.environ["CONTRACT_EMAIL"], "password": os.environ["CONTRACT_PASSWORD"]},
            timeout=20,
        )
        answer.raise_for_status()
        return str(answer.json()["access"])

    def set(self, case: Any, data: str, context: Any) -> None:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}
