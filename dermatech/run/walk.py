"""One real consultation over HTTP, told step by step. Runs against any server on this machine:

    python -m dermatech.run.walk [PHOTO]

Takes PORT and DATA_DIR from the environment. Ama is a pharmacist at Osu Pharmacy; a mother has
brought her daughter of seven with an itchy ring on the trunk.
"""

import io
import json
import mimetypes
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError
from pillow_heif import register_heif_opener

from dermatech.run import audit_trail, story
from dermatech.run.accounts_file import Account, AccountsMissing, read_accounts
from dermatech.run.client import Client, Part, RequestFailed
from dermatech.run.photo import sample_photo
from dermatech.run.preflight import HOST, Options, PreflightFailed, photo_path, read_options
from dermatech.run.terminal import Terminal, terminal

PATIENT: dict[str, Any] = {
    "age_months": 84,
    "sex": "female",
    "weight_kg": 22.5,
    "allergies": ["penicillins"],
    "current_medicines": [],
    "conditions": [],
}
CASE: dict[str, Any] = {
    "patient": PATIENT,
    "consent": {"photo": True, "data_use": True, "given_by": "parent", "language": "en"},
    "presentation": "rash",
    "facts": {
        "duration_days": 10,
        "body_sites": ["trunk"],
        "itch_score": 6,
        "lesion_area_percent": 1,
        "difficulty_breathing": False,
        "facial_swelling": False,
    },
    "findings": {
        "present": ["ring_shaped", "central_clearing", "scaly_edge", "itchy", "on_trunk"],
        "absent": ["numb_patch", "fever", "pus_present"],
    },
    "notes": "",
}
# What the mother answers when Ama asks the questions that triage left open.
ANSWERS: dict[str, Any] = {
    "temperature_c": 36.8,
    "pain_score": 0,
    "severity": "mild",
    "condition_confidence": 0.9,
    **dict.fromkeys(
        (
            "fever",
            "spreading_rapidly",
            "mucosal_involvement",
            "blistering",
            "skin_detachment",
            "purulent",
            "ulcer",
            "numb_patch",
            "painless_nodule_or_plaque",
            "lymph_nodes_swollen",
            "immunocompromised",
            "diabetes",
            "new_medicine_recently",
            "night_itch",
            "household_contacts_itching",
            "previous_treatment_failed",
            "steroid_or_bleaching_use",
            "changing_pigmented_lesion",
            "palms_or_soles",
            "eye_involvement",
            "genital_involvement",
            "travel_or_contact_mpox",
        ),
        False,
    ),
}
DIAGNOSIS = "tinea-corporis"
LONGEST_WAIT_SECONDS = 90


class WalkFailed(Exception):
    """The consultation could not be carried to its end; the message says where it stopped."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The photo as it is sent."""

    name: str
    content: bytes
    origin: str

    @property
    def media_type(self) -> str:
        """image/jpeg and the like, from the name; the server looks at the bytes, not at this."""
        guessed = mimetypes.guess_type(self.name)[0]
        return guessed or "application/octet-stream"

    def facts(self) -> dict[str, str]:
        """What a person would want to know of it before it is sent."""
        register_heif_opener()
        try:
            with Image.open(io.BytesIO(self.content)) as image:
                exif = image.getexif()
                place = "a GPS position" if exif.get_ifd(0x8825) else ""
                notes = ", ".join(filter(None, [f"{len(exif)} EXIF entries" if exif else "", place]))
                size = f"{image.width} x {image.height} {image.format}"
        except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
            return {"picture": "not one that this program can read"}
        return {"picture": size, "inside": notes or "no metadata"}


def chosen_picture(path: Path | None) -> Picture:
    """The photo at `path`, or one that the program draws."""
    if path is None:
        return Picture("sample.jpg", sample_photo(), "drawn by this program; no patient was photographed")
    return Picture(path.name, path.read_bytes(), str(path))


def sign_in(client: Client, account: Account) -> str:
    """Sign `account` in on `client`; returns its role in words."""
    answer = client.post_json(
        "/auth/login",
        {"email": account.email, "password": account.password, "device_name": "Guided consultation"},
    ).json()
    client.token = answer["access"]
    user = answer["user"]
    return str(user.get("cadre") or user.get("role") or account.role).replace("_", " ")


