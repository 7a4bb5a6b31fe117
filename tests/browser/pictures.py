"""Pictures of pages, to be looked at by a person: SHOTS=folder in the environment of the tests."""

import os
from pathlib import Path

from playwright.sync_api import Page


def take(page: Page, name: str) -> None:
    """A picture of the whole page, where somebody asked for pictures."""
    folder = os.environ.get("SHOTS", "")
    if folder:
        path = Path(folder) / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=path, full_page=True)
