"""From a finished analysis to a system that is told of it."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.audit.models import AuditEvent
from consultations.models import Analysis, Status, Webhook, WebhookDelivery
from consultations.services import analyses
from consultations.services.worker import run_analysis
from consultations.webhooks import announcing, courier, services
from consultations.webhooks.sending import Sender
from tests.consultations.webhooks.receiver import Receiver, verify

pytestmark = pytest.mark.django_db
one_database = pytest.mark.one_database


def queue(registered: tuple[Any, str], count: int = 1) -> list[WebhookDelivery]:
    return [announcing.announce_test(registered[0]) for _ in range(count)]


def announce(analysis: Analysis) -> None:
    announcing.announce(
        analysis_id=analysis.pk, consultation_id=analysis.consultation_id, status=Status.FAILED
    )


def due_now() -> None:
    WebhookDelivery.objects.filter(state="queued").update(due_at=timezone.now())


def test_a_finished_analysis_is_told_signed_and_without_a_word_about_the_patient(
    photographed: dict[str, Any], registered: tuple[Any, str], receiver: Receiver
) -> None:
    run_analysis(Analysis.objects.get().pk)
    delivery = WebhookDelivery.objects.get()
    assert courier.deliver_due() == 1
    ((headers, body),) = receiver.got
    assert verify(registered[1], headers, body, seen=set())
    analysis, consultation = photographed["analysis"]["id"], photographed["id"]
    told = json.loads(body)
    assert told["type"] == "analysis.succeeded"
    assert told["data"] == {
        "analysis": analysis,
        "consultation": consultation,
        "status": "succeeded",
        "url": f"/api/v1/analysis/{analysis}",
    }
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == str(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.status, delivery.attempts) == ("sent", 204, 1)
    event = AuditEvent.objects.get(action="webhook.sent")
    assert json.loads(event.canonical_json)["detail"]["analysis"] == analysis
    assert courier.deliver_due() == 0


def test_an_analysis_that_fails_for_good_is_told_too(
    photographed: dict[str, Any], registered: tuple[Any, str], receiver: Receiver
) -> None:
    claim = analyses.claim(Analysis.objects.get().pk)
    assert claim is not None
    analyses.fail(claim, code="image_unreadable", detail="It cannot be read.", final=True)
    courier.deliver_due()
    assert json.loads(receiver.got[0][1])["data"]["status"] == "failed"


def test_a_message_goes_with_the_transaction_that_it_tells_of(
    photographed: dict[str, Any], registered: tuple[Any, str]
) -> None:
    with transaction.atomic():
        announce(Analysis.objects.get())
        assert WebhookDelivery.objects.exists()
        transaction.set_rollback(True)
    assert not WebhookDelivery.objects.exists()


def test_only_the_premises_own_systems_are_told(
    photographed: dict[str, Any], adjoa: Any, esi: Any, receiver: Receiver
) -> None:
    services.register(actor=adjoa, name="Tamale", premises=esi.premises, url=receiver.url)
    run_analysis(Analysis.objects.get().pk)
    assert not WebhookDelivery.objects.exists()


@one_database
def test_the_same_message_waiting_already_is_enough_and_never_stops_an_analysis(
    photographed: dict[str, Any], registered: tuple[Any, str]
) -> None:
    analysis = Analysis.objects.get()
    for _ in range(3):
        announce(analysis)
    assert WebhookDelivery.objects.count() == 1


def test_what_is_not_taken_is_tried_again_later_under_the_same_id(
    registered: tuple[Any, str], receiver: Receiver
) -> None:
    queue(registered)
    receiver.answers = [500, 503, 302]
    waits = []
    for _ in range(4):
        before = timezone.now()
        courier.deliver_due()
        row = WebhookDelivery.objects.get()
        waits.append((row.due_at - before).total_seconds())
        due_now()
    assert len(set(receiver.ids)) == 1
    assert len(receiver.got) == 4  # the redirect was not followed
    assert (row.state, row.attempts) == ("sent", 4)
    assert 4 <= waits[0] < 8
    assert 24 <= waits[1] < 40
    assert 96 <= waits[2] < 150
    times = [int(headers["webhook-timestamp"]) for headers, _ in receiver.got]
    assert abs(times[-1] - time.time()) < 10
    seen: set[str] = set()
    taken = [verify(registered[1], headers, body, seen=seen) for headers, body in receiver.got]
    assert taken == [True, False, False, False]  # a receiver takes it once


@one_database
def test_after_the_last_try_a_person_can_send_it_again(
    registered: tuple[Any, str], receiver: Receiver, adjoa: Any
) -> None:
    (delivery,) = queue(registered)
    receiver.answers = [500] * courier.MOST_TRIES
    for _ in range(courier.MOST_TRIES + 2):
        courier.deliver_due()
        due_now()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.error) == ("failed", 10, "Answered 500.")
    services.send_again(actor=adjoa, delivery_id=delivery.pk)
    assert courier.deliver_due() == 1
    assert set(receiver.ids) == {str(delivery.pk)}


@one_database
def test_a_receiver_that_always_fails_is_stopped_and_misses_nothing(
    registered: tuple[Any, str], receiver: Receiver, adjoa: Any
) -> None:
    queue(registered, 5)
    receiver.answers = [500] * 40
    for _ in range(8):
        courier.deliver_due()
        due_now()
    webhook = Webhook.objects.get()
    assert (webhook.state, webhook.failures) == ("failing", 30)
    assert "30 tries in a row failed" in webhook.state_reason
    assert courier.deliver_due() == 0
    assert len(receiver.got) == 30
    receiver.answers.clear()
    assert services.switch_on(actor=adjoa, webhook=webhook) == 5
    assert courier.deliver_due() == 5
    webhook.refresh_from_db()
    assert (webhook.state, webhook.failures) == ("active", 0)
    assert AuditEvent.objects.filter(action="webhook.updated").count() == 2  # stopped, switched on


@one_database
def test_a_receiver_that_is_gone_is_switched_off(registered: tuple[Any, str], receiver: Receiver) -> None:
    queue(registered)
    receiver.answers = [410]
    courier.deliver_due()
    assert Webhook.objects.get().state == "off"
    assert courier.deliver_due() == 0


@one_database
def test_a_receiver_that_does_not_answer_costs_one_try_a_round_and_holds_up_nobody(
    registered: tuple[Any, str], receiver: Receiver, adjoa: Any, esi: Any
) -> None:
    dead, _ = services.register(actor=adjoa, name="Dead", premises=esi.premises, url="http://127.0.0.1:9/x")
    for _ in range(3):
        announcing.announce_test(dead)
    queue(registered, 2)
    assert courier.deliver_due() == 2
    tries = sorted(WebhookDelivery.objects.filter(webhook=dead).values_list("attempts", flat=True))
    assert tries == [0, 0, 1]


@one_database
def test_a_receiver_that_drips_is_cut_off(registered: tuple[Any, str], receiver: Receiver) -> None:
    def drip(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(40):
            try:
                handler.wfile.write(b"X-Slow: yes\r\n")
                handler.wfile.flush()
            except OSError:
                return
            time.sleep(0.05)

    queue(registered)
    receiver.answers = [drip]
    began = time.monotonic()
    assert courier.deliver_due(sender=Sender(local=True, seconds=0.3)) == 0
    assert time.monotonic() - began < 1.5
    assert WebhookDelivery.objects.get().error == "No answer within 0.3 seconds."


@one_database
def test_an_endless_answer_is_not_read(registered: tuple[Any, str], receiver: Receiver) -> None:
    def flood(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(10_000):
                handler.wfile.write(b"x" * 10_000)
        except OSError:
            return

    queue(registered)
    receiver.answers = [flood]
    began = time.monotonic()
    assert courier.deliver_due() == 1
    assert time.monotonic() - began < 2


def test_two_workers_send_a_message_once(
    registered: tuple[Any, str], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(registered)
    stale = courier._due(timezone.now())  # what the slower worker read before the faster one took it
    courier.deliver_due()
    monkeypatch.setattr(courier, "_due", lambda now: stale)
    assert courier.deliver_due() == 0
    assert len(receiver.got) == 1


def test_while_a_secret_is_changed_both_sign(
    registered: tuple[Any, str], receiver: Receiver, adjoa: Any
) -> None:
    webhook, old = registered
    new = services.rotate_secret(actor=adjoa, webhook=webhook)
    queue(registered)
    courier.deliver_due()
    headers, body = receiver.got[0]
    assert verify(old, headers, body, seen=set())
    assert verify(new, headers, body, seen=set())
    Webhook.objects.update(previous_until=timezone.now() - timedelta(seconds=1))
    queue(registered)
    courier.deliver_due()
    headers, body = receiver.got[1]
    assert verify(new, headers, body, seen=set())
    with pytest.raises(ValueError, match="wrong signature"):
        verify(old, headers, body, seen=set())


@one_database
def test_a_changed_body_an_old_time_and_another_secret_do_not_verify(
    registered: tuple[Any, str], receiver: Receiver
) -> None:
    queue(registered)
    courier.deliver_due()
    headers, body = receiver.got[0]
    for wrong in (
        {"body": body.replace(b"test", b"best")},
        {"headers": {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}},
        {"headers": {**headers, "webhook-id": "another"}},
        {"secret": "whsec_" + "A" * 44},
    ):
        given: dict[str, Any] = {"secret": registered[1], "headers": headers, "body": body, **wrong}
        with pytest.raises(ValueError, match="signature"):
            verify(**given, seen=set())
    with pytest.raises(ValueError, match="too old"):
        verify(registered[1], {**headers, "webhook-timestamp": "1700000000"}, body, seen=set())


@one_database
def test_old_messages_are_deleted_and_waiting_ones_are_not(
    registered: tuple[Any, str], receiver: Receiver
) -> None:
    queue(registered)
    courier.deliver_due()
    queue(registered)
    assert courier.clear_old() == 0
    WebhookDelivery.objects.update(updated_at=timezone.now() - timedelta(days=31))
    assert courier.clear_old() == 1
    assert WebhookDelivery.objects.get().state == "queued"


@one_database
def test_the_secret_is_encrypted_at_rest(registered: tuple[Any, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM consultations_webhook")
        (stored,) = cursor.fetchone()
    assert registered[1] not in stored
    assert Webhook.objects.get().secret == registered[1]


@one_database
def test_a_worker_sends_clears_and_leaves_no_connection_open(
    registered: tuple[Any, str], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from consultations.tasks import webhooks

    closed: list[bool] = []
    monkeypatch.setattr("django.db.connection.close", lambda: closed.append(True))
    queue(registered)
    assert webhooks.run_once(clear=True) == 1
    assert closed == [True]
