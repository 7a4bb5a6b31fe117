"""Reading the published knowledge."""

import json
from collections.abc import Mapping
from typing import Any

from dermatech.core import releases
from dermatech.core.errors import Unavailable
from triage.engine.knowledge import Knowledge, parse_knowledge
from triage.models import GuidelineRelease
from triage.snapshot import indented


def current_release() -> GuidelineRelease:
    """The active release, its snapshot deferred. Raises Unavailable when nothing is published yet."""
    release = releases.active(GuidelineRelease)
    if release is None:
        raise Unavailable("No guidelines have been published yet.", code="no_published_guidelines")
    return release


def current_knowledge() -> tuple[GuidelineRelease, Knowledge]:
    """The active release and what it says. Raises Unavailable (`no_published_guidelines`)."""
    release = current_release()
    return release, knowledge_of(release)


def knowledge_of(release: GuidelineRelease) -> Knowledge:
    """What a release says, parsed once per process and content."""
    return releases.load(release, parse_knowledge).of_release(release.label, release.review_state)


def snapshot_of(release: GuidelineRelease) -> Mapping[str, Any]:
    """The release's own document, read once per process and content."""
    return releases.load(release, _document)


def _document(snapshot: Mapping[str, Any]) -> Mapping[str, Any]:
    return snapshot


def snapshot_text(release: GuidelineRelease) -> str:
    """The release's snapshot, indented for people (the stored text is canonical)."""
    return indented(json.loads(release.snapshot))
