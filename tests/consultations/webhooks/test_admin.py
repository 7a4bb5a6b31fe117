"""Webhooks in the admin."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.audit.models import AuditEvent
from consultations.models import Webhook, WebhookDelivery
from consultations.webhooks import announcing, courier
from tests.cast import PASSWORD
from tests.consultations.webhooks.receiver import Receiver, verify

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
ADD = "/admin/consultations/webhook/add/"


def desk(person: Any) -> Client:
    client = Client()
    assert client.login(username=person.email, password=PASSWORD)
    return client


@pytest.fixture(autouse=True)
def _no_second_question(settings: Any) -> None:
    settings.ADMIN_PROOF_SECONDS = 0


def changes() -> list[str]:
    return list(
        AuditEvent.objects.filter(action__startswith="webhook.")
        .order_by("id")
        .values_list("action", flat=True)
    )


def test_an_administrator_registers_a_system_and_sees_its_secret_once(adjoa: Any, ama: Any) -> None:
    client = desk(adjoa)
    answer = client.post(
        ADD, {"name": "Till", "premises": ama.premises_id, "url": "https://till.example.com/x"}
    )
    webhook = Webhook.objects.get()
    page = answer.content.decode()
    assert webhook.secret in page
    assert "no-store" in answer["Cache-Control"]
    assert webhook.created_by == adjoa
    address = reverse("admin:consultations_webhook_change", args=[webhook.pk])
    assert webhook.secret not in client.get(address).content.decode()
    assert changes() == ["webhook.created"]


@pytest.mark.parametrize(
    "url", ["http://till.example.com/", "https://10.0.0.1/", "https://u:p@till.example.com/", "nonsense"]
)
def test_a_wrong_address_is_said_beside_its_field(url: str, adjoa: Any, ama: Any) -> None:
    answer = desk(adjoa).post(ADD, {"name": "Till", "premises": ama.premises_id, "url": url})
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors["url"]
    assert not Webhook.objects.exists()


def test_the_same_address_twice_is_said_and_not_an_error(adjoa: Any, registered: tuple[Any, str]) -> None:
    webhook = registered[0]
    answer = desk(adjoa).post(ADD, {"name": "Again", "premises": webhook.premises_id, "url": webhook.url})
    assert "tell this address already" in answer.content.decode()


def test_name_and_address_change_and_the_premises_stay(
    adjoa: Any, esi: Any, registered: tuple[Any, str]
) -> None:
    webhook = registered[0]
    address = reverse("admin:consultations_webhook_change", args=[webhook.pk])
    sent = {"name": "Old till", "url": "https://till.example.com/", "premises": esi.premises_id}
    assert desk(adjoa).post(address, sent).status_code == 302
    now = Webhook.objects.get()
    assert (now.name, now.url, now.premises_id) == ("Old till", sent["url"], webhook.premises_id)
    assert now.secret == registered[1]


@pytest.mark.parametrize("name", ["test", "new-secret", "off"])
def test_nothing_happens_by_looking(name: str, adjoa: Any, registered: tuple[Any, str]) -> None:
    client, before = desk(adjoa), changes()
    address = f"/admin/consultations/webhook/{registered[0].pk}/{name}/"
    page = client.get(address)
    assert page.status_code == 200
    assert "No, take me back" in page.content.decode()
    assert changes() == before
    assert Webhook.objects.get().secret == registered[1]
    assert client.post(address, {"confirmed": "yes"}).status_code in (200, 302)
    assert changes() == [*before, "webhook.updated"]


def test_a_test_message_arrives_and_is_sent_again(
    adjoa: Any, registered: tuple[Any, str], receiver: Receiver
) -> None:
    client = desk(adjoa)
    client.post(f"/admin/consultations/webhook/{registered[0].pk}/test/", {"confirmed": "yes"})
    assert courier.deliver_due() == 1
    headers, body = receiver.got[0]
    assert verify(registered[1], headers, body, seen=set())
    row = WebhookDelivery.objects.get()
    again = f"/admin/consultations/webhookdelivery/{row.pk}/again/"
    client.get(again)
    assert courier.deliver_due() == 0
    client.post(again, {"confirmed": "yes"})
    assert courier.deliver_due() == 1
    assert len(set(receiver.ids)) == 1
    assert (
        "Sent"
        in client.get(reverse("admin:consultations_webhook_change", args=[registered[0].pk])).content.decode()
    )


def test_one_that_fails_stands_beside_the_navigation(
    adjoa: Any, registered: tuple[Any, str], receiver: Receiver
) -> None:
    from consultations.webhooks.admin import waiting

    Webhook.objects.update(state="failing", state_reason="30 tries in a row failed")
    announcing.announce_test(registered[0])
    client = desk(adjoa)
    page = client.get("/admin/consultations/webhook/")
    assert waiting(page.wsgi_request) == 1
    client.post(f"/admin/consultations/webhook/{registered[0].pk}/on/", {"confirmed": "yes"})
    assert courier.deliver_due() == 1


def test_supervisors_and_auditors_do_not_see_them(yaw: Any, efua: Any, registered: tuple[Any, str]) -> None:
    for person in (yaw, efua):
        client = desk(person)
        for address in (
            "webhook/",
            "webhookdelivery/",
            f"webhook/{registered[0].pk}/change/",
            "webhook/add/",
        ):
            assert client.get(f"/admin/consultations/{address}").status_code == 403
        test = f"/admin/consultations/webhook/{registered[0].pk}/test/"
        assert client.post(test, {"confirmed": "yes"}).status_code in (403, 404)
    assert changes() == ["webhook.created"]
