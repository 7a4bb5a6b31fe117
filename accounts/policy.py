"""Who may do what: one table, role -> permissions. Everything that asks, asks here.

Which rows one reaches is `scope(actor, verb, model)`; `visible_to(user)` on each queryset asks it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeGuard

from django.db.models import Model, Q

from accounts.roles import AccountState, Role
from dermatech.core.errors import Forbidden, Unauthenticated

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class Permission(StrEnum):
    """One thing someone may do, as `<entity>.<verb>`."""

    PROFILE_MANAGE = "profile.manage"  # own profile and own sessions
    CONSULTATION_WRITE = "consultation.write"
    CONSULTATION_READ_PREMISES = "consultation.read_premises"
    CONSULTATION_READ_ALL = "consultation.read_all"  # a supervisor's region, where one is set
    CONSULTATION_REVIEW = "consultation.review"  # judge a case and teach by it
    NOTIFICATION_SEND = "notification.send"  # say that an authority was told of a suspicion
    EMERGENCY_OPEN = "emergency.open"  # one record outside it, with a reason and for a time
    EMERGENCY_READ = "emergency.read"
    EMERGENCY_REVIEW = "emergency.review"
    PATIENT_RIGHTS = "patient.rights"  # consent taken back, erasure
    KNOWLEDGE_READ = "knowledge.read"  # what is published, through the API
    KNOWLEDGE_CURATE = "knowledge.curate"  # working rows, in the admin site
    RELEASE_PROPOSE = "release.propose"
    RELEASE_APPROVE = "release.approve"
    MODEL_READ = "model.read"
    MODEL_MANAGE = "model.manage"
    ACCOUNT_READ = "account.read"
    ACCOUNT_VERIFY = "account.verify"
    ACCOUNT_EDIT = "account.edit"
    ACCOUNT_DEACTIVATE = "account.deactivate"
    ACCOUNT_CREATE = "account.create"
    ROLE_CHANGE = "role.change"
    SECOND_FACTOR_RESET = "second_factor.reset"
    SESSION_END_ANY = "session.end_any"
    PREMISES_EDIT = "premises.edit"
    AUDIT_READ = "audit.read"
    AUDIT_EXPORT = "audit.export"
    ADMIN_SITE = "admin.site"
    OPERATIONS_READ = "operations.read"
    WEBHOOK_MANAGE = "webhook.manage"  # which other systems are told of finished analyses


_P = Permission
NOTHING: Final = Q(pk__in=())

TABLE: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.PHARMACIST: frozenset(
        {_P.PROFILE_MANAGE, _P.CONSULTATION_WRITE, _P.CONSULTATION_READ_PREMISES, _P.KNOWLEDGE_READ}
    ),
    Role.SUPERVISOR: frozenset(
        {
            _P.PROFILE_MANAGE, _P.ADMIN_SITE, _P.CONSULTATION_READ_ALL, _P.CONSULTATION_REVIEW,
            _P.NOTIFICATION_SEND,
            _P.KNOWLEDGE_READ, _P.KNOWLEDGE_CURATE, _P.RELEASE_PROPOSE, _P.RELEASE_APPROVE,
            _P.MODEL_READ, _P.MODEL_MANAGE,
            _P.ACCOUNT_READ, _P.ACCOUNT_VERIFY, _P.ACCOUNT_EDIT, _P.ACCOUNT_DEACTIVATE,
            _P.SESSION_END_ANY, _P.PREMISES_EDIT,
            _P.EMERGENCY_OPEN, _P.EMERGENCY_READ, _P.EMERGENCY_REVIEW,
        }
    ),
    # Auditors read the log and account facts, never a patient's record.
    Role.AUDITOR: frozenset(
        {
            _P.PROFILE_MANAGE, _P.ADMIN_SITE, _P.KNOWLEDGE_READ, _P.ACCOUNT_READ, _P.MODEL_READ,
            _P.AUDIT_READ, _P.AUDIT_EXPORT, _P.EMERGENCY_READ, _P.EMERGENCY_REVIEW,
        }
    ),
    # Administrators run the service. They curate no medical knowledge and write no consultation.
    Role.ADMIN: frozenset(
        {
            _P.PROFILE_MANAGE, _P.ADMIN_SITE, _P.CONSULTATION_READ_ALL, _P.KNOWLEDGE_READ,
            _P.MODEL_READ, _P.MODEL_MANAGE,
            _P.ACCOUNT_READ, _P.ACCOUNT_VERIFY, _P.ACCOUNT_EDIT, _P.ACCOUNT_DEACTIVATE,
            _P.ACCOUNT_CREATE, _P.ROLE_CHANGE, _P.SECOND_FACTOR_RESET, _P.SESSION_END_ANY, _P.PREMISES_EDIT,
            _P.AUDIT_READ, _P.AUDIT_EXPORT, _P.OPERATIONS_READ, _P.EMERGENCY_READ, _P.PATIENT_RIGHTS,
            _P.WEBHOOK_MANAGE,
        }
    ),
}  # fmt: skip


def allows(user: "User | AnonymousUser | None", permission: Permission) -> bool:
    """Whether `user` may do this. Nobody who is not verified may do anything."""
    return _known(user) and user.state == AccountState.VERIFIED and permission in TABLE[Role(user.role)]


def require(user: "User | AnonymousUser | None", permission: Permission) -> None:
    """Raise Unauthenticated for a stranger, Forbidden where the role does not allow it."""
    if not _known(user):
        raise Unauthenticated
    if not allows(user, permission):
        raise Forbidden


def _known(user: "User | AnonymousUser | None") -> TypeGuard["User"]:
    return user is not None and user.is_authenticated


# --- Which rows: one table, read by every `visible_to` ---------------------------------------------
class Verb(StrEnum):
    """What is done with a row."""

    READ = "read"
    WRITE = "write"
    SUPERVISE = "supervise"  # have it analysed again, hand out a copy: within one's own boundary only


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a role reaches into a table: to all rows, to those of the own premises, to one's own.
    Paths are lookups from the row to the premises, the user or the consultation. `regional`: all means
    all of the supervised region, where there is one; `emergency`: and what was opened beside it."""

    all_with: Permission | None = None
    premises_with: Permission | None = None
    premises: str = ""
    own: str = ""
    regional: bool = False
    emergency: str = ""


