"""The admin site of accounts, as a supervisor, an auditor and an administrator see it."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import DeviceSession, OutgoingMail, Premises, User
from tests.cast import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
LOGIN = "/admin/login/"


def _in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _page(user: Any, name: str = "change") -> str:
    return reverse(f"admin:accounts_user_{name}", args=[user.pk])


def _said(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


# --- signing in ----------------------------------------------------------------------------------
def test_a_supervisor_signs_in_with_the_e_mail_address(yaw: Any, events: Any) -> None:
    client = Client()
    answer = client.post(LOGIN, {"username": yaw.email.upper(), "password": PASSWORD})
    assert answer.status_code == 302
    assert client.get("/admin/").status_code == 200
    assert events() == ["auth.login success"]


def test_a_pharmacist_and_a_wrong_password_are_told_the_same(ama: Any, yaw: Any) -> None:
    said = []
    for body in (
        {"username": ama.email, "password": PASSWORD},
        {"username": yaw.email, "password": "wrong"},
        {"username": "nobody@dermatech.example", "password": "wrong"},
    ):
        answer = Client().post(LOGIN, body)
        assert answer.status_code == 200
        said.append(answer.context["form"].non_field_errors())
    assert said[0] == said[1] == said[2]
    assert len(said[0]) == 1


def test_guessing_at_the_admin_site_is_counted_too(yaw: Any) -> None:
    for _ in range(5):
        Client().post(LOGIN, {"username": yaw.email, "password": "wrong"})
    answer = Client().post(LOGIN, {"username": yaw.email, "password": PASSWORD})
    assert "Too many wrong passwords" in str(answer.context["form"].non_field_errors())


def test_a_deactivated_supervisor_is_out_at_once(yaw: Any) -> None:
    client = _in(yaw)
    assert client.get("/admin/").status_code == 200
    User.objects.filter(pk=yaw.pk).update(state="deactivated", epoch=yaw.epoch + 1)
    assert client.get("/admin/").status_code == 302


def test_changing_ones_password_keeps_this_session_and_ends_the_devices(
    yaw: Any, pair: Any, me: Any, events: Any
) -> None:
    tokens, client = pair(yaw), _in(yaw)
    url = reverse("admin:password_change")
    weak = client.post(
        url, {"old_password": PASSWORD, "new_password1": "yaw owusu 1", "new_password2": "yaw owusu 1"}
    )
    assert "too similar" in str(weak.context["form"].errors)
    new = "nine green baskets on sunday"
    done = client.post(url, {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    assert done.status_code == 302
    assert client.get("/admin/").status_code == 200
    assert me(tokens["access"]).status_code == 401
    assert events()[-2:] == ["session.ended success", "auth.password_changed success"]


# --- the registration queue ----------------------------------------------------------------------
def test_the_queue_shows_who_waits_and_a_search_finds_them(yaw: Any, akosua: Any, ama: Any) -> None:
    client = _in(yaw)
    queue = client.get(reverse("admin:accounts_user_changelist"), {"state__exact": "pending"})
    assert [user.pk for user in queue.context["cl"].result_list] == [akosua.pk]
    found = client.get(reverse("admin:accounts_user_changelist"), {"q": "PS/777"})
    assert [user.pk for user in found.context["cl"].result_list] == [akosua.pk]


def test_the_queue_costs_the_same_for_one_and_for_many(
    yaw: Any, akosua: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        User.objects.create_user(
            f"p{number}@x.example", full_name="P", cadre="pharmacist", premises=akosua.premises
        )
    client = _in(yaw)
    # Session, user, count, page, the choices of the region filter, and the numbers of the navigation.
    with django_assert_max_num_queries(12):
        assert client.get(reverse("admin:accounts_user_changelist")).status_code == 200


def test_verifying_asks_first_and_then_lets_the_pharmacist_in(
    yaw: Any, akosua: Any, sign_in: Any, events: Any
) -> None:
    client = _in(yaw)
    page = client.get(_page(akosua))
    assert _page(akosua, "verify") in page.content.decode()
    question = client.get(_page(akosua, "verify"))
    assert "Let these people in?" in question.content.decode()
    akosua.refresh_from_db()
    assert akosua.state == "pending"
    done = client.post(_page(akosua, "verify"), {"confirmed": "yes"}, follow=True)
    assert _said(done) == ["Akosua Sarpong was verified."]
    assert events() == ["account.verified success"]
    assert sign_in(akosua).status_code == 200


def test_refusing_needs_a_reason(yaw: Any, akosua: Any) -> None:
    client = _in(yaw)
    again = client.post(_page(akosua, "refuse"), {"confirmed": "yes", "reason": " "})
    assert again.context["form"].errors == {"reason": ["This field is required."]}
    client.post(_page(akosua, "refuse"), {"confirmed": "yes", "reason": "Not on the register"})
    akosua.refresh_from_db()
    assert (akosua.state, akosua.state_reason) == ("refused", "Not on the register")


def test_several_registrations_are_decided_together(yaw: Any, akosua: Any, ama: Any) -> None:
    other = User.objects.create_user(
        "adwoa@x.example", full_name="Adwoa", cadre="otc_medicine_seller", premises=akosua.premises,
        registration_number=akosua.registration_number,
    )  # fmt: skip
    client, url = _in(yaw), reverse("admin:accounts_user_changelist")
    chosen = {"action": "verify_selected", "_selected_action": [akosua.pk, other.pk, ama.pk]}
    question = client.post(url, chosen)
    assert set(question.context["people"]) == {akosua, other}  # Ama was verified long ago
    done = client.post(url, {**chosen, "confirmed": "yes"}, follow=True)
    assert sorted(_said(done)) == ["Adwoa was verified.", "Akosua Sarpong was verified."]


def test_a_decision_that_is_too_late_is_said_and_changes_nothing(yaw: Any, akosua: Any, ama: Any) -> None:
    User.objects.filter(pk=akosua.pk).update(registration_number=ama.registration_number)
    done = _in(yaw).post(_page(akosua, "verify"), {"confirmed": "yes"}, follow=True)
    assert "same registration number" in _said(done)[0]
    akosua.refresh_from_db()
    assert akosua.state == "pending"


def test_an_auditor_looks_and_cannot_decide(efua: Any, akosua: Any) -> None:
    client = _in(efua)
    assert client.get(_page(akosua)).status_code == 200
    for name in ("verify", "refuse", "deactivate", "change_role"):
        assert client.post(_page(akosua, name), {"confirmed": "yes", "reason": "x"}).status_code == 403
    assert client.post(_page(akosua), {"full_name": "X"}).status_code == 403
    akosua.refresh_from_db()
    assert akosua.state == "pending"


def test_a_decision_about_nobody_is_not_found(yaw: Any, akosua: Any) -> None:
    url = _page(akosua, "verify").replace(str(akosua.pk), "nobody")
    assert _in(yaw).post(url, {"confirmed": "yes"}).status_code in (403, 404)


# --- accounts that exist -------------------------------------------------------------------------
def test_closing_an_account_signs_it_out_everywhere(
    yaw: Any, ama: Any, pair: Any, me: Any, events: Any
) -> None:
    access = pair(ama)["access"]
    client = _in(yaw)
    client.post(_page(ama, "deactivate"), {"confirmed": "yes", "reason": "Left the pharmacy"})
    assert me(access).status_code == 401
    assert events()[-2:] == ["session.ended success", "account.deactivated success"]
    assert OutgoingMail.objects.get().kind == "account_deactivated"
    client.post(_page(ama, "reactivate"), {"confirmed": "yes"})
    ama.refresh_from_db()
    assert ama.state == "verified"
    assert me(access).status_code == 401  # the old token stays dead


def test_a_supervisor_has_no_hold_over_staff(yaw: Any, abena: Any, adjoa: Any) -> None:
    client = _in(yaw)
    assert client.post(_page(adjoa, "deactivate"), {"confirmed": "yes", "reason": "x"}).status_code == 403
    assert client.post(_page(abena), {"full_name": "X"}).status_code == 403
    assert client.post(_page(yaw, "deactivate"), {"confirmed": "yes", "reason": "x"}).status_code == 403
    assert set(User.objects.filter(role__in=["admin", "supervisor"]).values_list("state", flat=True)) == {
        "verified"
    }


def test_facts_are_corrected_and_the_correction_is_an_event(yaw: Any, ama: Any, events: Any) -> None:
    body = {
        "full_name": "Ama  Mensah-Owusu", "phone": "024 123 4567", "cadre": "pharmacist",
        "registration_number": "ps/1", "premises": str(ama.premises_id), "email": "evil@x.example",
        "role": "admin", "device_sessions-TOTAL_FORMS": "0", "device_sessions-INITIAL_FORMS": "0",
    }  # fmt: skip
    assert _in(yaw).post(_page(ama), body).status_code == 302
    ama.refresh_from_db()
    assert (ama.full_name, ama.phone, ama.registration_number) == (
        "Ama Mensah-Owusu",
        "+233241234567",
        "PS/1",
    )
    assert (ama.email, ama.role) == ("ama@dermatech.example", "pharmacist")
    assert events() == ["account.updated success"]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("phone", "123", "phone number of Ghana"),
        ("registration_number", "?", "not a registration number"),
        ("registration_number", "PS/2", "Another verified account"),
        ("cadre", "", "needs a cadre"),
        ("premises", "", "needs premises"),
    ],
)
def test_a_wrong_fact_is_said_before_anything_is_saved(
    yaw: Any, ama: Any, kofi: Any, field: str, value: str, said: str
) -> None:
    User.objects.filter(pk=kofi.pk).update(cadre="pharmacist", registration_number="PS/2")
    body = {
        "full_name": "Changed", "phone": "", "cadre": "pharmacist", "registration_number": "PS/1",
        "premises": str(ama.premises_id), "device_sessions-TOTAL_FORMS": "0",
        "device_sessions-INITIAL_FORMS": "0",
    }  # fmt: skip
    answer = _in(yaw).post(_page(ama), {**body, field: value})
    assert said in str(answer.context["adminform"].form.errors)
    ama.refresh_from_db()
    assert ama.full_name == "Ama Mensah"


def test_an_administrator_makes_an_account_and_its_owner_gets_a_letter(
    adjoa: Any, yaw: Any, events: Any
) -> None:
    body = {"email": "Nana@X.example", "full_name": "Nana", "phone": "", "role": "auditor", "cadre": "",
            "registration_number": "", "premises": ""}  # fmt: skip
    url = reverse("admin:accounts_user_add")
    assert _in(yaw).get(url).status_code == 403
    client = _in(adjoa)
    assert client.get(url).status_code == 200
    assert client.post(url, body).status_code == 302
    made = User.objects.get(email="nana@x.example")
    assert (made.role, made.state, made.decided_by) == ("auditor", "verified", adjoa)
    assert OutgoingMail.objects.get().kind == "account_created"
    assert events() == ["account.created success"]
    again = client.post(url, body)
    assert "has an account already" in str(again.context["adminform"].form.errors)


def test_a_new_role_ends_all_sessions(adjoa: Any, ama: Any, pair: Any, me: Any) -> None:
    access = pair(ama)["access"]
    client = _in(adjoa)
    done = client.post(
        _page(ama, "change_role"), {"confirmed": "yes", "role": "supervisor", "cadre": ""}, follow=True
    )
    assert _said(done) == ["Ama Mensah was given another role."]
    ama.refresh_from_db()
    assert (ama.role, ama.cadre) == ("supervisor", "")
    assert me(access).status_code == 401
    wrong = client.post(
        _page(ama, "change_role"), {"confirmed": "yes", "role": "pharmacist", "cadre": ""}, follow=True
    )
    assert "needs a cadre" in _said(wrong)[0]


def test_an_administrator_gives_a_supervisor_a_region_and_nobody_else_gets_one(
    adjoa: Any, yaw: Any, ama: Any
) -> None:
    client = _in(adjoa)
    given = {"confirmed": "yes", "role": "supervisor", "cadre": "", "supervised_region": "volta"}
    client.post(_page(yaw, "change_role"), given)
    yaw.refresh_from_db()
    assert yaw.supervised_region == "volta"
    assert "Volta" in client.get(_page(yaw)).content.decode()
    wrong = {**given, "role": "auditor"}
    assert "Only a supervisor" in _said(client.post(_page(yaw, "change_role"), wrong, follow=True))[0]
    new = {
        "email": "new@x.example", "role": "auditor", "full_name": "New Person", "phone": "", "cadre": "",
        "registration_number": "", "premises": "", "supervised_region": "volta",
    }  # fmt: skip
    page = client.post(reverse("admin:accounts_user_add"), new)
    assert "Only a supervisor" in page.content.decode()
    client.post(reverse("admin:accounts_user_add"), {**new, "role": "supervisor"})
    assert User.objects.get(email="new@x.example").supervised_region == "volta"


def test_nobody_is_deleted(adjoa: Any, ama: Any) -> None:
    assert _in(adjoa).post(_page(ama, "delete"), {"post": "yes"}).status_code == 403


def test_premises_are_corrected_with_an_event_and_licences_stay_unique(
    yaw: Any, ama: Any, esi: Any, events: Any
) -> None:
    client = _in(yaw)
    url = reverse("admin:accounts_premises_change", args=[ama.premises_id])
    body = {"name": "Osu Pharmacy Ltd", "licence_number": "PC/GAR/0101", "region": "greater_accra"}
    assert client.get(url).status_code == 200
    assert client.post(url, body).status_code == 302
    taken = client.post(url, {**body, "licence_number": "pc/nr/0202"})
    assert "already" in str(taken.context["adminform"].form.errors)
    made = client.post(
        reverse("admin:accounts_premises_add"), {"name": "New", "licence_number": "pc/9", "region": "oti"}
    )
    assert made.status_code == 302
    assert Premises.objects.filter(licence_number="PC/9").exists()
    assert events() == ["premises.updated success", "premises.created success"]


def test_a_supervisor_signs_devices_out_from_the_list(yaw: Any, ama: Any, pair: Any, me: Any) -> None:
    access = pair(ama)["access"]
    session = DeviceSession.objects.get()
    client, url = _in(yaw), reverse("admin:accounts_devicesession_changelist")
    assert client.get(url).status_code == 200
    done = client.post(url, {"action": "end_selected", "_selected_action": [session.pk]}, follow=True)
    assert _said(done) == ["1 device was signed out."]
    assert me(access).status_code == 401


@pytest.mark.parametrize("model", ["user", "premises", "devicesession"])
def test_every_list_opens_for_every_member_of_staff(
    yaw: Any, efua: Any, adjoa: Any, ama: Any, model: str
) -> None:
    for person in (yaw, efua, adjoa):
        assert _in(person).get(reverse(f"admin:accounts_{model}_changelist")).status_code == 200
    assert _in(ama).get(reverse(f"admin:accounts_{model}_changelist")).status_code == 302


def test_letters_are_shown_to_administrators_only(adjoa: Any, yaw: Any) -> None:
    url = reverse("admin:accounts_outgoingmail_changelist")
    assert _in(adjoa).get(url).status_code == 200
    assert _in(yaw).get(url).status_code == 403
