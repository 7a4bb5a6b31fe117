"""Every change and every look at a patient is in the log once, whichever address it came by.

The addresses are read from the URLconf: one that is new and not in the tables below fails here.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.audit import recorder
from accounts.audit.models import AuditEvent
from tests.cast import PASSWORD
from tests.consultations.cases import CONSULTATIONS, SKIN, ringworm, upload
from tests.consultations.conftest import as_ama, knowledge, photographed, sent

__all__ = ["as_ama", "knowledge", "photographed", "sent"]
pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
# Changes nothing and keeps nothing: facts in, the rules' answer out.
STORES_NOTHING = {"POST triage-assess"}
# What each operation leaves in the log when it succeeds. The first is the operation's own event, and
# stands there once; the others are acts of their own that it brings about.
EXPECTED = {
    "POST auth-register": ("account.registered",),
    "POST auth-login": ("auth.login",),
    "POST auth-refresh": ("auth.refresh",),
    "POST auth-logout": ("auth.logout",),
    "POST auth-password-reset": ("auth.password_reset_requested",),
    "POST auth-password-reset-confirm": ("auth.password_changed",),
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
    "POST analysis-skin": ("analysis.queued", "photo.added"),
    "GET analysis": ("analysis.read",),
    "GET analysis-heatmap": ("heatmap.read",),
    "POST audit-exports": ("audit.exported",),
    "GET audit-exports": ("audit.read",),
    "GET audit-export": ("audit.read",),
    "GET audit-export-file": ("audit.downloaded",),
}
"""What the tables know of by other tests, and why not here."""
ELSEWHERE = {
    "POST auth-register-answer": "tests/accounts",
    "POST auth-confirm-email": "tests/accounts",
    "GET analysis-heatmap": "needs an image model: tests/consultations/test_with_a_real_model.py",
    "GET consultation-leaflet": "needs a decision: tests/consultations/documents",
    "GET consultation-referral-letter": "needs a referral: tests/consultations/documents",
}


def patterns(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in (resolver or get_resolver()).url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern, path)
        else:
            yield path, pattern


def operations() -> set[str]:
    """ "POST consultations" and so on: every unsafe operation of the API, and what reads below
    addresses of patients and of the log."""
    found = set()
    for path, pattern in patterns():
        view = getattr(pattern.callback, "view_class", None) or getattr(pattern.callback, "cls", None)
        if not path.startswith("api/v1/") or view is None:
            continue
        methods = {name for name in (*UNSAFE, "GET") if hasattr(view, name.lower())}
        about_people = path.startswith(("api/v1/consultations", "api/v1/analysis", "api/v1/audit"))
        found |= {f"{method} {pattern.name}" for method in methods if method != "GET" or about_people}
    return found - STORES_NOTHING


def test_every_operation_of_the_urlconf_is_in_the_table() -> None:
    assert operations() == set(EXPECTED) | (set(ELSEWHERE) & operations())


class Caller:
    """Does each operation once, as somebody who may."""

    def __init__(self, client: Any, case: dict[str, Any], people: dict[str, Any], as_user: Any) -> None:
        self.client, self.case, self.people, self.as_user = client, case, people, as_user

    def __call__(self, operation: str, client: Any = None) -> Any:
        method, name = operation.split()
        asker = client or self.client
        address, body, options = getattr(self, name.replace("-", "_"))(method)
        return getattr(asker, method.lower())(address, body, **({"format": "json"} | options))

    def consultations(self, method: str) -> Any:
        if method == "GET":
            return CONSULTATIONS, None, {}
        return (
            CONSULTATIONS,
            {"data": json.dumps(ringworm()), "image": upload(seed=5)},
            {"format": "multipart"},
        )

    def consultation(self, method: str) -> Any:
        body = {"PUT": ringworm(notes="Changed."), "PATCH": {"facts": {"fever": True}}}.get(method)
        return f"{CONSULTATIONS}/{self.case['id']}", body, {}

    def consultation_images(self, method: str) -> Any:
        address = f"{CONSULTATIONS}/{self.case['id']}/images"
        return address, {"image": upload(seed=6)}, {"format": "multipart"}

    def consultation_image(self, method: str) -> Any:
        return f"{CONSULTATIONS}/{self.case['id']}/images/{self.case['images'][0]['id']}", None, {}

    def consultation_leaflet(self, method: str) -> Any:
        return f"{CONSULTATIONS}/{self.case['id']}/leaflet", None, {}

    def consultation_referral_letter(self, method: str) -> Any:
        return f"{CONSULTATIONS}/{self.case['id']}/referral-letter", None, {}

    def analysis_skin(self, method: str) -> Any:
        return SKIN, {"consultation": self.case["id"], "image": upload(seed=7)}, {"format": "multipart"}

    def analysis(self, method: str) -> Any:
        return f"/api/v1/analysis/{self.case['analysis']['id']}", None, {}

    def analysis_heatmap(self, method: str) -> Any:
        return f"/api/v1/analysis/{self.case['analysis']['id']}/heatmap", None, {}

    def auth_me(self, method: str) -> Any:
        return reverse("auth-me"), {"full_name": "Ama Serwaa Mensah"}, {}

    def auth_session(self, method: str) -> Any:
        here = self.client.get(reverse("auth-sessions")).json()["results"][0]
        return reverse("auth-session", args=[here["id"]]), None, {}


# --- Once when it succeeds ------------------------------------------------------------------------
@pytest.fixture
def caller(as_ama: Any, photographed: dict[str, Any], ama: Any, as_user: Callable[[Any], Any]) -> Caller:
    return Caller(as_ama, photographed, {"ama": ama}, as_user)


@pytest.fixture
def fresh() -> Callable[[], list[str]]:
    """The actions recorded since the last call, oldest first."""
    seen: set[Any] = set()

    def reading() -> list[str]:
        rows = [row for row in AuditEvent.objects.order_by("id") if row.pk not in seen]
        seen.update(row.pk for row in rows)
        return [row.action if row.outcome == "success" else f"{row.action}:{row.outcome}" for row in rows]

    return reading


OF_CASES = sorted(
    operation
    for operation in EXPECTED
    if operation not in ELSEWHERE and operation.split()[1].startswith(("consultation", "analysis"))
)
OF_ONE_CASE = [operation for operation in OF_CASES if operation.split()[1] != "consultations"]
# Signing out comes last.
CASES = (*OF_CASES, "PATCH auth-me", "DELETE auth-session")


def test_what_succeeds_is_in_the_log_once(caller: Caller, fresh: Callable[[], list[str]]) -> None:
    for operation in CASES:
        fresh()
        answer = caller(operation)
        assert 200 <= answer.status_code < 300, (operation, answer.content)
        # To sign a device out, the caller looks up which devices there are.
        found, expected = [action for action in fresh() if action != "session.read"], EXPECTED[operation]
        assert found.count(expected[0]) == 1, (operation, found)
        assert set(found) <= set(expected), (operation, found)


def test_signing_in_and_out_and_changing_the_password_are_in_the_log_once(
    api: Any, ama: Any, fresh: Callable[[], list[str]]
) -> None:
    from accounts import resets
    from accounts.mail import deliver_due

    person = {"email": ama.email, "password": PASSWORD}
    pair = api.post(reverse("auth-login"), person).json()
    assert fresh() == ["auth.login"]
    pair = api.post(reverse("auth-refresh"), {"refresh": pair["refresh"]}).json()
    assert fresh() == ["auth.refresh"]
    assert api.post(reverse("auth-logout"), {"refresh": pair["refresh"]}).status_code == 204
    assert fresh() == ["auth.logout"]
    assert api.post(reverse("auth-password-reset"), {"email": ama.email}).status_code == 202
    deliver_due()
    assert set(fresh()) == {"auth.password_reset_requested"}
    uid, token = resets.make(ama)
    body = {"uid": uid, "token": token, "new_password": "seven blue canoes at dawn"}
    assert api.post(reverse("auth-password-reset-confirm"), body).status_code == 204
    assert fresh() == ["auth.password_changed"]
    assert api.post(reverse("auth-login"), person).status_code == 401
    assert fresh() == ["auth.login_failed:denied"]


# --- Not at all when it is rolled back --------------------------------------------------------------
def test_what_is_rolled_back_is_not_in_the_log_and_nothing_else_is_kept(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event is written and then fails: what it tells of must go with it."""
    written: list[Any] = []
    real = recorder._Draft.write

    def breaks(draft: Any) -> None:
        real(draft)
        written.append(draft.event.pk)
        raise OSError("no room on the disk")

    session = caller.auth_session("DELETE")[0]
    caller.client.raise_request_exception = False
    before = everything()
    for operation in CASES:
        written.clear()
        with monkeypatch.context() as patch:
            patch.setattr(recorder._Draft, "write", breaks)
            out = operation == "DELETE auth-session"
            answer = caller.client.delete(session) if out else caller(operation)
        assert answer.status_code == 500, operation
        assert written, operation
        assert not AuditEvent.objects.filter(pk__in=written).exists(), operation
        assert everything() == before, operation


