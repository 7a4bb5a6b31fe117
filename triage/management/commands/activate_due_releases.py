"""manage.py activate_due_releases"""

from typing import Any

from django.core.management.base import BaseCommand

from accounts.releases import activate_due


class Command(BaseCommand):
    """Workers do this every 15 s; the command is for places without one."""

    help = "Puts into force every release that was approved for a moment that has come."

    def handle(self, *args: Any, **options: Any) -> None:
        for release in activate_due():
            self.stdout.write(f"{release} is in force.")
