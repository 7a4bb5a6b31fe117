"""From a proposal to knowledge in force: checks, replay, reasons, approvals, schedule, the way back."""

import datetime as dt
import json
from typing import Any

import pytest
from django.core.checks import Tags, run_checks
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.releases import activate_due
from dermatech.core import releases, replays
from dermatech.core.errors import Conflict, Forbidden, Unavailable, Unprocessable, ValidationFailed
from dermatech.core.release_triggers import TRIGGERS
from dermatech.core.releases import FrozenError, ReleaseState, RemarkKind
from dermatech.core.replays import ChangedCase, Outcome, ReplayReport
from tests.cast import PASSWORD
from triage import selectors, services
from triage.engine import FACTS
from triage.models import Guideline, GuidelineRelease, GuidelineReleaseRemark, Vignette

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starter_knowledge")]
CASE = "0199e2b4-6c1f-7d3a-9c55-0a3b1f6e2d10"


@pytest.fixture
def akosua(db: None) -> Any:
    """A third supervisor."""
    from accounts.models import User

    return User.objects.create_user(
        email="akosua@dermatech.example",
        password=PASSWORD,
        state="verified",
        full_name="Akosua Frimpong",
        role="supervisor",
    )


def edit(actor: Any, code: str, **values: Any) -> None:
    rule = Guideline.objects.get(code=code)
    for name, value in values.items():
        setattr(rule, name, value)
    services.save_item(actor=actor, item=rule, changed=list(values))


def proposed(actor: Any, title: str = "A change") -> GuidelineRelease:
    # The same content each time, which is checked once per process.
    edit(actor, "rr-treatment-failed", advice="See a dermatologist within a week.")
    return services.propose_release(actor=actor, title=title)


def outcome(level: str) -> Outcome:
    return Outcome(level, "same day", False, ("ur-x",), ("scabies",), (), (), None)


@pytest.fixture
def milder(monkeypatch: pytest.MonkeyPatch) -> str:
    """Whatever is proposed judges one past case milder; the key of that case."""
    what = ("Level: refer urgent -> self care",)
    key = replays.key_of(CASE, what)

    def found(snapshot: Any, *, last: int | None = None, progress: Any = None) -> ReplayReport:
        base = releases.active(GuidelineRelease)
        before, after = outcome("refer_urgent"), outcome("self_care")
        case = ChangedCase(key, CASE, "2026-11-20", before, after, True, what)
        label = base.label if base else None
        return ReplayReport(label, 500, 9, 8, (case,), (), timezone.now().isoformat(), 3)

    monkeypatch.setitem(replays._replayers, GuidelineRelease._meta.label_lower, found)
    return key


# --- What a proposal carries ---------------------------------------------------------------------
def test_a_proposal_keeps_what_the_checks_and_the_replay_found(yaw: Any) -> None:
    release = proposed(yaw)
    review = selectors.review_of(GuidelineRelease.objects.get(pk=release.pk))
    assert review.blocking == ()
    assert {fault.rule for fault in review.warnings} >= {"no_safety_net", "overlapping", "dark_skin"}
    assert review.replay is not None
    assert review.replay["base"] == selectors.current_release().label
    assert (review.replay["considered"], review.unexplained, review.approvals_needed) == (0, 0, 1)


def test_the_working_rows_can_be_tried_without_proposing_anything(yaw: Any, ama: Any) -> None:
    edit(yaw, "em-anaphylaxis", level="refer_routine")
    found = services.preview(actor=yaw)
    assert any(fault.blocks and fault.rule == "vignette" for fault in found.faults)
    edit(yaw, "em-anaphylaxis", level="emergency")
    found = services.preview(actor=yaw, last=10)
    assert not any(fault.blocks for fault in found.faults)
    assert found.replay is not None
    assert found.replay["limit"] == 10
    assert GuidelineRelease.objects.count() == 1
    with pytest.raises(Forbidden):
        services.preview(actor=ama)


def test_what_a_supervisor_sees_says_why_the_button_would_not_work(yaw: Any, abena: Any, ama: Any) -> None:
    review = selectors.review_of(proposed(yaw))
    assert review.obstacles(abena) == []
    assert review.obstacles(yaw) == ["Another supervisor must approve what you proposed."]
    assert "Only supervisors approve releases." in review.obstacles(ama)


def test_checks_are_made_again_before_approval(yaw: Any, abena: Any) -> None:
    """A proposal that got past them, by whatever way, is not approved."""
    snapshot = json.loads(selectors.snapshot_text(selectors.current_release()))
    rule = next(row for row in snapshot["guidelines"] if row["id"] == "em-anaphylaxis")
    rule["when"] = {"fact": "unicorns", "op": "eq", "value": True}
    smuggled = releases.propose(GuidelineRelease, snapshot=snapshot, actor=yaw, title="Smuggled")
    with pytest.raises(Unprocessable) as refused:
        services.approve_release(actor=abena, release=smuggled)
    assert refused.value.code == "release_checks_failed"
    assert refused.value.errors[0].field == "guidelines.em-anaphylaxis.when.fact"
    assert "unicorns" in refused.value.errors[0].message