def _patient(consultation: str, verb: Verb) -> Reach:
    """Patient records: pharmacists reach those of their premises, who reads all reads all, supervisors of
    a region those of the region and, reading, what they opened in an emergency."""
    premises = "premises" if consultation == "pk" else f"{consultation}__premises"
    if verb == Verb.WRITE:
        return Reach(premises_with=_P.CONSULTATION_WRITE, premises=premises)
    if verb == Verb.SUPERVISE:
        return Reach(_P.CONSULTATION_READ_ALL, premises=premises, regional=True)
    return Reach(
        _P.CONSULTATION_READ_ALL,
        _P.CONSULTATION_READ_PREMISES,
        premises,
        regional=True,
        emergency=consultation,
    )


_PATIENT_TABLES: Final = {
    "consultations.consultation": "pk",
    "consultations.photo": "consultation",
    "consultations.analysis": "consultation",
    "consultations.recommendation": "consultation",
    "consultations.review": "consultation",
}
REACHES: Final[Mapping[tuple[str, Verb], Reach]] = {
    ("accounts.user", Verb.READ): Reach(_P.ACCOUNT_READ, own="pk"),
    ("accounts.user", Verb.WRITE): Reach(_P.ACCOUNT_EDIT, own="pk"),
    ("accounts.devicesession", Verb.READ): Reach(_P.ACCOUNT_READ, own="user"),
    ("accounts.devicesession", Verb.WRITE): Reach(_P.SESSION_END_ANY, own="user"),
    ("accounts.backgroundjob", Verb.READ): Reach(_P.OPERATIONS_READ, own="asked_by"),
    **{(table, verb): _patient(path, verb) for table, path in _PATIENT_TABLES.items() for verb in Verb},
}


