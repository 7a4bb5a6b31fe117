"""Releases: immutable snapshots, one active, four eyes, the way back."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from dermatech.core.errors import Conflict, Forbidden, ValidationFailed
from dermatech.core.releases import (
    ReleaseState,
    activate,
    active,
    canonical_json,
    content_hash,
    load,
    propose,
    publish,
)
from triage.models import GuidelineRelease

pytestmark = pytest.mark.django_db


def test_the_same_content_has_one_spelling_and_one_hash() -> None:
    one = canonical_json({"b": [1, 2.5, None], "a": "Ɛ"})
    assert one == '{"a":"Ɛ","b":[1,2.5,null]}'.encode()
    assert content_hash(one) == content_hash(canonical_json({"a": "Ɛ", "b": [1, 2.5, None]}))


def test_what_is_no_json_has_no_spelling() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json({"a": float("nan")})


def test_a_proposal_takes_effect_only_when_another_supervisor_approves(yaw: Any, abena: Any) -> None:
    release = propose(GuidelineRelease, snapshot={"rules": []}, actor=yaw, title="First")
    assert active(GuidelineRelease) is None
    with pytest.raises(Forbidden) as refused:
        activate(release, actor=yaw)
    assert refused.value.code == "four_eyes"
    activate(release, actor=abena)
    assert active(GuidelineRelease) == release
    assert release.approved_by == abena


def test_nobody_at_all_cannot_approve_a_reviewed_release(yaw: Any) -> None:
    release = propose(GuidelineRelease, snapshot={}, actor=yaw, title="First")
    with pytest.raises(ValidationFailed):
        activate(release, actor=None)


def test_of_two_stale_approvals_one_wins(yaw: Any, abena: Any, adjoa: Any) -> None:
    release = propose(GuidelineRelease, snapshot={}, actor=yaw, title="First")
    stale = GuidelineRelease.objects.get(pk=release.pk)
    activate(release, actor=abena)
    with pytest.raises(Conflict) as late:
        activate(stale, actor=adjoa)
    assert late.value.code == "release_decided"
    release.refresh_from_db()
    assert release.approved_by == abena


def test_the_old_release_is_archived_and_can_come_back(yaw: Any, abena: Any) -> None:
    old = publish(GuidelineRelease, snapshot={"v": 1}, title="Starter")
    new = activate(propose(GuidelineRelease, snapshot={"v": 2}, actor=yaw, title="New"), actor=abena)
    old.refresh_from_db()
    assert (old.state, new.state) == (ReleaseState.ARCHIVED, ReleaseState.ACTIVE)
    activate(old, actor=yaw)
    now = active(GuidelineRelease)
    assert now == old
    assert now.snapshot == '{"v":1}'


def test_the_database_itself_allows_one_active_release() -> None:
    publish(GuidelineRelease, snapshot={"v": 1}, title="One")
    with pytest.raises(IntegrityError), transaction.atomic():
        GuidelineRelease.objects.create(
            number=9, title="Two", state="active", review_state="reviewed", content_hash="x", snapshot="{}"
        )


def test_numbers_count_up_and_the_label_names_the_content() -> None:
    first = publish(GuidelineRelease, snapshot={"v": 1}, title="One")
    second = publish(GuidelineRelease, snapshot={"v": 2}, title="Two")
    assert (first.number, second.number) == (1, 2)
    assert second.label == f"2-{content_hash(canonical_json({'v': 2}))[:8]}"
    assert second.as_dict()["review_state"] == "starter_unreviewed"


def test_a_snapshot_is_parsed_once_per_content() -> None:
    calls = []

    def parse(snapshot: Any) -> Any:
        calls.append(snapshot)
        return snapshot["v"]

    release = publish(GuidelineRelease, snapshot={"v": 7}, title="One")
    again = active(GuidelineRelease)
    assert again is not None
    assert [load(release, parse), load(again, parse)] == [7, 7]
    assert len(calls) == 1
