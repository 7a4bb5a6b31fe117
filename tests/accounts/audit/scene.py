"""Every operation of the API done once, by somebody who may or by somebody else."""

import json
from collections.abc import Callable
from functools import cached_property
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.urls import reverse

from accounts import resets, services
from accounts.audit import jobs
from accounts.models import User
from consultations.models import Analysis
from tests.cast import PASSWORD
from tests.consultations.cases import CONSULTATIONS, SKIN, a_photo, ringworm, upload
from tests.consultations.uploads.conftest import Phone

OTHER_PASSWORD = "seven blue canoes at dawn"


class Scene:
    """A pharmacist with cases, an auditor with exports, a person who wants to be let in. What an operation
    needs is there before it is done, so that all that is recorded meanwhile is its own."""

    def __init__(self, *, api: Any, as_user: Callable[[Any], Any], people: dict[str, User]) -> None:
        self.api, self.as_user, self.people = api, as_user, people
        self.pharmacist, self.auditor = as_user(people["ama"]), as_user(people["efua"])
        self.case = self._opened({"data": json.dumps(ringworm()), "image": upload()}, "multipart")
        self.supplied = self._decided("supply")
        self.referred = self._decided("refer")
        self.analysis = self.case["analysis"]["id"]
        heatmap = default_storage.save(f"heatmaps/{self.analysis}.png", ContentFile(b"a picture"))
        Analysis.objects.filter(pk=self.analysis).update(heatmap=heatmap)
        self.export = self.auditor.post(reverse("audit-exports"), {}).json()["id"]
        jobs.make_due()

    def _opened(self, body: Any, kind: str = "json") -> dict[str, Any]:
        answer = self.pharmacist.post(CONSULTATIONS, body, format=kind)
        assert answer.status_code == 201, answer.content
        found: dict[str, Any] = answer.json()
        return found

    def _decided(self, action: str) -> dict[str, Any]:
        case = self._opened(ringworm())
        medicines = {"medications": [case["recommendations"][0]["medication"]]} if action == "supply" else {}
        decision = {"decision": {"action": action, **medicines}}
        answer = self.pharmacist.patch(f"{CONSULTATIONS}/{case['id']}", decision, format="json")
        assert answer.status_code == 200, answer.content
        return case

    def begin_upload(self, seed: int) -> Phone:
        phone = Phone(self.pharmacist, self.case["id"], photo=a_photo(seed))
        assert phone.begin().status_code == 201
        return phone

    @cached_property
    def phones(self) -> list[Phone]:
        """Uploads that have begun; each operation on one takes another."""
        return [self.begin_upload(seed) for seed in (21, 22, 23)]

    @cached_property
    def applicant(self) -> User:
        """Somebody who registered, and was asked something."""
        user = User.objects.create_user(
            "akosua@dermatech.example", PASSWORD, full_name="Akosua Sarpong", cadre="pharmacist",
            registration_number="PS/777",
        )  # fmt: skip
        services.ask_applicant(actor=self.people["yaw"], user=user, question="Which number?")
        return user

    @cached_property
    def pair(self) -> dict[str, str]:
        """The tokens of a device that signed in."""
        answer = self.api.post(reverse("auth-login"), self.credentials())
        assert answer.status_code == 200, answer.content
        found: dict[str, str] = answer.json()
        return found

    @cached_property
    def session(self) -> str:
        """The device in Ama's hand."""
        devices = self.pharmacist.get(reverse("auth-sessions")).json()["results"]
        return next(str(device["id"]) for device in devices if device["current"])

    def credentials(self, password: str = PASSWORD) -> dict[str, str]:
        return {"email": self.people["ama"].email, "password": password}

    def ready(self) -> None:
        """Prepare what is made at first sight."""
        _ = self.phones, self.applicant, self.pair, self.session

    def of_case(self, case: dict[str, Any], tail: str = "") -> str:
        return f"{CONSULTATIONS}/{case['id']}{tail}"


Client = Any
Call = Callable[[Scene, Client], Any]


def _code(user: User, made: tuple[str, str], **others: str) -> dict[str, str]:
    return dict(zip(("uid", "token"), made, strict=True)) | others


def _registration(s: Scene) -> dict[str, Any]:
    premises = s.people["ama"].premises
    assert premises is not None
    return {
        "email": "kwesi@osu.example", "password": OTHER_PASSWORD, "full_name": "Kwesi Boateng",
        "phone": "024 123 4567", "cadre": "pharmacist", "registration_number": "ps/99123",
        "premises": {"name": premises.name, "licence_number": premises.licence_number,
                     "region": premises.region},
    }  # fmt: skip


