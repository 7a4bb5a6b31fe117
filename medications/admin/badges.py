"""What waits, as a number beside a page of the navigation."""

from django.http import HttpRequest

from dermatech.core.releases import ReleaseState
from medications.models import FormularyRelease


def proposed(request: HttpRequest) -> int:
    """Formulary releases that wait for a second supervisor."""
    return FormularyRelease.objects.filter(state=ReleaseState.PROPOSED).count()
