"""/auth: shape only; meaning is in `accounts.services`."""

import uuid
from typing import Any, cast

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework import status as http
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import devices, examples, selectors, services
from accounts import serializers as shapes
from accounts.models import User
from accounts.permissions import Requires
from accounts.policy import Permission
from dermatech.core import idempotency
from dermatech.core.conditional import check_if_match, respond
from dermatech.core.openapi import problem_responses
from dermatech.core.pagination import page_response
from dermatech.core.views import APIView

_TAG = ["Authentication"]
_NO_STORE = {"Cache-Control": "no-store"}


class AnonymousView(APIView):
    """A view that asks nobody who they are, so that a stale token cannot keep anybody from it."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class OwnView(APIView):
    """A view of one's own account."""

    permission_classes = (Requires(Permission.PROFILE_MANAGE),)


def _read(shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    serializer = shape(data=request.data)
    serializer.is_valid(raise_exception=True)
    return cast(dict[str, Any], serializer.validated_data)


def _pair(signed_in: services.SignedIn) -> Response:
    headers = {**_NO_STORE, idempotency.REPLAYED: "true"} if signed_in.again else _NO_STORE
    response = Response(shapes.TokensOut(signed_in).data, headers=headers)
    return devices.leave_mark(response, signed_in.device_mark) if signed_in.device_mark else response


class RegisterView(AnonymousView):
    @extend_schema(
        operation_id="auth_register", summary="Register", tags=_TAG,
        description="The answer, and the time it takes, are the same whether or not the address is known. "
        "The account starts `pending`; a supervisor verifies it.",
        request=shapes.RegisterIn,
        responses={202: shapes.ReceivedOut, **problem_responses(400, 429)},
        examples=examples.REGISTER,
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        data = _read(shapes.RegisterIn, request)
        password = data.pop("password")
        claim = services.PremisesClaim(**data.pop("premises"))
        services.register(actor=None, applicant=services.Applicant(**data, premises=claim), password=password)
        body = {
            "detail": "Your registration was received. You will get an e-mail.",
            "code": "registration_received",
        }
        return Response(body, status=http.HTTP_202_ACCEPTED)


class ConfirmEmailView(AnonymousView):
    @extend_schema(
        operation_id="auth_confirm_email", summary="Confirm my e-mail address", tags=_TAG,
        description="By the code of the letter that follows a registration. Twice is fine.",
        request=shapes.ConfirmEmailIn,
        responses={204: None, **problem_responses(400)},
        examples=examples.CONFIRM_EMAIL,
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        services.confirm_email(actor=None, **_read(shapes.ConfirmEmailIn, request))
        return Response(status=http.HTTP_204_NO_CONTENT)


class AnswerView(AnonymousView):
    @extend_schema(
        operation_id="auth_register_answer", summary="Answer a question about my registration", tags=_TAG,
        description="While a registration waits, a supervisor may ask for more by letter. Details given here "
        "replace those of the registration. 409 `nothing_asked` where no question waits.",
        request=shapes.AnswerIn,
        responses={202: shapes.ReceivedOut, **problem_responses(400, 401, 409, 429)},
        examples=examples.ANSWER,
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        data = _read(shapes.AnswerIn, request)
        who = {"email": data.pop("email"), "password": data.pop("password")}
        mark = request.COOKIES.get(devices.COOKIE, "")
        user = services.check_credentials(actor=None, **who, device_mark=mark)
        services.answer_question(actor=user, answer=data.pop("answer"), changes=data)
        body = {"detail": "Your answer was received; a supervisor reads it.", "code": "answer_received"}
        return Response(body, status=http.HTTP_202_ACCEPTED)


class LoginView(AnonymousView):
    @extend_schema(
        operation_id="auth_login", summary="Sign in", tags=_TAG,
        description="401 `invalid_credentials` for an unknown address, a wrong password and a closed account "
        "alike. 403 `registration_pending` only after a right password. 429 `locked_out` after too many "
        "wrong ones. A cookie marks the device as known, so that guesses from elsewhere cannot lock it out. "
        "Supervisors, auditors and administrators with an authenticator app send its code as `otp` too: "
        "after a right password 401 `second_factor_required` without one, `second_factor_wrong` or "
        "`second_factor_replayed` for a bad one; 403 `second_factor_missing` where the service demands an "
        "app and none is set up yet, which is done in the admin site. Pharmacists never need one.",
        request=shapes.LoginIn,
        responses={200: shapes.TokensOut, **problem_responses(400, 401, 403, 429)},
        examples=examples.LOGIN,
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        data = _read(shapes.LoginIn, request)
        mark = request.COOKIES.get(devices.COOKIE, "")
        return _pair(services.login(actor=None, **data, device_mark=mark))


class RefreshView(AnonymousView):
    @extend_schema(
        operation_id="auth_refresh", summary="Exchange a refresh token for a new pair", tags=_TAG,
        description="The old refresh token is dead afterwards. Used again, it signs its device out: "
        "401 `token_reused`. Only the very same request, known by its `Idempotency-Key` and on the device "
        "that signed in, may ask again for an answer that got lost: within two minutes it is given the "
        "same refresh token. Send a new key with each exchange and the same one with its retries.",
        parameters=[
            OpenApiParameter(
                "Idempotency-Key", str, OpenApiParameter.HEADER,
                description="A fresh UUID per exchange; repeated when the answer did not arrive.",
            )
        ],
        request=shapes.RefreshIn,
        responses={200: shapes.TokensOut, **problem_responses(400, 401)},
        examples=examples.REFRESH,
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        key, mark = idempotency.offered_key(request) or "", request.COOKIES.get(devices.COOKIE, "")
        data = _read(shapes.RefreshIn, request)
        return _pair(services.refresh(actor=None, **data, request_key=key, device_mark=mark))


class LogoutView(AnonymousView):
    @extend_schema(
        operation_id="auth_logout", summary="Sign this device out", tags=_TAG,
        description="Needs no access token: the refresh token says which device. Signing out twice is fine.",
        request=shapes.RefreshIn,
        responses={204: None, **problem_responses(400)},
        examples=examples.LOGOUT,
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        services.logout(actor=None, **_read(shapes.RefreshIn, request))
        return Response(status=http.HTTP_204_NO_CONTENT)


class PasswordResetView(AnonymousView):
    @extend_schema(
        operation_id="auth_password_reset", summary="Ask for a new password", tags=_TAG,
        description="202 always, in the same time, whether or not the address is known.",
        request=shapes.PasswordResetIn,
        responses={202: shapes.ReceivedOut, **problem_responses(400, 429)},
        examples=examples.RESET,
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        services.request_password_reset(actor=None, **_read(shapes.PasswordResetIn, request))
        body = {
            "detail": "If this address has an account, a letter with a code is on its way.",
            "code": "password_reset_received",
        }
        return Response(body, status=http.HTTP_202_ACCEPTED)


class PasswordResetConfirmView(AnonymousView):
    @extend_schema(
        operation_id="auth_password_reset_confirm", summary="Set a new password", tags=_TAG,
        description="By the code of the letter, once. Ends all sessions of the user, and marks this device "
        "as known: who was locked out by somebody's guesses gets in again here.",
        request=shapes.PasswordResetConfirmIn,
        responses={204: None, **problem_responses(400)},
        examples=examples.RESET_CONFIRM,
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        user = services.confirm_password_reset(actor=None, **_read(shapes.PasswordResetConfirmIn, request))
        return devices.leave_mark(Response(status=http.HTTP_204_NO_CONTENT), devices.mark_for(user))


class MeView(OwnView):
    @extend_schema(
        operation_id="auth_me", summary="My profile", tags=_TAG,
        responses={200: shapes.UserOut, 304: None}, examples=examples.ME,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        return _profile(request, _me(request))

    @extend_schema(
        operation_id="auth_me_update", summary="Change my name or phone number", tags=_TAG,
        description="Role, cadre, registration number and premises are changed by a supervisor.",
        request=shapes.ProfileIn,
        responses={200: shapes.UserOut, **problem_responses(400, 412)},
        examples=examples.ME_PATCH,
    )  # fmt: skip
    def patch(self, request: Request) -> Response:
        changes = _read(shapes.ProfileIn, request)
        user = services.change_profile(
            actor=_me(request),
            changes=changes,
            check=lambda row: check_if_match(request, selectors.profile_version(row)),
        )
        return _profile(request, user)


class SessionsView(OwnView):
    query_parameters = ("cursor", "page_size")

    @extend_schema(
        operation_id="auth_sessions", summary="Devices on which I am signed in", tags=_TAG,
        parameters=[
            OpenApiParameter("cursor", str, description="From `next` or `previous`."),
            OpenApiParameter("page_size", int, description="1 to 100."),
        ],
        responses={200: shapes.SessionPage}, examples=examples.SESSIONS,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        context = {"current": request.auth}
        return page_response(
            request,
            selectors.own_sessions(_me(request)),
            lambda rows: [shapes.SessionOut(row, context=context).data for row in rows],
        )


class SessionView(OwnView):
    @extend_schema(
        operation_id="auth_session_end", summary="Sign one device out", tags=_TAG,
        responses={204: None, **problem_responses(404)},
    )  # fmt: skip
    def delete(self, request: Request, session_id: uuid.UUID) -> Response:
        session = services.own_session(actor=_me(request), session_id=session_id)
        services.end_session(actor=_me(request), session=session)
        return Response(status=http.HTTP_204_NO_CONTENT)


def _me(request: Request) -> User:
    return cast(User, request.user)


def _profile(request: Request, user: User) -> Response:
    return respond(request, lambda: shapes.UserOut(user).data, etag=selectors.profile_version(user))
