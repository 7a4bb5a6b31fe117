"""Every change and every look at a patient is in the log once, whichever address it came by.

The addresses are read from the URLconf: an operation that is new is in none of the tables, and fails here.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.audit import recorder
from accounts.audit.models import AuditEvent
from tests.accounts.audit.scene import CALLS, OF_CASES, OF_THE_LOG, Scene, do
from tests.consultations.conftest import as_ama, knowledge, photographed, sent

__all__ = ["as_ama", "knowledge", "photographed", "sent"]
pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# What each operation leaves in the log when it succeeds. The first is the operation's own event, and
# stands there once; the others are acts of their own that it brings about.
LEAVES = {
    "POST auth-register": ("account.registered",),
    "POST auth-register-answer": ("account.updated",),
    "POST auth-confirm-email": ("account.updated",),
    "POST auth-login": ("auth.login",),
    "POST auth-refresh": ("auth.refresh",),
    "POST auth-logout": ("auth.logout",),
    "POST auth-password-reset": ("auth.password_reset_requested",),
    "POST auth-password-reset-confirm": ("auth.password_changed", "session.ended"),
    "PATCH auth-me": ("account.updated",),
    "DELETE auth-session": ("session.ended",),
    "GET consultations": ("consultation.listed",),
    "POST consultations": ("consultation.created", "photo.added", "analysis.queued", "recommendation.made"),
    "GET consultation": ("consultation.read",),
    "PUT consultation": ("consultation.updated", "recommendation.made"),
    "PATCH consultation": ("consultation.updated", "recommendation.made"),
    "POST consultation-images": ("photo.added", "analysis.queued"),
    "GET consultation-image": ("photo.read",),
    "GET consultation-leaflet": ("report.read",),
    "GET consultation-referral-letter": ("report.read",),
    "GET consultation-fhir": ("consultation.read",),
    "POST analysis-skin": ("analysis.queued", "photo.added"),
    "GET analysis": ("analysis.read",),
    "GET analysis-heatmap": ("heatmap.read",),
    "PATCH upload": ("photo.added", "analysis.queued"),
    "POST audit-exports": ("audit.exported",),
    "GET audit-exports": ("audit.read",),
    "GET audit-export": ("audit.read",),
    "GET audit-export-file": ("audit.downloaded",),
    "GET audit-export-fhir": ("audit.downloaded",),
}
# And what leaves nothing, with the reason.
LEAVES_NOTHING = {
    "facts in, the rules' answer out, nothing is kept": {"POST triage-assess"},
    "part of no record before its last byte is there, and gone the next day": {
        "POST uploads", "GET upload", "DELETE upload",
    },
    "published knowledge": {
        "GET medication", "GET medication-search", "GET medications", "GET sync-bundle", "GET sync-phrases",
        "GET triage-conditions", "GET triage-findings", "GET triage-guidelines",
    },
    "about the API and the service": {
        "GET docs", "GET health-live", "GET health-ready", "GET redoc", "GET schema",
    },
    "one's own": {"GET auth-me", "GET auth-sessions"},
}  # fmt: skip


# Edits, and a field that they change: the log holds what it became and what it was.
EDITS = {"PUT consultation": "notes", "PATCH consultation": "facts.fever", "PATCH auth-me": "full_name"}


def patterns(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in (resolver or get_resolver()).url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern, path)
        else:
            yield path, pattern


def operations() -> set[str]:
    """ "POST consultations" and so on: all that the API answers to. What is no view class, the metrics
    and a script of the documentation, is a function for GET alone."""
    found = set()
    for path, pattern in patterns():
        view = getattr(pattern.callback, "view_class", None) or getattr(pattern.callback, "cls", None)
        if path.startswith("api/"):
            methods = [name for name in METHODS if hasattr(view, name.lower())] if view else []
            found |= {f"{method} {pattern.name}" for method in methods}
    return found


def test_every_operation_of_the_urlconf_is_in_one_table_and_can_be_done() -> None:
    silent = set().union(*LEAVES_NOTHING.values())
    assert operations() == set(LEAVES) | silent
    assert not set(LEAVES) & silent
    assert set(LEAVES) == set(CALLS)


# --- Once when it succeeds ------------------------------------------------------------------------
@pytest.fixture
def scene(knowledge: None, api: Any, as_user: Any, ama: Any, efua: Any, yaw: Any) -> Scene:
    found = Scene(api=api, as_user=as_user, people={"ama": ama, "efua": efua, "yaw": yaw})
    found.ready()
    return found


@pytest.fixture
def fresh() -> Callable[[], list[str]]:
    """The actions recorded since the last call, oldest first."""
    seen: set[Any] = set()

    def reading() -> list[str]:
        rows = [row for row in AuditEvent.objects.order_by("id") if row.pk not in seen]
        seen.update(row.pk for row in rows)
        return [row.action if row.outcome == "success" else f"{row.action}:{row.outcome}" for row in rows]

    return reading


def test_what_succeeds_is_in_the_log_once(scene: Scene, fresh: Callable[[], list[str]]) -> None:
    for operation in CALLS:
        fresh()
        answer = do(scene, operation)
        assert 200 <= answer.status_code < 300, (operation, answer.content)
        if field := EDITS.get(operation):
            edit = AuditEvent.objects.filter(action=LEAVES[operation][0]).latest("id")
            assert {field, f"{field}.before"} <= set(json.loads(edit.canonical_json)["changes"])
        found, expected = fresh(), LEAVES[operation]
        assert found.count(expected[0]) == 1, (operation, found)
        assert set(found) <= set(expected), (operation, found)


# --- Not at all when it is rolled back --------------------------------------------------------------
def test_what_is_rolled_back_is_not_in_the_log_and_nothing_else_is_kept(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event is written and then fails: what it tells of must go with it."""
    written: list[Any] = []
    real = recorder._Draft.write

    def breaks(draft: Any) -> None:
        real(draft)
        written.append(draft.event.pk)
        raise OSError("no room on the disk")

    for client in (scene.api, scene.pharmacist, scene.auditor):
        client.raise_request_exception = False
    for operation in CALLS:
        before = everything()
        written.clear()
        with monkeypatch.context() as patch:
            patch.setattr(recorder._Draft, "write", breaks)
            answer = do(scene, operation)
        assert answer.status_code == 500, operation
        assert written, operation
        assert not AuditEvent.objects.filter(pk__in=written).exists(), operation
        assert everything() == before, operation