def everything() -> dict[str, Any]:
    """What the database holds of cases and people, by table."""
    from django.apps import apps

    return {
        model.__name__: sorted(map(str, model._default_manager.order_by("pk").values_list()))
        for app in ("consultations", "accounts")
        for model in apps.get_app_config(app).get_models()
        if model.__name__ not in ("IdempotencyRecord", "AuditPending")
    }


# --- A denial when it is denied ---------------------------------------------------------------------
def test_what_others_try_is_in_the_log_as_denied(
    caller: Caller, esi: Any, efua: Any, fresh: Callable[[], list[str]]
) -> None:
    for person, status, operations in ((esi, 404, OF_ONE_CASE), (efua, 403, OF_CASES)):
        client = caller.as_user(person)
        for operation in operations:
            fresh()
            assert caller(operation, client).status_code == status, operation
            assert fresh() == ["access.denied:denied"], operation


# --- The admin ----------------------------------------------------------------------------------------
# Pages of patients' records besides lists and forms, and what they leave in the log.
ADMIN_PAGES = {
    "consultations_photo_picture": "photo.read",
    "consultations_analysis_heatmap": "heatmap.read",
    "consultations_consultation_leaflet": "report.read",
    "consultations_consultation_letter": "report.read",
    "consultations_analysis_do_again": "analysis.queued",
    "consultations_analysis_retry": "analysis.queued",
}
USUAL = ("_changelist", "_add", "_history", "_delete", "_change")


def admin_names() -> set[str]:
    names = {str(pattern.name) for path, pattern in patterns() if path.startswith("admin/consultations/")}
    return {name for name in names if name != "None" and "modelversion" not in name}


def test_every_admin_page_of_a_patient_is_known_here() -> None:
    assert {name for name in admin_names() if not name.endswith(USUAL)} == set(ADMIN_PAGES)


def test_each_look_at_a_patient_in_the_admin_is_in_the_log_once(
    photographed: dict[str, Any], yaw: Any, fresh: Callable[[], list[str]]
) -> None:
    case, client = photographed, Client()
    client.force_login(yaw)
    keys = {"consultation": case["id"], "photo": case["images"][0]["id"], "analysis": case["analysis"]["id"]}
    pages = {reverse(f"admin:consultations_{name}_changelist"): "consultation.listed" for name in keys}
    pages |= {
        reverse(f"admin:consultations_{name}_change", args=[key]): f"{name}.read"
        for name, key in keys.items()
    }
    pages[reverse("admin:consultations_photo_picture", args=[keys["photo"]])] = "photo.read"
    for address, action in pages.items():
        fresh()
        assert client.get(address).status_code == 200, address
        assert fresh() == [action], address
