"""Published knowledge, and triage of facts that nothing keeps."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Requires
from accounts.policy import Permission
from dermatech.core import releases
from dermatech.core.conditional import respond
from dermatech.core.errors import FieldError, ValidationFailed
from dermatech.core.openapi import problem_responses
from dermatech.core.pagination import updated_since
from dermatech.core.rendering import encoded
from dermatech.core.views import APIView
from triage import examples, selectors
from triage.engine import Level, assess
from triage.engine.knowledge import Knowledge
from triage.facts import SHOWN, validate_facts
from triage.models import GuidelineRelease
from triage.serializers import (
    AssessSerializer,
    ConditionDocumentSerializer,
    FactsSerializer,
    FindingDocumentSerializer,
    GuidelineDocumentSerializer,
    TriageSerializer,
)

_IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag you hold; the same release answers 304.",
)
_SINCE = OpenApiParameter(
    "updated_since",
    OpenApiTypes.DATETIME,
    description="Nothing when the guidelines in force were released by then.",
)
_NOT_MODIFIED: dict[Any, Any] = {304: None}
MAX_PLAUSIBLE = 20
_RANK = {str(level): level.rank for level in Level}


class _KnowledgeView(APIView):
    """One kind of published knowledge as one document."""

    permission_classes = [Requires(Permission.KNOWLEDGE_READ)]
    query_parameters = ("updated_since",)
    kind: str

    def answer(self, request: Request) -> Response:
        release, since = selectors.current_release(), updated_since(request)
        unchanged = since is not None and release.activated_at is not None and release.activated_at <= since
        return respond(request, lambda: self.document(release, empty=unchanged), etag=release.label)

    def document(self, release: GuidelineRelease, *, empty: bool) -> bytes:
        head = {
            "next": None,
            "previous": None,
            "release": release.label,
            "sha256": release.content_hash,
            "review_state": release.review_state,
        }
        rows = b"[]" if empty else releases.load(release, self.written)
        return encoded(head)[:-1] + b',"results":' + rows + b"}"

    @classmethod
    def written(cls, snapshot: Mapping[str, Any]) -> bytes:
        """Every phone asks for the same: it is written once per process and release."""
        return encoded(cls.rows(snapshot))

    @classmethod
    def rows(cls, snapshot: Mapping[str, Any]) -> list[Any]:
        return list(snapshot[cls.kind])


class GuidelineView(_KnowledgeView):
    kind = "guidelines"

    @classmethod
    def rows(cls, snapshot: Mapping[str, Any]) -> list[Any]:
        return sorted(
            super().rows(snapshot), key=lambda row: (_RANK[row["level"]], row["priority"], row["id"])
        )

    @extend_schema(
        operation_id="triage_guidelines",
        summary="Published triage rules",
        description="Every rule in plain words, as structured criteria and as null-guarded JSONLogic.",
        tags=["triage"],
        parameters=[_SINCE, _IF_NONE_MATCH],
        responses={200: GuidelineDocumentSerializer, **_NOT_MODIFIED, **problem_responses(400, 403, 503)},
        examples=[examples.GUIDELINES],
    )
    def get(self, request: Request) -> Response:
        return self.answer(request)


class ConditionView(_KnowledgeView):
    kind = "conditions"

    @extend_schema(
        operation_id="triage_conditions",
        summary="Published conditions",
        tags=["triage"],
        parameters=[_SINCE, _IF_NONE_MATCH],
        responses={200: ConditionDocumentSerializer, **_NOT_MODIFIED, **problem_responses(400, 403, 503)},
        examples=[examples.CONDITIONS],
    )
    def get(self, request: Request) -> Response:
        return self.answer(request)


class FindingView(_KnowledgeView):
    kind = "findings"

    @extend_schema(
        operation_id="triage_findings",
        summary="Published vocabulary of findings",
        tags=["triage"],
        parameters=[_SINCE, _IF_NONE_MATCH],
        responses={200: FindingDocumentSerializer, **_NOT_MODIFIED, **problem_responses(400, 403, 503)},
        examples=[examples.FINDINGS],
    )
    def get(self, request: Request) -> Response:
        return self.answer(request)


class AssessView(APIView):
    """Triage of facts; nothing is stored."""

    permission_classes = [Requires(Permission.KNOWLEDGE_READ)]

    @extend_schema(
        operation_id="triage_assess",
        summary="Triage of facts, nothing stored",
        description=(
            "The facts stand under `facts` or are the body themselves. A fact left out or null is unknown. "
            "`facts.condition` is a diagnosis a human confirmed; without one, the rules are tried with the "
            "diagnosis open and for each of `plausible`, and the worst level wins."
        ),
        tags=["triage"],
        request=PolymorphicProxySerializer(
            component_name="AssessBody",
            serializers=[AssessSerializer, FactsSerializer],
            resource_type_field_name=None,
        ),
        responses={200: TriageSerializer, **problem_responses(400, 403, 503)},
        examples=[examples.ASSESS_REQUEST, examples.ASSESS_RESPONSE],
    )
    def post(self, request: Request) -> Response:
        _, knowledge = selectors.current_knowledge()
        if not request.content_type:
            raise ValidationFailed.of("facts", "required", "Send the facts as JSON; {} when none is known.")
        facts, plausible = _assess_request(request.data, knowledge)
        return Response(assess(facts, knowledge, plausible=plausible).as_dict())


def _assess_request(data: Any, knowledge: Knowledge) -> tuple[dict[str, Any], list[str]]:
    """Facts and plausible conditions of a body. Raises ValidationFailed naming every wrong field."""
    if not isinstance(data, Mapping):
        raise ValidationFailed.of("facts", "invalid", "Must be an object of facts.")
    errors: list[FieldError] = []
    facts: dict[str, Any] = {}
    rest = {name: value for name, value in data.items() if name != "plausible"}
    wrapped = "facts" in rest
    if wrapped:
        errors += [
            FieldError(str(name)[:SHOWN], "unknown_field", "Known here: facts, plausible.")
            for name in rest
            if name != "facts"
        ]
    try:
        facts = validate_facts(
            rest["facts"] if wrapped else rest,
            field="facts" if wrapped else "",
            conditions=knowledge.conditions,
        )
    except ValidationFailed as failed:
        errors += failed.errors
    plausible = _plausible(data.get("plausible"), knowledge, errors)
    if errors:
        raise ValidationFailed(errors=errors)
    return facts, plausible


def _plausible(raw: Any, knowledge: Knowledge, errors: list[FieldError]) -> list[str]:
    if raw is None:
        return []
    if not isinstance(raw, list) or len(raw) > MAX_PLAUSIBLE or not all(isinstance(x, str) for x in raw):
        message = f"Must be a list of at most {MAX_PLAUSIBLE} condition ids."
        errors.append(FieldError("plausible", "invalid", message))
        return []
    errors += [
        FieldError(f"plausible.{i}", "unknown_condition", f"There is no condition {each[:SHOWN]!r}.")
        for i, each in enumerate(raw)
        if each not in knowledge.conditions
    ]
    return raw
