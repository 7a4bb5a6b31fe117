"""Coming in without the sign-in form, and asking axe what stands in anybody's way."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page

from tests.browser.conftest import Visitor
from tests.services.node import FOLDER

AXE = Path(FOLDER) / "node_modules" / "axe-core" / "axe.min.js"
_RUN = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
    .filter(each => ["serious", "critical"].includes(each.impact))
    .map(each => `${each.id}: ${each.nodes.slice(0, 4).map(node => node.html.slice(0, 160)).join(" | ")}`)"""


def arrive(visitor: Visitor, person: Any, path: str = "/admin/") -> Page:
    """As `person`, by the cookie of a session; what the form does is shown in its own tests."""
    client = Client()
    client.force_login(person)
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    visitor.page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": visitor.host}]
    )
    return visitor.open(path)


def in_the_way(page: Page) -> list[str]:
    """The serious findings of axe-core on the page as it stands."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: make node")
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = page.evaluate(_RUN)
    return found