def scope(actor: "User | AnonymousUser | None", verb: Verb, model: type[Model]) -> Q:
    """The rows of `model` with which `actor` may do this, as a filter. A table that is not listed, and
    whoever may do nothing, gets none: what nobody thought of stays shut."""
    reach = REACHES.get((model._meta.label_lower, verb), Reach())
    if reach.all_with is not None and allows(actor, reach.all_with) and _known(actor):
        return _of_region(actor, reach)
    if not _known(actor):
        return NOTHING
    own = Q(**{reach.own: actor.pk}) if reach.own and actor.pk else None
    if reach.premises_with is not None and allows(actor, reach.premises_with) and actor.premises_id:
        here = Q(**{reach.premises: actor.premises_id})
        return here if own is None else own | here
    return NOTHING if own is None else own


def boundary(actor: "User") -> str:
    """The region beyond which `actor` reads no patient's record; empty where there is none."""
    return actor.supervised_region if actor.role == Role.SUPERVISOR else ""


def _of_region(actor: "User", reach: Reach) -> Q:
    region = boundary(actor) if reach.regional else ""
    if not region:
        return Q()
    rows = Q(**{f"{reach.premises}__region": region})
    if reach.emergency and allows(actor, _P.EMERGENCY_OPEN):
        opened = actor.emergency_accesses.open().values("consultation_id")
        rows |= Q(**{f"{reach.emergency}__in": opened})
    return rows


# --- Django's admin site asks in its own words, "<app>.<verb>_<model>" ---------------------------
_VIEW = "view"
_ADMIN: Final[Mapping[tuple[str, str], Mapping[str, Permission]]] = {
    ("accounts", "user"): {
        "view": _P.ACCOUNT_READ, "change": _P.ACCOUNT_EDIT, "add": _P.ACCOUNT_CREATE,
    },
    ("accounts", "premises"): {
        "view": _P.ACCOUNT_READ, "change": _P.PREMISES_EDIT, "add": _P.PREMISES_EDIT,
    },
    ("accounts", "devicesession"): {"view": _P.ACCOUNT_READ},
    ("accounts", "outgoingmail"): {"view": _P.OPERATIONS_READ},
    ("accounts", "secondfactor"): {"view": _P.OPERATIONS_READ},
    ("accounts", "backgroundjob"): {"view": _P.ADMIN_SITE},  # everybody their own
    ("accounts", "emergencyaccess"): {"view": _P.EMERGENCY_READ},
    ("accounts", "auditdisclosure"): {},  # values about patients, behind the log's commitments
    ("accounts", "*"): {"view": _P.AUDIT_READ},
    ("triage", "*"): {
        "view": _P.KNOWLEDGE_READ, "change": _P.KNOWLEDGE_CURATE, "add": _P.KNOWLEDGE_CURATE,
        "delete": _P.KNOWLEDGE_CURATE,
    },
    ("medications", "*"): {
        "view": _P.KNOWLEDGE_READ, "change": _P.KNOWLEDGE_CURATE, "add": _P.KNOWLEDGE_CURATE,
        "delete": _P.KNOWLEDGE_CURATE,
    },
    ("consultations", "modelversion"): {"view": _P.MODEL_READ, "change": _P.MODEL_MANAGE},
    ("consultations", "webhook"): {
        "view": _P.WEBHOOK_MANAGE, "change": _P.WEBHOOK_MANAGE, "add": _P.WEBHOOK_MANAGE,
    },
    ("consultations", "webhookdelivery"): {"view": _P.WEBHOOK_MANAGE},
    ("consultations", "*"): {"view": _P.CONSULTATION_READ_ALL},
}  # fmt: skip


def admin_permission(codename: str) -> Permission | None:
    """The permission behind Django's `"<app>.<verb>_<model>"`; None where nobody has it.

    The historical rows of a model (`historicalcondition`) follow the model for reading, and nobody
    changes them.
    """
    app, _, rest = codename.partition(".")
    verb, _, model = rest.partition("_")
    if model.startswith("historical"):
        model = model.removeprefix("historical")
        if verb != _VIEW:
            return None
    rules = _ADMIN.get((app, model), _ADMIN.get((app, "*"), {}))
    return rules.get(verb)


def admin_apps(user: "User") -> frozenset[str]:
    """The app labels of which `user` sees anything in the admin site."""
    if not allows(user, Permission.ADMIN_SITE):
        return frozenset()
    return frozenset(
        app for (app, _), rules in _ADMIN.items() if _VIEW in rules and allows(user, rules[_VIEW])
    )