def open_consultation(client: Client, picture: Picture) -> dict[str, Any]:
    """POST /consultations with the photo; the consultation as answered."""
    parts = [
        Part("data", json.dumps(CASE).encode(), "application/json"),
        Part("image", picture.content, picture.media_type, picture.name),
    ]
    answer = client.post_form("/consultations", parts)
    consultation: dict[str, Any] = answer.json()
    consultation["_milliseconds"] = answer.milliseconds
    return consultation


def await_analysis(client: Client, analysis_id: str) -> dict[str, Any]:
    """Long polls until the analysis is finished; raises WalkFailed after LONGEST_WAIT_SECONDS."""
    until = time.monotonic() + LONGEST_WAIT_SECONDS
    while time.monotonic() < until:
        answer = client.get(f"/analysis/{analysis_id}", headers={"Prefer": "wait=10"})
        analysis: dict[str, Any] = answer.json()
        if analysis["status"] in ("succeeded", "failed"):
            return analysis
        if "preference-applied" not in answer.headers:  # too many wait already: ask again later
            time.sleep(float(answer.headers["retry-after"]))
    raise WalkFailed(
        f"the analysis was still {analysis['status']} after {LONGEST_WAIT_SECONDS} s; "
        "see logs/worker.log in DATA_DIR"
    )


def change(client: Client, consultation: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """PATCH /consultations/{id}; the consultation as it is then."""
    changed: dict[str, Any] = client.patch_json(f"/consultations/{consultation}", changes).json()
    return changed


def supply(client: Client, consultation: Mapping[str, Any]) -> dict[str, Any] | None:
    """Ama supplies the first medicine that she may; None when there is none."""
    allowed = [row["medication"] for row in consultation["recommendations"] if row["may_supply"]]
    if not allowed:
        return None
    decision = {"action": "supply", "medications": allowed[:1], "override_reason": ""}
    return change(client, consultation["id"], {"decision": decision})


def photo_of(client: Client, consultation: Mapping[str, Any]) -> bytes:
    """The stored picture as any client gets it."""
    image = consultation["images"][0]
    return client.get(
        f"/consultations/{consultation['id']}/images/{image['id']}", headers={"Accept": "image/*, */*"}
    ).body


def walk(told: Terminal, options: Options, accounts: Mapping[str, Account]) -> None:
    """The whole consultation; raises RequestFailed or WalkFailed."""
    client = Client(HOST, options.port)
    picture = chosen_picture(options.photo)
    ama = accounts["ama"]

    story.opening(told)
    story.signed_in(told, ama.full_name, sign_in(client, ama))
    story.health(told, client.get("/health/ready").json())

    story.sending(told, CASE, picture.origin, len(picture.content), picture.facts())
    if options.photo is not None:
        told.line("The photo is yours; patient and findings stay those of this story.", "dim", indent=3)
    consultation = open_consultation(client, picture)
    story.received(told, consultation)

    analysis = await_analysis(client, consultation["analysis"]["id"])
    if analysis["status"] == "failed":
        error = analysis["error"] or {}
        raise WalkFailed(f"the analysis failed: {error.get('detail')} ({error.get('code')})")
    consultation = client.get(f"/consultations/{consultation['id']}").json()
    story.photo(
        told, consultation["images"][0], analysis, len(picture.content), photo_of(client, consultation)
    )
    story.conditions(told, analysis)
    story.triage(told, analysis["triage"])
    consultation = change(client, consultation["id"], {"facts": ANSWERS, "working_diagnosis": DIAGNOSIS})
    story.answered(told, len(ANSWERS), analysis["triage"], consultation["triage"])
    story.medicines(told, consultation)
    decided = supply(client, consultation)
    if decided is not None:
        story.decided(told, decided)
    story.knowledge(told, consultation["releases"], analysis["disclaimer"])
    audit_trail.show(told, consultation["id"], options.data_dir / "exports")
    story.closing(told, options.port, accounts.values(), options.data_dir)


def main(arguments: list[str]) -> int:
    told = terminal()
    try:
        options = read_options()
        if arguments:
            options = Options(options.port, options.data_dir, options.once, photo_path(arguments[0]))
        walk(told, options, read_accounts(options.data_dir))
    except (PreflightFailed, RequestFailed, WalkFailed, AccountsMissing, audit_trail.TrailBroken) as problem:
        told.line()
        told.line(f"The consultation stopped: {problem}", "red", "bold", hang=2)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
