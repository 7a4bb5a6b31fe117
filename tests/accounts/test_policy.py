"""The table role -> permissions, and what it means for Django's admin site."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

from accounts import policy
from accounts.models import User
from accounts.permissions import Requires
from accounts.policy import TABLE, Permission, admin_permission, allows, require
from accounts.roles import AccountState, Role
from dermatech.core.errors import Forbidden, Unauthenticated

# Who may, by permission: P pharmacist, S supervisor, A auditor, X administrator.
EXPECTED = {
    Permission.PROFILE_MANAGE: "PSAX",
    Permission.CONSULTATION_WRITE: "P",
    Permission.CONSULTATION_READ_PREMISES: "P",
    Permission.CONSULTATION_READ_ALL: "SX",
    Permission.KNOWLEDGE_READ: "PSAX",
    Permission.KNOWLEDGE_CURATE: "S",
    Permission.RELEASE_PROPOSE: "S",
    Permission.RELEASE_APPROVE: "S",
    Permission.MODEL_READ: "SAX",
    Permission.MODEL_MANAGE: "SX",
    Permission.ACCOUNT_READ: "SAX",
    Permission.ACCOUNT_VERIFY: "SX",
    Permission.ACCOUNT_EDIT: "SX",
    Permission.ACCOUNT_DEACTIVATE: "SX",
    Permission.ACCOUNT_CREATE: "X",
    Permission.ROLE_CHANGE: "X",
    Permission.SECOND_FACTOR_RESET: "X",
    Permission.SESSION_END_ANY: "SX",
    Permission.PREMISES_EDIT: "SX",
    Permission.AUDIT_READ: "AX",
    Permission.AUDIT_EXPORT: "AX",
    Permission.ADMIN_SITE: "SAX",
    Permission.OPERATIONS_READ: "X",
    Permission.CONSULTATION_REVIEW: "S",
    Permission.NOTIFICATION_SEND: "S",
    Permission.EMERGENCY_OPEN: "S",
    Permission.EMERGENCY_READ: "SAX",
    Permission.EMERGENCY_REVIEW: "SA",
    Permission.PATIENT_RIGHTS: "X",
    Permission.WEBHOOK_MANAGE: "X",
}
LETTER = {Role.PHARMACIST: "P", Role.SUPERVISOR: "S", Role.AUDITOR: "A", Role.ADMIN: "X"}


def test_every_permission_is_in_the_table_of_this_test() -> None:
    assert set(EXPECTED) == set(Permission)
    assert set(TABLE) == set(Role)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("permission", list(Permission))
def test_a_role_may_what_the_table_says_and_only_when_verified(role: Role, permission: Permission) -> None:
    expected = LETTER[role] in EXPECTED[permission]
    for state in AccountState:
        user = User(role=role, state=state)
        assert allows(user, permission) is (expected and state == AccountState.VERIFIED)


def test_strangers_may_nothing() -> None:
    assert not any(allows(None, permission) for permission in Permission)
    assert not any(allows(AnonymousUser(), permission) for permission in Permission)
    with pytest.raises(Unauthenticated):
        require(None, Permission.KNOWLEDGE_READ)


def test_a_role_without_the_permission_is_forbidden() -> None:
    auditor = User(role=Role.AUDITOR, state=AccountState.VERIFIED)
    require(auditor, Permission.AUDIT_READ)
    with pytest.raises(Forbidden):
        require(auditor, Permission.CONSULTATION_READ_ALL)


def test_requires_makes_a_permission_class_that_asks_the_policy() -> None:
    class Request:
        user = User(role=Role.PHARMACIST, state=AccountState.VERIFIED)

    request: Any = Request()
    view: Any = None
    assert Requires(Permission.CONSULTATION_WRITE)().has_permission(request, view)
    assert not Requires(Permission.AUDIT_READ)().has_permission(request, view)


@pytest.mark.parametrize(
    ("codename", "who"),
    [
        ("accounts.view_user", "SAX"),
        ("accounts.change_user", "SX"),
        ("accounts.add_user", "X"),
        ("accounts.delete_user", ""),
        ("accounts.view_auditevent", "AX"),
        ("accounts.change_auditevent", ""),
        ("accounts.delete_auditevent", ""),
        ("accounts.view_auditdisclosure", ""),
        ("accounts.view_idempotencyrecord", "AX"),
        ("triage.change_guideline", "S"),
        ("triage.view_guideline", "SAX"),
        ("triage.view_historicalguideline", "SAX"),
        ("triage.change_historicalguideline", ""),
        ("medications.add_medication", "S"),
        ("consultations.view_consultation", "SX"),
        ("consultations.change_consultation", ""),
        ("consultations.change_modelversion", "SX"),
        ("auth.change_group", ""),
        ("nonsense", ""),
    ],
)
def test_the_admin_site_is_ruled_by_the_same_table(codename: str, who: str) -> None:
    for role in (Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN):
        user = User(role=role, state=AccountState.VERIFIED)
        assert user.has_perm(codename) is (LETTER[role] in who)
        assert user.has_perms([codename, codename]) is (LETTER[role] in who)


def test_the_admin_site_is_for_verified_staff() -> None:
    for role in Role:
        for state in AccountState:
            user = User(role=role, state=state)
            assert user.is_staff is (role != Role.PHARMACIST and state == AccountState.VERIFIED)
            assert user.is_superuser is False
    pharmacist = User(role=Role.PHARMACIST, state=AccountState.VERIFIED)
    assert not any(pharmacist.has_module_perms(app) for app in ("accounts", "triage", "consultations"))
    auditor = User(role=Role.AUDITOR, state=AccountState.VERIFIED)
    assert auditor.has_module_perms("triage")
    assert policy.admin_apps(auditor) == {"accounts", "triage", "medications", "consultations"}


def test_a_codename_of_nobody_is_nobodys() -> None:
    assert admin_permission("accounts.fly_user") is None


# --- which rows ----------------------------------------------------------------------------------
@pytest.mark.django_db
def test_rows_are_reached_by_role_premises_and_ownership(
    ama: Any, kofi: Any, esi: Any, yaw: Any, efua: Any, adjoa: Any
) -> None:
    def reached(actor: Any, verb: policy.Verb) -> set[str]:
        return {user.get_short_name() for user in User.objects.filter(policy.scope(actor, verb, User))}

    everybody = {"Ama", "Kofi", "Esi", "Yaw", "Efua", "Adjoa"}
    assert reached(ama, policy.Verb.READ) == {"Ama"}
    assert [reached(person, policy.Verb.READ) for person in (yaw, efua, adjoa)] == [everybody] * 3
    assert reached(yaw, policy.Verb.WRITE) == everybody
    assert reached(efua, policy.Verb.WRITE) == {"Efua"}
    for nobody in (None, AnonymousUser()):
        assert reached(nobody, policy.Verb.READ) == set()


@pytest.mark.django_db
def test_patient_records_are_reached_by_the_own_premises(ama: Any, esi: Any, yaw: Any, efua: Any) -> None:
    from consultations.models import Analysis, Consultation, Photo, Recommendation

    for model, path in (
        (Consultation, "premises"),
        (Photo, "consultation__premises"),
        (Analysis, "consultation__premises"),
        (Recommendation, "consultation__premises"),
    ):
        for verb in (policy.Verb.READ, policy.Verb.WRITE):
            assert policy.scope(ama, verb, model) == Q(**{path: ama.premises_id})
            assert policy.scope(efua, verb, model) == policy.NOTHING
        assert policy.scope(ama, policy.Verb.SUPERVISE, model) == policy.NOTHING
        assert policy.scope(yaw, policy.Verb.SUPERVISE, model) == Q()
        assert policy.scope(yaw, policy.Verb.READ, model) == Q()
        assert policy.scope(yaw, policy.Verb.WRITE, model) == policy.NOTHING
        yaw.supervised_region = "volta"
        assert policy.scope(yaw, policy.Verb.SUPERVISE, model) == Q(**{f"{path}__region": "volta"})
        assert policy.scope(yaw, policy.Verb.READ, model) != Q()
        yaw.supervised_region = ""
    ama.state = AccountState.DEACTIVATED
    assert policy.scope(ama, policy.Verb.READ, Consultation) == policy.NOTHING


@pytest.mark.django_db
def test_a_table_that_nobody_thought_of_stays_shut(adjoa: Any) -> None:
    from accounts.models import OutgoingMail

    assert policy.scope(adjoa, policy.Verb.READ, OutgoingMail) == policy.NOTHING
