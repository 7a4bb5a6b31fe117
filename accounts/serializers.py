"""The shapes of /auth."""

from typing import Any

from rest_framework import serializers

from accounts import numbers
from accounts.models import AccountState, Cadre, DeviceSession, Region, Role, User
from dermatech.core.serializers import StrictCharField, StrictSerializer

# Longer ones are no passwords but work for the hasher.
_LONGEST_PASSWORD = 256


class LineField(StrictCharField):
    """One line of text; runs of spaces count as one."""

    default_error_messages = {"line": "Line breaks are not allowed."}
    # For the API's document: no control characters, and something beside blanks.
    pattern = r"^[^\u0000-\u0008\u000A-\u001F]*[^\s\u0000-\u001F][^\u0000-\u0008\u000A-\u001F]*$"

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if "\n" in text or "\r" in text:
            self.fail("line")
        return " ".join(text.split())


class PhoneField(LineField):
    """A phone number of Ghana, kept as E.164."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 30, "help_text": "A number of Ghana; kept as +233…", **kwargs})

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        try:
            return numbers.ghana_phone(text)
        except numbers.NotANumber as problem:
            raise serializers.ValidationError(str(problem), code="invalid_phone") from None


def _password(**kwargs: Any) -> StrictCharField:
    return StrictCharField(
        trim_whitespace=False, max_length=_LONGEST_PASSWORD, style={"input_type": "password"}, **kwargs
    )


class PremisesIn(StrictSerializer):
    """Where the applicant works."""

    name = LineField(max_length=200)
    licence_number = LineField(max_length=40)
    region = serializers.ChoiceField(choices=Region.choices)


class RegisterIn(StrictSerializer):
    """POST /auth/register."""

    email = serializers.EmailField(max_length=254)
    password = _password()
    full_name = LineField(max_length=150)
    phone = PhoneField()
    cadre = serializers.ChoiceField(choices=Cadre.choices)
    registration_number = LineField(max_length=40)
    premises = PremisesIn()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            attrs["registration_number"] = numbers.registration_number(
                attrs["registration_number"], cadre=attrs["cadre"]
            )
        except numbers.NotANumber as problem:
            raise serializers.ValidationError(
                {
                    "registration_number": [
                        serializers.ErrorDetail(str(problem), code="invalid_registration_number")
                    ]
                }
            ) from None
        return attrs


class LoginIn(StrictSerializer):
    """POST /auth/login."""

    email = serializers.EmailField(max_length=254)
    password = _password()
    otp = LineField(
        max_length=40, required=False, allow_blank=True, default="",
        help_text="Of staff with an authenticator app: its six digits, or a recovery code. Nobody else's.",
    )  # fmt: skip
    device_name = LineField(max_length=100, required=False, allow_blank=True, default="")


class RefreshIn(StrictSerializer):
    """POST /auth/refresh and /auth/logout."""

    refresh = StrictCharField(max_length=200)


class PasswordResetIn(StrictSerializer):
    """POST /auth/password-reset."""

    email = serializers.EmailField(max_length=254)


class PasswordResetConfirmIn(StrictSerializer):
    """POST /auth/password-reset/confirm."""

    uid = StrictCharField(max_length=100, help_text="From the letter.")
    token = StrictCharField(max_length=100, help_text="From the letter; good for one hour and one use.")
    new_password = _password()


class ConfirmEmailIn(StrictSerializer):
    """POST /auth/confirm-email."""

    uid = StrictCharField(max_length=100, help_text="From the letter.")
    token = StrictCharField(max_length=100, help_text="From the letter; good for three days.")


class AnswerIn(StrictSerializer):
    """POST /auth/register/answer."""

    email = serializers.EmailField(max_length=254)
    password = _password()
    answer = StrictCharField(max_length=2000, help_text="What the supervisor reads.")
    full_name = LineField(max_length=150, required=False)
    phone = PhoneField(required=False)
    registration_number = LineField(max_length=40, required=False)


class ProfileIn(StrictSerializer):
    """PATCH /auth/me. Role, cadre, registration number and premises are changed by a supervisor."""

    full_name = LineField(max_length=150, required=False)
    phone = PhoneField(required=False)


class PremisesOut(serializers.Serializer[Any]):
    """The premises of a user."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    licence_number = serializers.CharField()
    region = serializers.ChoiceField(choices=Region.choices)


class UserOut(serializers.Serializer[User]):
    """One's own account."""

    id = serializers.UUIDField()
    email = serializers.EmailField()
    full_name = serializers.CharField()
    phone = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)
    cadre = serializers.SerializerMethodField(help_text="null for everybody but pharmacists.")
    registration_number = serializers.CharField()
    premises = PremisesOut(allow_null=True)
    state = serializers.ChoiceField(choices=AccountState.choices)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_cadre(self, user: User) -> str | None:
        return user.cadre or None


class TokensOut(serializers.Serializer[Any]):
    """A fresh pair of tokens."""

    access = serializers.CharField(help_text="Bearer token, valid for `access_expires_in` seconds.")
    refresh = serializers.CharField(help_text="Exchange it once at /auth/refresh.")
    access_expires_in = serializers.IntegerField(help_text="Seconds.")
    user = UserOut()


class ReceivedOut(serializers.Serializer[Any]):
    """An answer that says nothing about whether the address was known."""

    detail = serializers.CharField()
    code = serializers.CharField()


class SessionOut(serializers.Serializer[DeviceSession]):
    """A device on which one is signed in."""

    id = serializers.UUIDField()
    device_name = serializers.CharField()
    user_agent = serializers.CharField()
    address = serializers.IPAddressField(allow_null=True)
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    current = serializers.SerializerMethodField(help_text="Whether this very request came from it.")

    def get_current(self, session: DeviceSession) -> bool:
        current: DeviceSession = self.context["current"]
        return session.pk == current.pk


class SessionPage(serializers.Serializer[Any]):
    """One page of devices, newest first."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = SessionOut(many=True)