# --- Milder outcomes -----------------------------------------------------------------------------
def test_a_milder_outcome_of_a_past_case_needs_a_reason(yaw: Any, abena: Any, milder: str) -> None:
    release = proposed(yaw)
    with pytest.raises(Unprocessable) as refused:
        services.approve_release(actor=abena, release=release)
    assert refused.value.code == "downgrades_unexplained"
    assert CASE in refused.value.detail
    assert refused.value.errors[0].field == f"replay.{CASE}"
    assert selectors.review_of(release).unexplained == 1

    services.explain_downgrades(actor=yaw, release=release, keys=[milder], reason="Seen again: it was mild.")
    review = selectors.review_of(release)
    assert review.replay is not None
    assert review.replay["changed"][0]["reason"]["text"] == "Seen again: it was mild."
    assert review.replay["changed"][0]["reason"]["by"] == "Yaw Owusu"
    assert services.approve_release(actor=abena, release=release).state == ReleaseState.ACTIVE


def test_a_reason_names_a_case_and_says_something(yaw: Any, milder: str) -> None:
    release = proposed(yaw)
    for keys, reason in (([milder], "  "), (["nobody"], "Because."), ([], "Because.")):
        with pytest.raises(ValidationFailed):
            services.explain_downgrades(actor=yaw, release=release, keys=keys, reason=reason)


def test_a_replay_against_a_release_that_is_no_longer_in_force_is_made_again(yaw: Any, abena: Any) -> None:
    first = proposed(yaw, "First")
    second = proposed(yaw, "Second")
    services.approve_release(actor=abena, release=first)
    done = services.approve_release(actor=abena, release=second)
    assert done.state == ReleaseState.ACTIVE
    assert done.replay is not None
    assert done.replay["base"] == first.label


# --- Emergency rules -----------------------------------------------------------------------------
WEAKER: dict[str, dict[str, Any]] = {
    "lowered": {"level": "refer_urgent"},
    "narrowed": {"unless": {"fact": "pregnant", "op": "eq", "value": True}},
}


@pytest.mark.parametrize("change", [*WEAKER, "removed"])
def test_an_emergency_rule_is_weakened_by_two_approvals_only(
    yaw: Any, abena: Any, akosua: Any, change: str
) -> None:
    code = "em-widespread-pustules-fever"
    if change == "removed":
        services.delete_item(actor=yaw, item=Guideline.objects.get(code=code))
    else:
        edit(yaw, code, **WEAKER[change])
    # A case that demands the rule stands in the way as well, until somebody takes it out.
    for case in Vignette.objects.all():
        if code in case.expected_rules:
            services.delete_item(actor=yaw, item=case)
    release = services.propose_release(actor=yaw, title="Weaker")
    review = selectors.review_of(release)
    assert [(each["rule"], each["change"]) for each in review.weakened] == [(code, change)]
    assert review.approvals_needed == 2

    first = services.approve_release(actor=abena, release=release)
    assert first.state == ReleaseState.PROPOSED
    assert selectors.review_of(first).obstacles(abena) == [
        "You have approved it; a second supervisor must, too."
    ]
    with pytest.raises(Conflict) as twice:
        services.approve_release(actor=abena, release=first)
    assert twice.value.code == "approved_already"
    with pytest.raises(Forbidden):
        services.approve_release(actor=yaw, release=first)
    second = services.approve_release(actor=akosua, release=first)
    assert second.state == ReleaseState.ACTIVE
    assert [each["by"] for each in selectors.review_of(second).approvals] == [
        "Abena Asante", "Akosua Frimpong",
    ]  # fmt: skip


def test_an_emergency_rule_said_otherwise_or_made_wider_needs_one_approval(yaw: Any, abena: Any) -> None:
    rule = Guideline.objects.get(code="em-widespread-pustules-fever")
    wider = {"any": [rule.when, {"fact": "difficulty_breathing", "op": "eq", "value": True}]}
    edit(yaw, rule.code, advice="Go to hospital now.", when=wider, no_match_case={})
    release = services.propose_release(actor=yaw, title="Wider")
    assert selectors.review_of(release).weakened == ()
    assert services.approve_release(actor=abena, release=release).state == ReleaseState.ACTIVE