def _at(name: str, *arguments: Any) -> str:
    return reverse(name, args=arguments)


# What each operation is: with the client of whoever does it.
OF_CASES: dict[str, Call] = {
    "GET consultations": lambda s, c: c.get(CONSULTATIONS),
    "POST consultations": lambda s, c: c.post(
        CONSULTATIONS, {"data": json.dumps(ringworm()), "image": upload(seed=5)}, format="multipart"
    ),
    "GET consultation": lambda s, c: c.get(s.of_case(s.case)),
    "PUT consultation": lambda s, c: c.put(s.of_case(s.case), ringworm(notes="Changed."), format="json"),
    "PATCH consultation": lambda s, c: c.patch(s.of_case(s.case), {"facts": {"fever": True}}, format="json"),
    "POST consultation-images": lambda s, c: c.post(
        s.of_case(s.case, "/images"), {"image": upload(seed=6)}, format="multipart"
    ),
    "GET consultation-image": lambda s, c: c.get(s.of_case(s.case, f"/images/{s.case['images'][0]['id']}")),
    "GET consultation-leaflet": lambda s, c: c.get(s.of_case(s.supplied, "/leaflet")),
    "GET consultation-referral-letter": lambda s, c: c.get(s.of_case(s.referred, "/referral-letter")),
    "GET consultation-fhir": lambda s, c: c.get(s.of_case(s.case, "/fhir")),
    "POST analysis-skin": lambda s, c: c.post(
        SKIN, {"consultation": s.case["id"], "image": upload(seed=7)}, format="multipart"
    ),
    "GET analysis": lambda s, c: c.get(_at("analysis", s.analysis)),
    "GET analysis-heatmap": lambda s, c: c.get(_at("analysis-heatmap", s.analysis)),
    "PATCH upload": lambda s, c: Phone(c, s.case["id"], s.phones[0].photo, s.phones[0].address).send(0),
}
OF_THE_LOG: dict[str, Call] = {
    "POST audit-exports": lambda s, c: c.post(_at("audit-exports"), {}),
    "GET audit-exports": lambda s, c: c.get(_at("audit-exports")),
    "GET audit-export": lambda s, c: c.get(_at("audit-export", s.export)),
    "GET audit-export-file": lambda s, c: c.get(_at("audit-export-file", s.export)),
    "GET audit-export-fhir": lambda s, c: c.get(_at("audit-export-fhir", s.export)),
}
OF_ONESELF: dict[str, Call] = {
    "PATCH auth-me": lambda s, c: c.patch(_at("auth-me"), {"full_name": "Ama Serwaa Mensah"}),
}
OF_ANYBODY: dict[str, Call] = {
    "POST auth-register": lambda s, c: c.post(_at("auth-register"), _registration(s)),
    "POST auth-register-answer": lambda s, c: c.post(
        _at("auth-register-answer"), {"email": s.applicant.email, "password": PASSWORD, "answer": "Mine."}
    ),
    "POST auth-confirm-email": lambda s, c: c.post(
        _at("auth-confirm-email"), _code(s.applicant, resets.make_confirmation(s.applicant))
    ),
    "POST auth-login": lambda s, c: c.post(_at("auth-login"), s.credentials()),
    "POST auth-refresh": lambda s, c: c.post(_at("auth-refresh"), {"refresh": s.pair["refresh"]}),
    "POST auth-logout": lambda s, c: c.post(_at("auth-logout"), {"refresh": s.pair["refresh"]}),
    "POST auth-password-reset": lambda s, c: c.post(
        _at("auth-password-reset"), {"email": s.credentials()["email"]}
    ),
}
# These end the session of everything above.
LAST: dict[str, Call] = {
    "DELETE auth-session": lambda s, c: c.delete(_at("auth-session", s.session)),
    "POST auth-password-reset-confirm": lambda s, c: c.post(
        _at("auth-password-reset-confirm"),
        _code(s.people["ama"], resets.make(s.people["ama"]), new_password=OTHER_PASSWORD),
    ),
}
CALLS = OF_CASES | OF_THE_LOG | OF_ONESELF | OF_ANYBODY | LAST


def do(scene: Scene, operation: str, client: Client = None) -> Any:
    """As somebody who may, or as `client`, to the last byte of the answer."""
    usual = scene.pharmacist
    if operation in OF_THE_LOG:
        usual = scene.auditor
    elif operation in OF_ANYBODY:
        usual = scene.api
    answer = CALLS[operation](scene, client or usual)
    if answer.streaming:
        assert b"".join(answer.streaming_content)
        answer.close()
    return answer
