"""GET /sync/bundle."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Requires
from accounts.policy import Permission
from dermatech.core.conditional import respond
from dermatech.core.openapi import problem_responses
from dermatech.core.releases import ReviewState
from dermatech.core.views import APIView
from dermatech.sync import examples, phrases
from dermatech.sync.bundle import Known, delta, full, in_force, known_by
from dermatech.sync.serializers import BundleSerializer, PhrasesSerializer
from dermatech.sync.signing import key_id, signed

_NOT_MODIFIED: dict[Any, Any] = {304: None}


class BundleView(APIView):
    """Everything published, for a phone without a network."""

    permission_classes = (Requires(Permission.KNOWLEDGE_READ),)
    query_parameters = ("since",)

    @extend_schema(
        operation_id="sync_bundle",
        summary="All published knowledge, signed, for use offline",
        description=(
            "Guidelines (each rule also as JSONLogic), conditions, findings and how often they occur, "
            "vignettes to try the phone's own triage on, formulary, facts and fixed sentences. "
            "`signature.value` is Ed25519 over the RFC 8785 spelling of the document without `signature`; "
            "the app is built with the public key (`python -m dermatech.sync`). With `since`, the ETag of "
            "what it holds, a phone gets only what changed (`kind: delta`) and proves the result by "
            "`sha256`; if the server does not know that bundle any more the answer is `kind: full`. "
            "Sellers of over-the-counter medicines get no treatments with prescription-only ones. "
            "A finding with `fact`, when present, sets that fact before the rules run."
        ),
        tags=["sync"],
        parameters=[
            OpenApiParameter("since", str, description="`release` of the bundle you hold."),
            OpenApiParameter(
                "If-None-Match", str, OpenApiParameter.HEADER, description="The same bundle answers 304."
            ),
        ],
        responses={200: BundleSerializer, **_NOT_MODIFIED, **problem_responses(400, 403, 503)},
        examples=[examples.FULL, examples.DELTA],
    )
    def get(self, request: Request) -> Response:
        cadre = str(getattr(request.user, "cadre", ""))
        known = in_force(cadre)
        since = request.query_params.get("since", "").strip('"')
        held = known_by(since, cadre) if since else None
        return respond(request, lambda: _document(held, known), etag=known.tag)


class PhrasesView(APIView):
    """The fixed sentences of safety, as far as they are translated."""

    permission_classes = (Requires(Permission.KNOWLEDGE_READ),)

    @extend_schema(
        operation_id="sync_phrases",
        summary="Fixed sentences of safety in a language of Ghana",
        description=(
            "How urgent it is, danger signs, who decides: in the first language of `Accept-Language` that is "
            "tw, gaa, ee, ha, dag or en. What is not translated is in English: `fallback` says so, and "
            "`Content-Language` names the languages of the answer. Everything else in this API is in English."
        ),
        tags=["sync"],
        parameters=[
            OpenApiParameter(
                "Accept-Language", str, OpenApiParameter.HEADER, description="As `ha, en;q=0.5`."
            ),
            OpenApiParameter(
                "If-None-Match", str, OpenApiParameter.HEADER, description="The same answers 304."
            ),
        ],
        responses={200: PhrasesSerializer, **_NOT_MODIFIED, **problem_responses(400, 403)},
        examples=[examples.PHRASES],
    )
    def get(self, request: Request) -> Response:
        language = phrases.negotiated(request.headers.get("Accept-Language", ""))
        shown = phrases.phrases(language)
        spoken = [phrase for phrase in shown if phrase.language == language]
        body = {
            "language": language,
            "name": phrases.name_of(language),
            "fallback": len(spoken) < len(shown),
            "translated": len(spoken),
            "reviewed": sum(phrase.review_state == ReviewState.REVIEWED for phrase in spoken),
            "phrases": [phrase.as_dict() for phrase in shown],
        }
        response = respond(request, body, etag=f"{language}-{phrases.version()}")
        used = {phrase.language for phrase in shown}
        response["Content-Language"] = ", ".join(sorted(used, key=lambda code: code != language))
        response["Vary"] = "Accept-Language"
        return response


@dataclass(frozen=True)
class _Order:
    """A bundle to make; the same tag under the same key is the same document."""

    tag: str
    key: str
    known: Known = field(compare=False)


@lru_cache(maxsize=2)
def _full(order: _Order) -> dict[str, Any]:
    return signed(full(order.known))


def _document(held: Known | None, known: Known) -> dict[str, Any]:
    if held is None:
        return _full(_Order(known.tag, key_id(), known))
    return signed(delta(held, known))