def everything() -> dict[str, Any]:
    """What the database holds of cases and people, by table. An upload's own row counts the bytes that
    have arrived, which no rollback can send back."""
    from django.apps import apps

    return {
        model.__name__: sorted(map(str, model._default_manager.order_by("pk").values_list()))
        for app in ("consultations", "accounts")
        for model in apps.get_app_config(app).get_models()
        if model.__name__ not in ("IdempotencyRecord", "AuditPending", "AuditEvent", "Upload")
    }


# --- A denial when it is denied ---------------------------------------------------------------------
def test_what_others_try_is_in_the_log_as_denied(
    scene: Scene, esi: Any, efua: Any, as_user: Any, fresh: Callable[[], list[str]]
) -> None:
    of_one_case = [name for name in OF_CASES if not name.endswith(" consultations")]
    tries = [(esi, 404, [*of_one_case, "DELETE auth-session"]), (efua, 403, list(OF_CASES))]
    for person, status, names in [*tries, (esi, 403, list(OF_THE_LOG))]:
        client = as_user(person)
        for operation in names:
            fresh()
            assert do(scene, operation, client).status_code == status, operation
            assert fresh() == ["access.denied:denied"], operation


@pytest.mark.parametrize("name", ["auth-login", "auth-register-answer"])
def test_a_wrong_password_is_in_the_log_as_denied(
    name: str, api: Any, ama: Any, fresh: Callable[[], list[str]]
) -> None:
    body = {"email": ama.email, "password": "a wrong one", **({"answer": "Me."} if "answer" in name else {})}
    assert api.post(reverse(name), body).status_code == 401
    assert fresh() == ["auth.login_failed:denied"]


# --- The admin ----------------------------------------------------------------------------------------
# Pages of patients' records besides lists and forms, and what a look leaves in the log.
LOOKS = {
    "analysis_heatmap": "heatmap.read",
    "consultation_leaflet": "report.read",
    "consultation_letter": "report.read",
    "consultation_privacy": "consultation.read",
    "photo_picture": "photo.read",
    "review_case": "consultation.read",
    "review_queue": "consultation.listed",
    "consultation_figures": "report.read",
}
# Acts, and what they leave; their own tests do them.
ACTS = {
    "analysis_do_again": "analysis.replayed",
    "analysis_retry": "analysis.queued",
    "consultation_privacy_step": "a copy, a withdrawal or an erasure",
    "consultation_retention_now": "retention.applied",
    "notifiablecase_mark_sent": "notification.sent",
    "notifiablecase_print_form": "report.read",
    "notifiablecase_take_back": "notification.withdrawn",
}
# These show numbers or lead elsewhere.
NO_PATIENT = {"consultation_retention", "review_board", "review_open_board", "review_open_queue"}
USUAL = ("_changelist", "_add", "_history", "_delete", "_change")
CONFIGURATION = ("consultations_modelversion", "consultations_shadow", "consultations_webhook")


def test_every_admin_page_of_a_patient_is_known_here() -> None:
    names = {str(pattern.name) for path, pattern in patterns() if path.startswith("admin/consultations/")}
    known = {f"consultations_{name}" for name in {*LOOKS, *ACTS, *NO_PATIENT}}
    own = {name for name in names - {"None"} if not name.endswith(USUAL)}
    assert {name for name in own if not name.startswith(CONFIGURATION)} == known


def test_each_look_at_a_patient_in_the_admin_is_in_the_log_once(
    scene: Scene, yaw: Any, fresh: Callable[[], list[str]]
) -> None:
    client = Client()
    client.force_login(yaw)
    case = scene.case["id"]
    keys = {"consultation": case, "photo": scene.case["images"][0]["id"], "analysis": scene.analysis}
    arguments: dict[str, list[Any]] = {
        "analysis_heatmap": [scene.analysis],
        "consultation_leaflet": [scene.supplied["id"]],
        "consultation_letter": [scene.referred["id"]],
        "consultation_privacy": [case],
        "consultation_figures": ["cases"],
        "photo_picture": [keys["photo"]],
        "review_case": [case],
        "review_queue": [],
    }
    pages = {reverse(f"admin:consultations_{name}_changelist"): "consultation.listed" for name in keys}
    pages |= {
        reverse(f"admin:consultations_{name}_change", args=[key]): f"{name}.read"
        for name, key in keys.items()
    }
    for name, action in LOOKS.items():
        pages[reverse(f"admin:consultations_{name}", args=arguments[name])] = action
    for address, action in pages.items():
        fresh()
        answer = client.get(address)
        assert answer.status_code == 200, address
        answer.close()
        assert fresh() == [action], address