def test_the_example_of_a_narrowed_rule_is_a_patient_whom_it_no_longer_catches(yaw: Any) -> None:
    edit(yaw, "em-widespread-pustules-fever", **WEAKER["narrowed"])
    release = services.propose_release(actor=yaw, title="Weaker")
    (weakened,) = selectors.review_of(release).weakened
    old, new = (
        {rule.id: rule for rule in selectors.knowledge_of(each).rules}["em-widespread-pustules-fever"]
        for each in (selectors.current_release(), release)
    )
    assert old.fires(weakened["example"])
    assert not new.fires(weakened["example"])
    assert weakened["example"]["pregnant"] is True


# --- Schedule, rejection, comments -----------------------------------------------------------------
def test_an_approved_release_waits_for_its_day(yaw: Any, abena: Any) -> None:
    day = timezone.now() + dt.timedelta(days=1)
    release = services.approve_release(actor=abena, release=proposed(yaw), at=day)
    assert (release.state, release.scheduled_for) == (ReleaseState.SCHEDULED, day)
    assert activate_due() == []
    assert activate_due(now=day) == [release]
    release.refresh_from_db()
    assert (release.state, release.approved_by) == (ReleaseState.ACTIVE, abena)
    assert Guideline.objects.get(code="ph-scabies").content_state == "reviewed"


def test_a_scheduled_release_undoes_no_other_that_came_between(yaw: Any, abena: Any) -> None:
    day = timezone.now() + dt.timedelta(days=1)
    waiting = services.approve_release(actor=abena, release=proposed(yaw, "Waiting"), at=day)
    between = services.approve_release(actor=abena, release=proposed(yaw, "Between"))
    assert activate_due(now=day) == []
    waiting.refresh_from_db()
    assert waiting.state == ReleaseState.REJECTED
    assert "Propose it again" in selectors.review_of(waiting).comments[0]["text"]
    assert selectors.current_release() == between


def test_a_day_in_the_past_is_no_day_to_wait_for(yaw: Any, abena: Any) -> None:
    with pytest.raises(ValidationFailed):
        services.approve_release(actor=abena, release=proposed(yaw), at=timezone.now())


def test_a_proposal_can_be_closed_with_a_reason_even_by_its_author(yaw: Any, abena: Any) -> None:
    release = services.reject_release(actor=yaw, release=proposed(yaw), reason="Wrong dose of words.")
    assert release.state == ReleaseState.REJECTED
    with pytest.raises(Conflict):
        services.approve_release(actor=abena, release=release)
    assert AuditEvent.objects.latest("id").action == "release.rejected"


def test_supervisors_talk_about_a_proposal(yaw: Any, abena: Any, ama: Any) -> None:
    release = proposed(yaw)
    services.comment(actor=abena, release=release, text="Why a week?", about="guidelines.rr-treatment-failed")
    services.comment(actor=yaw, release=release, text="The GSTG says so.")
    first, second = selectors.review_of(release).comments
    assert (first["by"], first["about"]) == ("Abena Asante", "guidelines.rr-treatment-failed")
    assert second["text"] == "The GSTG says so."
    with pytest.raises(Forbidden):
        services.comment(actor=ama, release=release, text="Hello")
    with pytest.raises(ValidationFailed):
        services.comment(actor=yaw, release=release, text=" ")


def test_every_step_is_in_the_audit_log(yaw: Any, abena: Any) -> None:
    before = AuditEvent.objects.count()
    release = proposed(yaw)
    services.comment(actor=abena, release=release, text="Good.")
    services.approve_release(actor=abena, release=release)
    actions = AuditEvent.objects.order_by("id").values_list("action", flat=True)[before:]
    assert list(actions) == [
        "knowledge.edited", "release.proposed", "knowledge.edited", "release.approved",
    ]  # fmt: skip


# --- Differences -----------------------------------------------------------------------------------
def test_the_difference_of_two_releases_is_readable(yaw: Any) -> None:
    old = selectors.current_release()
    rule = Guideline.objects.get(code="ph-scabies")
    unless = {"any": [rule.unless, {"fact": "difficulty_breathing", "op": "eq", "value": True}]}
    edit(yaw, "ph-scabies", unless=unless, advice="Treat everyone tonight. Come back if it gets worse.")
    services.delete_item(actor=yaw, item=Vignette.objects.get(code="v115"))
    assert services.diff_with_working_rows(old).as_dict()["newer"] == "working rows"
    new = services.propose_release(actor=yaw, title="Scabies")
    found = selectors.diff_of(old, new)
    rules, cases = found.sections
    assert (rules.name, cases.name) == ("rules", "test cases")
    assert [each.id for each in cases.removed] == ["v115"]
    (changed,) = rules.changed
    advice, exclusion = changed.fields
    assert (advice.field, exclusion.field) == ("advice", "unless")
    added = [line.text.strip() for line in exclusion.lines if line.sign == "+"]
    assert "Any of these:" in added
    assert FACTS["difficulty_breathing"].yes in added
    assert not any("{" in line.text for field in changed.fields for line in field.lines)


