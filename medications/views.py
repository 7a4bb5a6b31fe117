"""/medications: shape only, all from the published formulary."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Requires
from accounts.policy import Permission
from dermatech.core.conditional import respond
from dermatech.core.openapi import problem_responses
from dermatech.core.pagination import page_size, updated_since
from dermatech.core.views import APIView
from medications import examples, presentation, queries, selectors
from medications import serializers as shapes
from medications.engine.model import FORMS

_TAG = ["Medications"]
_FILTERS = [
    OpenApiParameter("condition", str, description="Id of a condition it treats, as tinea-corporis."),
    OpenApiParameter("legal_class", str, enum=shapes.LEGAL_CLASSES),
    OpenApiParameter("form", str, enum=list(FORMS)),
    OpenApiParameter("atc", str, description="ATC code or its beginning, as D01AC."),
    OpenApiParameter("route", str, enum=shapes.ROUTES),
]
_PAGE_SIZE = OpenApiParameter("page_size", int, description="1 to 100, 20 if not given.")
_PAGES = [
    OpenApiParameter("cursor", str, description="From `next` or `previous` of another page."),
    _PAGE_SIZE,
    OpenApiParameter(
        "updated_since",
        OpenApiTypes.DATETIME,
        description="Nothing when the formulary in force was released by then.",
    ),
]
_IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="ETag of the copy you hold: 304 while the formulary is the same.",
)


class KnowledgeView(APIView):
    """A view of published knowledge, for every signed-in role."""

    permission_classes = (Requires(Permission.KNOWLEDGE_READ),)


class MedicationsView(KnowledgeView):
    query_parameters = (*queries.FILTERS, "cursor", "page_size", "updated_since")

    @extend_schema(
        operation_id="medications_list",
        summary="List the medicines of the published formulary",
        description="In alphabetical order of their ids. The ETag is the release.",
        tags=_TAG,
        parameters=[*_FILTERS, *_PAGES, _IF_NONE_MATCH],
        responses={200: shapes.MedicationPageOut, **problem_responses(400, 403, 503)},
        examples=examples.LIST,
    )
    def get(self, request: Request) -> Response:
        release = selectors.current_release()
        catalogue = selectors.catalogue_of(release)
        wanted = queries.filters(request, catalogue)
        since = updated_since(request)
        unchanged = since is not None and release.activated_at is not None and release.activated_at <= since
        ids = [] if unchanged else selectors.narrowed(catalogue, wanted)
        page = queries.page(request, ids, lambda key: presentation.summary(catalogue, key, release))
        return respond(request, page, etag=release.content_hash)


class MedicationSearchView(KnowledgeView):
    query_parameters = ("q", "page_size", *queries.FILTERS)

    @extend_schema(
        operation_id="medications_search",
        summary="Search the medicines",
        description="By generic name, brand, class, ATC code or what it is for. Typing errors are forgiven; "
        "each hit says what matched, and how. The best hits only: raise `page_size` for more.",
        tags=_TAG,
        parameters=[
            OpenApiParameter(
                "q", str, required=True, description="As canesten, antihistamine, D01AC, ringworm."
            ),
            *_FILTERS,
            _PAGE_SIZE,
            _IF_NONE_MATCH,
        ],
        responses={200: shapes.HitPageOut, **problem_responses(400, 403, 503)},
        examples=examples.SEARCH,
    )
    def get(self, request: Request) -> Response:
        release = selectors.current_release()
        catalogue = selectors.catalogue_of(release)
        text, size = queries.search_text(request), page_size(request)
        hits = selectors.search(catalogue, text, queries.filters(request, catalogue), limit=size)
        results = [presentation.found(catalogue, hit, release) for hit in hits]
        body: dict[str, Any] = {"next": None, "previous": None, "results": results}
        return respond(request, body, etag=release.content_hash)


class MedicationView(KnowledgeView):
    @extend_schema(
        operation_id="medications_read",
        summary="One medicine with everything the formulary says of it",
        description="Sellers of over-the-counter medicines get no treatments with prescription-only ones; "
        "`who_may_supply` says why.",
        tags=_TAG,
        parameters=[_IF_NONE_MATCH],
        responses={200: shapes.MedicationDetailOut, **problem_responses(403, 404, 503)},
        examples=examples.DETAIL,
    )
    def get(self, request: Request, medication_id: str) -> Response:
        release = selectors.current_release()
        catalogue = selectors.catalogue_of(release)
        selectors.find_medication(catalogue, medication_id)
        hidden = selectors.hidden_from(catalogue, medication_id, getattr(request.user, "cadre", ""))
        body = presentation.detail(catalogue, medication_id, release, hidden=hidden)
        etag = release.content_hash if hidden is None else f"{release.content_hash}-without-treatments"
        return respond(request, body, etag=etag)
