"""User: one person, who signs in with an e-mail address."""

import unicodedata
from collections.abc import Iterable
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from accounts import policy
from accounts.models.premises import Premises
from accounts.roles import STAFF_ROLES, AccountState, Cadre, Region, Role
from dermatech.core.fields import BlindIndexField, EncryptedTextField
from dermatech.core.models import BaseModel


def normalise_email(email: str) -> str:
    """The one spelling under which an address is stored and looked up."""
    return unicodedata.normalize("NFKC", email).strip().lower()


class UserQuerySet(models.QuerySet["User"]):
    def visible_to(self, user: "User | None") -> Self:
        """Everybody for who may read accounts, otherwise oneself."""
        return self.filter(policy.scope(user, policy.Verb.READ, self.model))

    def pending(self) -> Self:
        """The registration queue."""
        return self.filter(state=AccountState.PENDING)

    def with_phone(self, number: str) -> Self:
        """Whose phone number (E.164) it is. Rows from before the index are found after `rotate_keys`."""
        index = self.model._meta.get_field("phone_index")
        assert isinstance(index, BlindIndexField)  # noqa: S101  # as declared below
        return self.filter(phone_index__in=index.candidates(number))


class UserManager(BaseUserManager["User"]):
    """Makes rows; meaning (who may, audit, mail) is in `accounts.services`."""

    def get_queryset(self) -> UserQuerySet:
        return UserQuerySet(self.model, using=self._db)

    def visible_to(self, user: "User | None") -> UserQuerySet:
        """See `UserQuerySet.visible_to`."""
        return self.get_queryset().visible_to(user)

    def pending(self) -> UserQuerySet:
        """See `UserQuerySet.pending`."""
        return self.get_queryset().pending()

    def with_phone(self, number: str) -> UserQuerySet:
        """See `UserQuerySet.with_phone`."""
        return self.get_queryset().with_phone(number)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=normalise_email(username or ""))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A new row; without a password one that cannot sign in by password."""
        user = self.model(email=normalise_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db, force_insert=True)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """What `manage.py createsuperuser` calls: a verified administrator."""
        fields = {"role": Role.ADMIN, "state": AccountState.VERIFIED, **fields}
        return self.create_user(email, password, **fields)


class User(AbstractBaseUser, BaseModel):
    """Someone with an account.

    State: pending -> verified | refused; verified -> deactivated -> verified. Only the verified act.
    `epoch` is copied into every token; raising it ends every token at once.
    """

    email = models.EmailField(
        "e-mail address", help_text="Signs in with it. Stored in small letters; one account per address."
    )
    full_name = models.CharField(max_length=150, help_text="As on the professional register.")
    phone = EncryptedTextField(
        blank=True, default="", help_text="International form, for example +233241234567. Encrypted at rest."
    )
    phone_index = BlindIndexField(of="phone", db_default="")
    role = models.CharField(max_length=20, choices=Role, default=Role.PHARMACIST)
    cadre = models.CharField(
        max_length=40, choices=Cadre, blank=True, default="",
        help_text="Decides which medicines they may supply. Pharmacist role only.",
    )  # fmt: skip
    registration_number = models.CharField(
        max_length=40, blank=True, default="",
        help_text="With the Pharmacy Council, for example “PS/12345”. One verified account per number.",
    )  # fmt: skip
    premises = models.ForeignKey(
        Premises, on_delete=models.PROTECT, null=True, blank=True, related_name="users",
        help_text="Where they work. They see the consultations of these premises only.",
    )  # fmt: skip
    supervised_region = models.CharField(
        max_length=20, choices=Region, blank=True, default="", db_default="",
        help_text="A supervisor's: they read the records of its premises only. Empty: of the whole country.",
    )  # fmt: skip
    state = models.CharField(max_length=20, choices=AccountState, default=AccountState.PENDING)
    state_reason = models.TextField(
        blank=True, default="", help_text="Why the account was refused or deactivated; its owner is told."
    )
    email_confirmed_at = models.DateTimeField(
        null=True, blank=True, editable=False,
        help_text="When somebody proved to read letters to this address.",
    )  # fmt: skip
    question = models.TextField(
        blank=True, default="", db_default="",
        help_text="What a supervisor asked of a waiting person; they got it by e-mail.",
    )  # fmt: skip
    answer = models.TextField(
        blank=True, default="", db_default="", help_text="What the person answered in the app."
    )
    decided_by = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)
    epoch = models.PositiveIntegerField(default=0, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["full_name"]

    class Meta:
        ordering = ("-created_at", "-id")
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("email"), name="user_email_once_in_any_case"),
            # Two people under one professional number cannot both work.
            models.UniqueConstraint(
                fields=["cadre", "registration_number"],
                condition=Q(state=AccountState.VERIFIED) & ~Q(registration_number=""),
                name="user_registration_number_once_verified",
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="user_role_known"),
            # A misspelt region would close every record to its supervisor.
            models.CheckConstraint(
                condition=Q(supervised_region__in=["", *Region.values]), name="user_supervised_region_known"
            ),
            models.CheckConstraint(condition=Q(state__in=AccountState.values), name="user_state_known"),
            models.CheckConstraint(
                condition=Q(role=Role.PHARMACIST, cadre__in=Cadre.values)
                | (~Q(role=Role.PHARMACIST) & Q(cadre="")),
                name="user_cadre_with_pharmacist_role_only",
            ),
            # Somebody without premises would share the view of everybody without premises.
            models.CheckConstraint(
                condition=~Q(role=Role.PHARMACIST, state=AccountState.VERIFIED) | Q(premises__isnull=False),
                name="user_verified_pharmacist_has_premises",
            ),
        ]
        indexes: ClassVar = [
            # The registration queue in the admin site.
            models.Index(fields=["state", "created_at"], name="user_queue"),
            # The search for a phone number in the admin site.
            models.Index(fields=["phone_index"], name="user_by_phone", condition=~Q(phone_index="")),
        ]

    def __str__(self) -> str:
        return f"{self.full_name} <{self.email}>"

    @property
    def is_active(self) -> bool:  # type: ignore[override]  # derived, so it cannot disagree with the state
        return self.state == AccountState.VERIFIED

    @property
    def is_staff(self) -> bool:
        """Whether the admin site lets them in."""
        return self.is_active and self.role in STAFF_ROLES

    @property
    def is_superuser(self) -> bool:
        """Nobody is above the policy table."""
        return False

    def get_full_name(self) -> str:
        return self.full_name

    def get_short_name(self) -> str:
        return self.full_name.split(" ")[0]

    def clean(self) -> None:
        super().clean()
        self.email = normalise_email(self.email)

    def set_password(self, raw_password: str | None) -> None:
        """A new password also ends every token and admin session made under the old one."""
        super().set_password(raw_password)
        self.epoch += 1

    def get_session_auth_hash(self) -> str:
        return f"{super().get_session_auth_hash()}-{self.epoch}-{self.role}"

    def get_session_auth_fallback_hash(self) -> Iterable[str]:
        for digest in super().get_session_auth_fallback_hash():
            yield f"{digest}-{self.epoch}-{self.role}"

    def has_perm(self, perm: str, obj: models.Model | None = None) -> bool:
        """Django's question, answered by the policy table."""
        permission = policy.admin_permission(perm)
        return permission is not None and policy.allows(self, permission)

    def has_perms(self, perm_list: Iterable[str], obj: models.Model | None = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        return app_label in policy.admin_apps(self)
