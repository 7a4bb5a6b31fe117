"""Suspicions that the law or a programme wants to hear of, and when they were told."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts import policy
from accounts.models import User
from consultations.models.consultation import Consultation, ConsultationQuerySet
from dermatech.core.models import BaseModel


class Channel(models.TextChoices):
    """How the authority was told."""

    PHONE = "phone", "By phone"
    HAND = "hand", "On paper, by hand"
    EMAIL = "email", "By e-mail"
    SYSTEM = "system", "In the authority's own system"


class Notification(BaseModel):
    """That a suspicion was passed on: to whom, how, by whom and when."""

    consultation = models.OneToOneField(
        Consultation, on_delete=models.PROTECT, related_name="notification", editable=False
    )
    disease = models.CharField(max_length=300, editable=False, help_text="As the guidelines called it then.")
    sent_to = models.CharField(max_length=200)
    channel = models.CharField(max_length=10, choices=Channel)
    reference = models.CharField(max_length=100, blank=True, default="")
    sent_at = models.DateTimeField()
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False
    )

    class Meta:
        ordering = ("-sent_at", "-id")
        constraints = [
            models.CheckConstraint(
                condition=Q(channel__in=Channel.values), name="notification_channel_known"
            ),
            models.CheckConstraint(condition=~Q(sent_to=""), name="notification_says_to_whom"),
        ]

    def __str__(self) -> str:
        return f"{self.disease}, told to {self.sent_to}"


class NotifiableQuerySet(ConsultationQuerySet):
    def visible_to(self, user: User | None) -> "NotifiableQuerySet":
        """Of the consultations that `user` may see."""
        if user is None:
            return self
        return self.filter(policy.scope(user, policy.Verb.READ, Consultation))

    def suspected(self) -> "NotifiableQuerySet":
        """Those that a rule wants to be passed on."""
        return self.filter(notify__isnull=False)


class NotifiableCase(Consultation):
    """A consultation, looked at as something to be passed on."""

    objects = NotifiableQuerySet.as_manager()  # type: ignore[misc]  # the stubs take it for a variable

    class Meta:
        proxy = True
        verbose_name = "notifiable case"
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"{self.notify or 'Consultation'} ({str(self.pk)[-8:]})"
