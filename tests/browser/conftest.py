"""Chromium, and what it must never do: complain, break the page's policy, or ask another host."""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

from tests.cast import PASSWORD
from tests.consultations.cases import CONSULTATIONS, ringworm, upload

CHROMIUM = Path("/usr/bin/chromium")
_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-quic",
]  # fmt: skip
_PATIENCE = 15_000  # milliseconds, for a machine that is busy with other tests


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"there is no browser at {CHROMIUM}")
    # Playwright runs an event loop in this thread; Django would refuse to use the database in it.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=_FLAGS)
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    else:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


class Visitor:
    """Somebody at a laptop of 1366 by 768. `trouble` is everything the browser complained of."""

    def __init__(self, browser: Browser, host: str) -> None:
        self.host = host
        self.trouble: list[str] = []
        self._context = browser.new_context(viewport={"width": 1366, "height": 768}, base_url=host)
        self._context.set_default_timeout(_PATIENCE)
        self.page: Page = self._context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.trouble.append(f"script: {error}"))
        self.page.on("request", self._request)
        self.page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):  # violations of the policy arrive here too
            self.trouble.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.host, "data:", "blob:")):
            self.trouble.append(f"asks another host: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.trouble.append(f"{response.status}: {response.url}")

    def open(self, path: str) -> Page:
        self.page.goto(path)
        return self.page

    def sign_in(self, person: Any) -> Page:
        page = self.open("/admin/login/")
        page.get_by_label("E-mail").fill(person.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/admin/")
        return page

    def sideways(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(
            self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        )

    def close(self) -> None:
        self._context.close()


@pytest.fixture
def visitor(chromium: Browser, live_server: Any) -> Iterator[Callable[[], Visitor]]:
    """Makes visitors; at the end none of them may have had any trouble."""
    came: list[Visitor] = []

    def enter() -> Visitor:
        came.append(Visitor(chromium, live_server.url))
        return came[-1]

    yield enter
    trouble = [each for person in came for each in person.trouble]
    for person in came:
        person.close()
    assert trouble == []


@pytest.fixture
def case(ama: Any, as_user: Any, starter_knowledge: None, monkeypatch: pytest.MonkeyPatch) -> uuid.UUID:
    """A consultation of Ama's with a photo that was analysed."""
    from consultations.services import dispatch
    from consultations.services.worker import run_analysis

    monkeypatch.setattr(dispatch.publisher, "send", lambda analysis_id: True)
    answer = as_user(ama).post(
        CONSULTATIONS, {"data": json.dumps(ringworm()), "image": upload()}, format="multipart"
    )
    assert answer.status_code == 201, answer.content
    body = answer.json()
    run_analysis(uuid.UUID(body["analysis"]["id"]))
    return uuid.UUID(body["id"])
