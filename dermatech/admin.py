"""The admin site's pages are found when addresses are, so that only processes which serve them hold them.

A worker or a command that never looks at an address starts without forms, widgets and spreadsheets.
"""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib import admin
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks


class AdminConfig(SimpleAdminConfig):
    """In INSTALLED_APPS in place of `django.contrib.admin`."""

    def ready(self) -> None:
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(check_pages, checks.Tags.admin)


def find_pages() -> None:
    """Import the `admin` module of every app; the second time that costs nothing."""
    _leave_workbooks_to_us()
    admin.autodiscover()


def check_pages(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Sequence[checks.CheckMessage]:
    """Django's own checks of the admin, with every page found first."""
    find_pages()
    return check_admin_app(app_configs, **kwargs)


def _leave_workbooks_to_us() -> None:
    """import_export asks tablib for all its formats at once, and the one for workbooks would bring
    openpyxl, numpy and Pillow along. Ours are read and written by `medications.admin.sheets`."""
    from tablib.formats import registry  # type: ignore[import-untyped]

    registry.register("xlsx", Workbooks())


class Workbooks:
    """What tablib knows of the format from here on: its name."""

    title = "xlsx"
    extensions = ("xlsx",)

    @classmethod
    def export_set(cls, *_: Any, **__: Any) -> bytes:
        raise NotImplementedError("Workbooks are written by medications.admin.sheets.workbook.")

    @classmethod
    def import_set(cls, *_: Any, **__: Any) -> None:
        raise NotImplementedError("Workbooks are read by medications.admin.sheets.workbook.")