def test_a_release_does_not_differ_from_itself() -> None:
    release = selectors.current_release()
    assert selectors.diff_of(release, release).as_dict()["identical"] is True


# --- Immutable -------------------------------------------------------------------------------------
def test_code_cannot_change_what_was_released(yaw: Any) -> None:
    release = proposed(yaw)
    objects = GuidelineRelease.objects.filter(pk=release.pk)
    for change in ({"snapshot": "{}"}, {"content_hash": "0" * 64}, {"title": "x"}, {"proposed_by": None}):
        with pytest.raises(FrozenError):
            objects.update(**change)
        altered = objects.get()
        for name, value in change.items():
            setattr(altered, name, value)
        with pytest.raises(FrozenError):
            altered.save()
        with pytest.raises(FrozenError):
            altered.save(update_fields=list(change))
    with pytest.raises(FrozenError):
        objects.delete()
    with pytest.raises(FrozenError):
        release.delete()


def test_what_was_said_stays_said(yaw: Any) -> None:
    release = proposed(yaw)
    remark = services.comment(actor=yaw, release=release, text="Yes.")
    remark.text = "No."
    with pytest.raises(FrozenError):
        remark.save()
    for tried in (remark.delete, release.remarks.all().delete, lambda: release.remarks.update(text="No.")):
        with pytest.raises(FrozenError):
            tried()


RELEASE, REMARK = GuidelineRelease._meta.db_table, GuidelineReleaseRemark._meta.db_table
FORBIDDEN = [
    f"UPDATE {RELEASE} SET snapshot = '{{}}'",
    f"UPDATE {RELEASE} SET content_hash = 'x'",
    f"UPDATE {RELEASE} SET title = 'x'",
    f"UPDATE {RELEASE} SET number = 99",
    f"UPDATE {RELEASE} SET proposed_by_id = NULL, review_state = 'reviewed'",
    f"DELETE FROM {RELEASE}",
    f"UPDATE {REMARK} SET text = 'x'",
    f"DELETE FROM {REMARK}",
]
ON_POSTGRES = [f"TRUNCATE {RELEASE} CASCADE", f"TRUNCATE {REMARK}"]
ON_SQLITE = [
    f"UPDATE OR REPLACE {RELEASE} SET state = 'active'",
    f"REPLACE INTO {RELEASE} SELECT * FROM {RELEASE}",
    f"INSERT OR REPLACE INTO {REMARK} SELECT * FROM {REMARK}",
]


def test_the_database_cannot_be_made_to_change_what_was_released(yaw: Any) -> None:
    release = proposed(yaw)
    services.comment(actor=yaw, release=release, text="Yes.")
    for statement in FORBIDDEN + (ON_POSTGRES if connection.vendor == "postgresql" else ON_SQLITE):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_the_replay_is_fixed_once_a_release_is_decided_on(yaw: Any, abena: Any) -> None:
    release = services.approve_release(actor=abena, release=proposed(yaw))
    with pytest.raises(DatabaseError), transaction.atomic():
        GuidelineRelease.objects.filter(pk=release.pk).update(replay={})


def test_a_trigger_that_is_gone_is_noticed_and_comes_back() -> None:
    assert TRIGGERS.missing() == []
    connection.check_constraints()  # PostgreSQL alters no table that still has rows to check
    with connection.cursor() as cursor:
        on = f" ON {RELEASE}" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER {RELEASE}_no_change{on}")
    assert TRIGGERS.missing() == [f"{RELEASE}_no_change"]
    found = run_checks(tags=[Tags.database], databases=["default"])
    assert "dermatech.E005" in [error.id for error in found]
    assert TRIGGERS.install() == [f"{RELEASE}_no_change"]
    assert TRIGGERS.missing() == []


def test_a_snapshot_that_is_not_what_its_name_says_is_not_used(yaw: Any) -> None:
    """As after a backup that somebody edited: the hash is the name."""
    release = proposed(yaw)
    release.snapshot = release.snapshot.replace("emergency", "self_care")
    release.content_hash = "f" * 64
    with pytest.raises(Unavailable) as damaged:
        selectors.knowledge_of(release)
    assert damaged.value.code == "release_damaged"


def test_a_person_approves_once_whatever_happens(yaw: Any, abena: Any) -> None:
    release = proposed(yaw)
    release.remarks.create(kind=RemarkKind.APPROVAL, author=abena)
    with pytest.raises(DatabaseError), transaction.atomic():
        release.remarks.create(kind=RemarkKind.APPROVAL, author=abena)
