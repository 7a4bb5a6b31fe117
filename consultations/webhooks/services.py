"""What administrators do about webhooks: register, change, stop, begin again, try, give a new secret."""

import uuid
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit, policy
from accounts.models import Premises, User
from consultations.models import Webhook, WebhookDelivery
from consultations.webhooks import addresses, signing
from consultations.webhooks.announcing import announce_test
from dermatech.core.errors import Conflict, NotFound, ValidationFailed

# How long messages bear signatures by the old and the new secret.
OVERLAP: Final = timedelta(days=1)
_State, _Message = Webhook.State, WebhookDelivery.State


def check_address(url: str) -> None:
    """Raise ValidationFailed at `url` for an address to which nothing may be sent."""
    try:
        addresses.parse(url, local=settings.DEBUG)
    except addresses.AddressRefused as refused:
        raise ValidationFailed.of("url", refused.code, refused.detail) from refused


def register(*, actor: User, name: str, premises: Premises, url: str) -> tuple[Webhook, str]:
    """A new webhook and its secret, which is shown this once.

    Raises Forbidden, ValidationFailed (`url`), Conflict (`webhook_exists`).
    """
    policy.require(actor, policy.Permission.WEBHOOK_MANAGE)
    check_address(url)
    secret = signing.new_secret()
    webhook = Webhook(name=name, premises=premises, url=url, secret=secret, created_by=actor)
    try:
        with transaction.atomic():
            webhook.save(force_insert=True)
            _record(actor, webhook, audit.Action.WEBHOOK_CREATED, premises=str(premises.pk), url=url)
    except IntegrityError:
        raise _taken() from None
    return webhook, secret


def change(*, actor: User, webhook: Webhook, name: str, url: str) -> Webhook:
    """Another name or address. Raises Forbidden, ValidationFailed (`url`), Conflict (`webhook_exists`)."""
    policy.require(actor, policy.Permission.WEBHOOK_MANAGE)
    check_address(url)
    try:
        with transaction.atomic():
            Webhook.objects.filter(pk=webhook.pk).update(name=name, url=url, updated_at=timezone.now())
            _record(actor, webhook, audit.Action.WEBHOOK_UPDATED, what="changed", name=name, url=url)
    except IntegrityError:
        raise _taken() from None
    return Webhook.objects.get(pk=webhook.pk)


def rotate_secret(*, actor: User, webhook: Webhook) -> str:
    """A new secret, shown this once; the one before signs too for a day. Raises Forbidden."""
    policy.require(actor, policy.Permission.WEBHOOK_MANAGE)
    secret = signing.new_secret()
    with transaction.atomic():
        row = Webhook.objects.select_for_update().get(pk=webhook.pk)
        row.previous_secret, row.previous_until = row.secret, timezone.now() + OVERLAP
        row.secret = secret
        row.save(update_fields=["secret", "previous_secret", "previous_until", "updated_at"])
        _record(actor, row, audit.Action.WEBHOOK_UPDATED, what="new secret")
    return secret


def switch_off(*, actor: User, webhook: Webhook) -> None:
    """Tell it nothing more; what waits is given up. Raises Forbidden."""
    policy.require(actor, policy.Permission.WEBHOOK_MANAGE)
    now = timezone.now()
    with transaction.atomic():
        Webhook.objects.filter(pk=webhook.pk).update(
            state=_State.OFF, state_reason="Switched off by a person.", updated_at=now
        )
        webhook.deliveries.filter(state=_Message.QUEUED).update(
            state=_Message.FAILED, error="The webhook was switched off.", updated_at=now
        )
        _record(actor, webhook, audit.Action.WEBHOOK_UPDATED, what="switched off")


def switch_on(*, actor: User, webhook: Webhook) -> int:
    """Tell it again, what it missed while it was failing first. How many messages those are."""
    policy.require(actor, policy.Permission.WEBHOOK_MANAGE)
    now = timezone.now()
    with transaction.atomic():
        Webhook.objects.filter(pk=webhook.pk).update(
            state=_State.ACTIVE, state_reason="", failures=0, updated_at=now
        )
        waiting = webhook.deliveries.filter(state=_Message.QUEUED).update(due_at=now, updated_at=now)
        _record(actor, webhook, audit.Action.WEBHOOK_UPDATED, what="switched on", waiting=waiting)
    return waiting


def send_test(*, actor: User, webhook: Webhook) -> WebhookDelivery:
    """Queue a message about nothing. Raises Forbidden, Conflict (`webhook_not_active`)."""
    policy.require(actor, policy.Permission.WEBHOOK_MANAGE)
    _require_active(webhook)
    with transaction.atomic():
        delivery = announce_test(webhook)
        _record(actor, webhook, audit.Action.WEBHOOK_UPDATED, what="test", message=str(delivery.pk))
    return delivery


def send_again(*, actor: User, delivery_id: uuid.UUID) -> WebhookDelivery:
    """Queue a message once more, under its own id: a receiver that has it already knows it again.

    Raises Forbidden, NotFound, Conflict (`webhook_not_active`, `message_waiting`).
    """
    policy.require(actor, policy.Permission.WEBHOOK_MANAGE)
    delivery = WebhookDelivery.objects.select_related("webhook").filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound
    _require_active(delivery.webhook)
    now = timezone.now()
    waits = Conflict("This message is waiting to be sent already.", code="message_waiting")
    try:
        with transaction.atomic():
            done = WebhookDelivery.objects.filter(pk=delivery_id).exclude(state=_Message.QUEUED).update(
                state=_Message.QUEUED, attempts=0, due_at=now, sent_at=None, error="", updated_at=now
            )  # fmt: skip
            if not done:
                raise waits
            _record(
                actor, delivery.webhook, audit.Action.WEBHOOK_UPDATED,
                what="sent again", message=str(delivery_id),
            )  # fmt: skip
    except IntegrityError:
        raise waits from None
    delivery.refresh_from_db()
    return delivery


def _require_active(webhook: Webhook) -> None:
    if webhook.state != _State.ACTIVE:
        raise Conflict("Switch the webhook on first.", code="webhook_not_active")


def _taken() -> Conflict:
    return Conflict("These premises tell this address already.", code="webhook_exists")


def _record(actor: User, webhook: Webhook, action: audit.Action, **detail: str | int) -> None:
    audit.record(
        actor=actor, action=action, entity=webhook, purpose=audit.Purpose.ADMINISTRATION, detail=detail
    )
