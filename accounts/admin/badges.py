"""What waits, as a number beside a page of the navigation."""

from typing import cast

from django.http import HttpRequest

from accounts.models import AccountState, User


def waiting(request: HttpRequest) -> int:
    """Registrations that wait for somebody's decision, of those that the reader sees."""
    people = User.objects.visible_to(cast(User, request.user))
    return people.filter(state=AccountState.PENDING).count()
