"""Letters: what they say, and what happens when the mail server does not take them."""

import smtplib
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts import mail, tasks  # noqa: F401  # tasks registers what workers repeat
from accounts.models import DeviceSession, OutgoingMail, RefreshToken, User
from dermatech.core import chores

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", list(mail.Kind))
def test_every_kind_of_letter_has_a_text_and_a_page_and_repeats_no_name(akosua: Any, kind: mail.Kind) -> None:
    akosua.full_name = "Win money at http://evil.example"
    letter = mail.compose(kind, akosua)
    assert letter.to == akosua.email
    assert letter.subject
    assert "\n" not in letter.subject
    for body in (letter.text, letter.html):
        assert "Good day" in body
        assert "evil.example" not in body
        assert "{{" not in body
        assert "{%" not in body
    assert "<" not in letter.text
    assert letter.html.lstrip().startswith("<!doctype html>")


def test_a_reason_is_shown_as_written_and_harmless_in_the_page(akosua: Any) -> None:
    akosua.state_reason = "Number <b>PS/1</b> & name differ"
    letter = mail.compose(mail.Kind.REGISTRATION_REFUSED, akosua)
    assert "Number <b>PS/1</b> & name differ" in letter.text
    assert "Number &lt;b&gt;PS/1&lt;/b&gt; &amp; name differ" in letter.html


def test_a_link_is_given_where_the_public_address_is_known(ama: Any, settings: Any) -> None:
    assert "http" not in mail.compose(mail.Kind.PASSWORD_RESET, ama).text
    settings.PUBLIC_URL = "https://api.dermatech.example/"
    letter = mail.compose(mail.Kind.PASSWORD_RESET, ama)
    assert "https://api.dermatech.example/password-reset#uid=" in letter.text
    assert "&token=" in letter.text


def test_a_letter_is_sent_once(ama: Any, mailoutbox: Any) -> None:
    mail.enqueue(mail.Kind.PASSWORD_CHANGED, user=ama)
    assert (mail.deliver_due(), mail.deliver_due()) == (1, 0)
    assert len(mailoutbox) == 1
    assert mailoutbox[0].alternatives[0][1] == "text/html"
    assert OutgoingMail.objects.get().state == "sent"


def test_of_two_workers_that_see_one_letter_one_sends_it(ama: Any, mailoutbox: Any) -> None:
    letter = mail.enqueue(mail.Kind.PASSWORD_CHANGED, user=ama)
    now = timezone.now()
    assert [mail._deliver(letter, now), mail._deliver(letter, now)] == [True, False]
    assert len(mailoutbox) == 1


def test_a_server_that_refuses_is_tried_again_later_and_at_last_given_up(
    ama: Any, mailoutbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(letter: mail.Letter) -> None:
        raise smtplib.SMTPServerDisconnected("gone")

    send = mail._send
    monkeypatch.setattr(mail, "_send", refuse)
    mail.enqueue(mail.Kind.PASSWORD_CHANGED, user=ama)
    assert mail.deliver_due() == 0
    letter = OutgoingMail.objects.get()
    assert (letter.state, letter.attempts) == ("queued", 1)
    assert letter.error == "SMTPServerDisconnected: gone"
    assert mail.deliver_due() == 0  # not due yet
    assert OutgoingMail.objects.get().attempts == 1

    with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=True):
        monkeypatch.setattr(mail, "_send", send)
        assert mail.deliver_due() == 1
    monkeypatch.setattr(mail, "_send", refuse)
    OutgoingMail.objects.update(state="queued", sent_at=None, attempts=7, due_at=timezone.now())
    mail.deliver_due()
    assert OutgoingMail.objects.get().state == "failed"


def test_one_bad_letter_does_not_stop_the_others(
    ama: Any, kofi: Any, mailoutbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    compose = mail.compose

    def breaks_for_ama(kind: str, user: User) -> mail.Letter:
        if user == ama:
            raise ValueError("a broken template")
        return compose(kind, user)

    monkeypatch.setattr(mail, "compose", breaks_for_ama)
    mail.enqueue(mail.Kind.PASSWORD_CHANGED, user=ama)
    mail.enqueue(mail.Kind.PASSWORD_CHANGED, user=kofi)
    assert mail.deliver_due() == 1
    assert mailoutbox[0].to == [kofi.email]


def test_the_address_of_an_unknown_person_is_not_kept(mailoutbox: Any) -> None:
    mail.enqueue(mail.Kind.PASSWORD_RESET, address="nobody@dermatech.example")
    assert mail.deliver_due() == 0
    letter = OutgoingMail.objects.get()
    assert (letter.state, letter.address) == ("dropped", "")


@pytest.mark.django_db(transaction=True)
def test_every_worker_delivers_letters_and_clears_what_expired(ama: Any, mailoutbox: Any) -> None:
    mine = {chore.name: chore for chore in chores.CHORES}
    assert {"letters", "clearing"} <= set(mine)
    mail.enqueue(mail.Kind.PASSWORD_CHANGED, user=ama)
    mine["letters"].once()
    assert len(mailoutbox) == 1
    session = DeviceSession.objects.create(
        user=ama, epoch=ama.epoch, last_used_at=timezone.now(), expires_at=timezone.now()
    )
    long_ago = timezone.now() - timedelta(days=1)
    RefreshToken.objects.create(session=session, digest="d", expires_at=long_ago)
    mine["clearing"].once()
    assert not RefreshToken.objects.exists()
