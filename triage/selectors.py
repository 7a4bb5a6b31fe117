"""Reading the published knowledge."""

import json
from collections.abc import Mapping
from typing import Any

from accounts.releases import Review, workflow_of
from dermatech.core import releases
from dermatech.core.differences import Diff, compare
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


# --- Deciding on a release ------------------------------------------------------------------------
_NAMES = {
    "conditions": "conditions",
    "findings": "findings",
    "profiles": "rows of the matrix",
    "scoring": "scoring of the differential",
    "safety_questions": "safety questions",
    "guidelines": "rules",
    "vignettes": "test cases",
}


def review_of(release: GuidelineRelease) -> Review:
    """Checks, replay, approvals and comments of a release, as people need them to decide."""
    return workflow_of(GuidelineRelease).review(release)


def diff_of(older: GuidelineRelease, newer: GuidelineRelease) -> Diff:
    """What `newer` says otherwise than `older`."""
    return _compared(snapshot_of(older), snapshot_of(newer), (older.label, newer.label))


def diff_with(older: GuidelineRelease, snapshot: Mapping[str, Any], *, label: str) -> Diff:
    """What a snapshot that is no release yet says otherwise than `older`."""
    return _compared(snapshot_of(older), snapshot, (older.label, label))


def _compared(older: Mapping[str, Any], newer: Mapping[str, Any], labels: tuple[str, str]) -> Diff:
    return compare(older, newer, labels=labels, names=_NAMES, words=_in_words)


def _in_words(kind: str, field: str, row: Mapping[str, Any]) -> str | None:
    """Criteria as people read them; what only repeats them for machines is left out."""
    if kind != "guidelines":
        return None
    if field in ("plain_words", "jsonlogic"):
        return ""
    return row["plain_words"][field] or "" if field in ("when", "unless") else None
