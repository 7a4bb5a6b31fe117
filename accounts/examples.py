"""Examples in the OpenAPI document, one for every body of /auth."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample

_PREMISES: Final = {"name": "Osu Pharmacy", "licence_number": "PC/GAR/0101", "region": "greater_accra"}
_USER: Final[dict[str, Any]] = {
    "id": "01990d2e-7c4b-7a63-9a51-5b0f3c7e9d10",
    "email": "ama@osu-pharmacy.example",
    "full_name": "Ama Mensah",
    "phone": "+233241234567",
    "role": "pharmacist",
    "cadre": "pharmacist",
    "registration_number": "PS/12345",
    "premises": {"id": "01990d2e-7c4b-7a63-9a51-5b0f3c7e9d11", **_PREMISES},
    "state": "verified",
    "created_at": "2026-01-31T08:00:00Z",
    "updated_at": "2026-01-31T08:00:00Z",
}
_REFRESH: Final = {"refresh": "q0xT7y2mJm1rWZ6rX4n3q8b5c9d0e1f2g3h4i5j6k7l"}
_TOKENS: Final = {
    "access": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0eXAiOiJhY2Nlc3MifQ.c2lnbmF0dXJl",
    **_REFRESH,
    "access_expires_in": 600,
    "user": _USER,
}


def _asked(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True)


def _answered(name: str, value: Any, status: str) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=[status])


REGISTER: Final = [
    _asked(
        "A pharmacist",
        {
            "email": "ama@osu-pharmacy.example",
            "password": "seven blue canoes at dawn",
            "full_name": "Ama Mensah",
            "phone": "024 123 4567",
            "cadre": "pharmacist",
            "registration_number": "PS/12345",
            "premises": _PREMISES,
        },
    ),
    _answered(
        "Received",
        {
            "detail": "Your registration was received. You will get an e-mail.",
            "code": "registration_received",
        },
        "202",
    ),
]
CONFIRM_EMAIL: Final = [
    _asked("The code of the letter", {"uid": "MDE5OTBkMmU", "token": "d4x2kq-3f1a9c0b7e5d2f4a6c8e"}),
]
ANSWER: Final = [
    _asked(
        "A corrected number",
        {
            "email": "ama@osu-pharmacy.example",
            "password": "seven blue canoes at dawn",
            "answer": "I had left out a digit; the certificate says PS/12345.",
            "registration_number": "PS/12345",
        },
    ),
    _answered(
        "Received",
        {"detail": "Your answer was received; a supervisor reads it.", "code": "answer_received"},
        "202",
    ),
]
LOGIN: Final = [
    _asked(
        "Sign in",
        {
            "email": "ama@osu-pharmacy.example",
            "password": "seven blue canoes at dawn",
            "device_name": "Counter phone",
        },
    ),
    _asked(
        "Staff with an authenticator app",
        {"email": "yaw@dermatech.example", "password": "eight red kites over Tema", "otp": "287082"},
    ),
    _answered("Signed in", _TOKENS, "200"),
]
REFRESH: Final = [_asked("Refresh", _REFRESH), _answered("A new pair", _TOKENS, "200")]
LOGOUT: Final = [_asked("Sign out", _REFRESH)]
RESET: Final = [
    _asked("Forgotten", {"email": "ama@osu-pharmacy.example"}),
    _answered(
        "Received",
        {
            "detail": "If this address has an account, a letter with a code is on its way.",
            "code": "password_reset_received",
        },
        "202",
    ),
]
RESET_CONFIRM: Final = [
    _asked(
        "New password",
        {
            "uid": "MDE5OTBkMmUtN2M0Yi03YTYzLTlhNTEtNWIwZjNjN2U5ZDEw",
            "token": "d2f3a1-0f1e2d3c4b5a69788796a5b4c3d2e1f0",
            "new_password": "nine green baskets on sunday",
        },
    )
]
ME: Final = [_answered("Ama", _USER, "200")]
ME_PATCH: Final = [_asked("New number", {"phone": "020 123 4567"}), *ME]
# drf-spectacular wraps nothing here: the example is the whole page.
SESSIONS: Final = [
    _answered(
        "One device",
        {
            "next": None,
            "previous": None,
            "results": [
                {
                    "id": "01990d2e-7c4b-7a63-9a51-5b0f3c7e9d12",
                    "device_name": "Counter phone",
                    "user_agent": "DermaTech/1.0 (Android 14)",
                    "address": "154.160.1.1",
                    "created_at": "2026-01-31T08:00:00Z",
                    "last_used_at": "2026-01-31T09:30:00Z",
                    "expires_at": "2026-03-02T09:30:00Z",
                    "current": True,
                }
            ],
        },
        "200",
    )
]
