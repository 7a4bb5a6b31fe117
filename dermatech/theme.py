"""The admin site's looks and its navigation, by task. What a role may not see is not listed."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.module_loading import import_string


def _page(title: str, icon: str, app: str, model: str, *, waiting: str = "") -> dict[str, Any]:
    """A list in the navigation. `waiting` names what counts the rows that need somebody."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{model}_changelist"),
        "needs": f"{app}.view_{model}",
        "waiting": waiting,
    }


def _view(title: str, icon: str, address: str, needs: str) -> dict[str, Any]:
    """A page of the navigation that is no list of a model."""
    return {"title": title, "icon": icon, "link": reverse_lazy(address), "needs": needs, "waiting": ""}


def _group(title: str, about: str, *items: dict[str, Any]) -> dict[str, Any]:
    """One task. `about` is said on the front page."""
    return {"title": title, "about": about, "items": items}


_TASKS = [
    _group(
        "Review",
        "What happened at the counters, and what the system advised.",
        _view("Review queue", "rate_review", "admin:consultations_review_queue", "consultations.view_review"),
        _view("Agreement", "handshake", "admin:consultations_review_board", "consultations.view_review"),
        _page("Notifiable cases", "campaign", "consultations", "notifiablecase"),
        _page("Consultations", "clinical_notes", "consultations", "consultation"),
        _page(
            "Analyses", "troubleshoot", "consultations", "analysis",
            waiting="consultations.admin.badges.failed_analyses",
        ),
        _page("Photos", "photo_library", "consultations", "photo"),
        _page("Recommendations", "prescriptions", "consultations", "recommendation"),
    ),
    _group(
        "Curate: skin and triage",
        "What pharmacists are told. Changes take effect when a release is approved.",
        _page("Guidelines", "rule", "triage", "guideline"),
        _page("Conditions", "dermatology", "triage", "condition"),
        _page("Findings", "fact_check", "triage", "finding"),
        _page("How often findings occur", "grid_on", "triage", "conditionprofile"),
        _page("Safety questions", "help", "triage", "safetyquestion"),
        _page("Test cases", "labs", "triage", "vignette"),
        _page("Scoring", "tune", "triage", "differentialscoring"),
        _page(
            "Guideline releases", "verified", "triage", "guidelinerelease",
            waiting="triage.admin.badges.proposed",
        ),
    ),
    _group(
        "Curate: medicines",
        "What may be supplied, to whom and in what dose.",
        _page("Medicines", "medication", "medications", "medication"),
        _page("Treatments", "healing", "medications", "treatment"),
        _page("Use limits", "block", "medications", "uselimit"),
        _page("Allergy classes", "allergy", "medications", "allergyclass"),
        _page("Interaction classes", "compare_arrows", "medications", "interactionclass"),
        _page("Medicine names", "label", "medications", "medicinename"),
        _page("Health concepts", "translate", "medications", "healthconcept"),
        _page(
            "Formulary releases", "verified", "medications", "formularyrelease",
            waiting="medications.admin.badges.proposed",
        ),
    ),
    _group(
        "People",
        "Who may sign in, and where they work.",
        _page(
            "People", "group", "accounts", "user",
            waiting="accounts.admin.badges.waiting",
        ),
        _page("Premises", "storefront", "accounts", "premises"),
        _page("Devices signed in", "devices", "accounts", "devicesession"),
    ),
    _group(
        "Audit",
        "Who did what, when and to whom; nothing here can be changed.",
        _page("Events", "receipt_long", "accounts", "auditevent"),
        _page("Checkpoints", "lock", "accounts", "auditcheckpoint"),
        _page("Exports", "download", "accounts", "auditexport"),
        _page("Findings", "flag", "accounts", "auditfinding"),
        _page(
            "Emergency accesses", "e911_emergency", "accounts", "emergencyaccess",
            waiting="consultations.admin.emergency.waiting",
        ),
    ),
    _group(
        "Operations",
        "Long work, the image models, the post and the second factors.",
        _page("Background jobs", "hourglass_top", "accounts", "backgroundjob"),
        _page("Image models", "neurology", "consultations", "modelversion"),
        _page(
            "Webhooks", "webhook", "consultations", "webhook", waiting="consultations.webhooks.admin.waiting"
        ),
        _page("Webhook messages", "outgoing_mail", "consultations", "webhookdelivery"),
        _page("Outgoing mail", "mail", "accounts", "outgoingmail"),
        _page("Second factors", "phonelink_lock", "accounts", "secondfactor"),
    ),
]  # fmt: skip


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The tasks of the person who is signed in, with the number of rows that wait for them."""
    groups = []
    for task in _TASKS:
        items = [_shown(page, request) for page in task["items"] if request.user.has_perm(page["needs"])]
        if items:
            groups.append({**task, "items": items})
    return groups


def pages_of(user: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every page that `user` may open, with its task's title; nothing is counted for it."""
    for task in _TASKS:
        for page in task["items"]:
            if user.has_perm(page["needs"]):
                yield task["title"], page


def _shown(page: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
    shown = {"title": page["title"], "icon": page["icon"], "link": page["link"]}
    waiting = _waiting(page["waiting"], request) if page["waiting"] else 0
    return {**shown, "badge": waiting, "badge_variant": "warning"} if waiting else shown


def _waiting(name: str, request: HttpRequest) -> int:
    """What a badge counts, kept on the request for the front page, which says it in words."""
    kept: dict[str, int] = request.__dict__.setdefault("waiting", {})
    if name not in kept:
        kept[name] = import_string(name)(request)
    return kept[name]


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "DermaTech Ghana",
    "SITE_HEADER": "DermaTech Ghana",
    "SITE_SUBHEADER": "Supervision and curation",
    "SITE_SYMBOL": "dermatology",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SITE_URL": None,  # there is no site beside the admin to return to
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("dermatech/icon.svg")}
    ],
    "DASHBOARD_CALLBACK": "consultations.admin.dashboard.callback",
    "STYLES": [
        lambda request: static("dermatech/admin.css"),
        lambda request: static("consultations/desk.css"),
    ],
    "ACCOUNT": {
        "navigation": [
            {"title": "Second factor", "link": reverse_lazy("admin:second_factor_own")},
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
        ]
    },
    "SCRIPTS": [
        lambda request: static("dermatech/search.js"),
        lambda request: static("dermatech/names.js"),
    ],
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": navigation,
    },
    "COLORS": {
        "primary": {
            "50": "#effaf6",
            "100": "#d8f3e8",
            "200": "#b3e6d3",
            "300": "#81d2b8",
            "400": "#4db699",
            "500": "#2b9a7e",
            "600": "#1d7c66",
            "700": "#186353",
            "800": "#164f44",
            "900": "#134139",
            "950": "#092521",
        }
    },
}
