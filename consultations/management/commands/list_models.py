"""Show the installed image models."""

from typing import Any

from django.core.management.base import BaseCommand

from consultations.models import ModelVersion

NONE = "no image model is installed"


class Command(BaseCommand):
    help = "List the installed image models, newest first."

    def handle(self, *args: Any, **options: Any) -> None:
        """One line per model: state, name and version, hash, scope, clinical use."""
        versions = list(ModelVersion.objects.all())
        if not versions:
            self.stdout.write(NONE)
        for version in versions:
            use = "clinical use approved" if version.clinical_use else "not for clinical use"
            scope = ", ".join(version.scope)
            self.stdout.write(f"{version.state:8} {version}  {version.short_hash}  {scope}  {use}")
        if versions and not any(version.state == "active" for version in versions):
            self.stdout.write("no image model is active")
