"""Proposals and replays over many past cases, handed to a worker, and what it found shown afterwards."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest

from accounts import background as jobs
from accounts.models import BackgroundJob
from accounts.releases import Preview, background
from dermatech.core import replays
from dermatech.core.releases import Fault, Release
from triage.admin.base import actor_of


def is_long(model_admin: Any) -> bool:
    """Whether there are so many past cases that replaying them does not surely end within seconds."""
    return replays.size(model_admin.model) > background.IN_REQUEST


def preview(model_admin: Any, request: HttpRequest) -> BackgroundJob:
    """Have the working rows checked and replayed."""
    return _asked(model_admin, request, background.PREVIEW, "Replay of past cases on the working rows", {})


def propose(model_admin: Any, request: HttpRequest, title: str) -> BackgroundJob:
    """Have the working rows proposed."""
    return _asked(model_admin, request, background.PROPOSE, f"Proposal: {title}", {"title": title})


def replay(model_admin: Any, request: HttpRequest, release: Release) -> BackgroundJob:
    """Have past cases replayed on a proposal."""
    about = f"Replay of past cases on {release}"
    return _asked(model_admin, request, background.REPLAY, about, {"release": str(release.pk)}, release)


def previewed(model_admin: Any, request: HttpRequest) -> Preview | None:
    """What a worker found for this person, where the address names it."""
    if "previewed" not in request.GET:
        return None
    mine = BackgroundJob.objects.filter(
        asked_by=actor_of(request), kind=background.PREVIEW, state=BackgroundJob.State.SUCCEEDED,
        given__model=model_admin.model._meta.label,
    )  # fmt: skip
    try:
        found = mine.get(pk=request.GET["previewed"]).result or {}
    except (BackgroundJob.DoesNotExist, ValidationError):
        raise Http404 from None
    faults = tuple(Fault.from_dict(each) for each in found["faults"])
    return Preview(faults, found["replay"], tuple(found["weakened"]))


def _asked(
    model_admin: Any,
    request: HttpRequest,
    kind: str,
    about: str,
    given: dict[str, Any],
    release: Release | None = None,
) -> BackgroundJob:
    page = ("add", None) if release is None else ("change", release.pk)
    given = {"model": model_admin.model._meta.label, **given}
    back = background.address(model_admin.model, *page)
    return jobs.ask(actor=actor_of(request), kind=kind, about=about, given=given, back=back)
