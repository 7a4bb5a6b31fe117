"""How each step of the guided consultation is told. Takes the API's own JSON, prints, returns
nothing."""

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from dermatech.run.accounts_file import Account
from dermatech.run.terminal import Terminal

_LEVELS = {
    "emergency": ("EMERGENCY", "red"),
    "refer_urgent": ("REFER URGENTLY", "red"),
    "refer_routine": ("REFER, no hurry", "yellow"),
    "pharmacy_treatment": ("TREAT IN THE PHARMACY", "green"),
    "self_care": ("SELF-CARE", "green"),
}
_STATES = {"ok": ("✓", "green"), "degraded": ("!", "yellow"), "down": ("✗", "red")}
_SHOWN_CONDITIONS = 4
_SHOWN_EVIDENCE = 6
_SHOWN_QUESTIONS = 4
_BAR = 20


def thousands(number: float) -> str:
    return f"{number:,.0f}"


def _words(names: Iterable[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)


def opening(told: Terminal) -> None:
    told.title("A consultation, as it happens")
    told.line(
        "Osu Pharmacy, Accra. A mother has brought her daughter of seven: for ten days there has been "
        "an itchy, scaly ring on the girl's trunk. Penicillin once gave her a rash. Ama, the pharmacist, "
        "takes her phone. Everything below is the server's answer to a real request."
    )


def signed_in(told: Terminal, name: str, role: str) -> None:
    told.heading("Ama signs in")
    told.line(f"{name}, {role}. Her access token lasts ten minutes.", indent=3)


def health(told: Terminal, ready: Mapping[str, Any]) -> None:
    told.heading("Is the service well?")
    for name, check in ready["checks"].items():
        mark, colour = _STATES[check["state"]]
        label = name.replace("_", " ").ljust(15)
        told.line(f"{told.paint(mark, colour)} {label} {check['detail']}", indent=3, hang=18)


def sending(
    told: Terminal, case: Mapping[str, Any], origin: str, size: int, facts: Mapping[str, str]
) -> None:
    told.heading("Ama describes what she sees and takes a photo")
    patient = case["patient"]
    told.pairs(
        [
            ("patient", f"{patient['sex']}, {patient['age_months'] // 12} years, {patient['weight_kg']} kg"),
            ("allergic to", _words(patient["allergies"])),
            ("seen", _words(case["findings"]["present"])),
            ("not there", _words(case["findings"]["absent"])),
            ("since", f"{case['facts']['duration_days']} days"),
            ("consent", f"photo and data, given by the {case['consent']['given_by']}"),
            ("photo", f"{thousands(size)} bytes, {facts['picture']}; {origin}"),
            ("inside", facts.get("inside", "")),
        ]
    )
    told.line("Whatever she did not ask counts as unknown, never as no.", "dim", indent=3)


def received(told: Terminal, consultation: Mapping[str, Any]) -> None:
    told.heading("The server takes it in one transaction")
    told.line(
        f"POST /api/v1/consultations was answered 201 in {consultation['_milliseconds']:.0f} ms: "
        "consultation, safe photo, queued analysis and audit event stand in the database together. "
        "A worker process has been told.",
        indent=3,
    )
    told.pairs([("consultation", consultation["id"]), ("analysis", consultation["analysis"]["id"])])


def photo(
    told: Terminal, image: Mapping[str, Any], analysis: Mapping[str, Any], sent: int, stored: bytes
) -> None:
    took = analysis.get("duration_ms")
    told.heading(
        "The photo" + (f", and a worker was done in {thousands(took)} ms" if took is not None else "")
    )
    quality = analysis.get("image_quality") or {}
    tone = quality.get("skin_tone") or {}
    told.pairs(
        [
            (
                "stored",
                f"{thousands(image['bytes'])} bytes as {image['format']} ({thousands(sent)} were sent)",
            ),
            ("likeness", f"SSIM {image['ssim']:.3f} against the upright original (1 is identical)"),
            ("upright", f"{image['width']} x {image['height']}"),
            ("metadata", _metadata(stored)),
            ("usable", _verdict(quality)),
            ("skin", _skin(quality, tone)),
        ]
    )
    for problem in quality.get("problems", []):
        told.item(problem["advice"], "yellow")


def _metadata(stored: bytes) -> str:
    """Read from the picture that the server gives out, not from what it says of it."""
    try:
        with Image.open(io.BytesIO(stored)) as image:
            left = len(image.getexif()) + sum(key in image.info for key in ("exif", "xmp", "comment"))
    except (UnidentifiedImageError, OSError):
        return "the stored picture could not be read"
    return "gone: no camera, no time, no position" if left == 0 else f"{left} entries left"


def _verdict(quality: Mapping[str, Any]) -> str:
    if not quality:
        return ""
    measured = [
        f"{name} {quality[name]:.2f}" for name in ("sharpness", "exposure") if quality.get(name) is not None
    ]
    return f"{'yes' if quality.get('usable') else 'no'} ({', '.join(measured)})"


def _skin(quality: Mapping[str, Any], tone: Mapping[str, Any]) -> str:
    fraction = quality.get("skin_fraction")
    if fraction is None:
        return ""
    group = f", tone {tone['group']} (ITA {tone['ita_degrees']:.0f}°)" if tone.get("group") else ""
    return f"{fraction:.0%} of the picture{group}"


def conditions(told: Terminal, analysis: Mapping[str, Any]) -> None:
    told.heading("What it may be, and why")
    if analysis["abstained"]:
        told.line(analysis.get("abstain_reason") or "There is too little to go on.", "yellow", indent=3)
    for number, row in enumerate(analysis["conditions"][:_SHOWN_CONDITIONS]):
        filled = round(row["probability"] * _BAR)
        bar = "█" * filled + "░" * (_BAR - filled)
        icd = f"  {row['icd10']}" if row.get("icd10") else ""
        told.line(
            f"{bar} {row['probability']:4.0%}  {row['name']}{icd}  {row['band']}", "bold", indent=3, hang=4
        )
        for evidence in row["evidence"][: _SHOWN_EVIDENCE if number == 0 else 2]:
            told.item(evidence["text"], "dim", indent=6, mark=_sign(evidence.get("weight")))
    left = len(analysis["conditions"]) - _SHOWN_CONDITIONS
    if left > 0:
        told.line(f"and {left} less likely", "dim", indent=3)
    model = analysis.get("model")
    told.line(
        f"Image model: {model['name']} {model['version']}."
        if model
        else "No image model is installed: the ranking rests on what Ama saw and how common each illness is.",
        indent=3,
    )


def _sign(weight: float | None) -> str:
    if not weight:
        return "·"
    return "+" if weight > 0 else "-"


def triage(told: Terminal, result: Mapping[str, Any]) -> None:
    told.heading("How urgent it is, and which rule says so")
    _level(told, result)
    _rules(told, result)
    if not result["ask"]:
        return
    told.line("Nobody has decided what it is, and much is unknown. To ask before anything else:", indent=3)
    for question in result["ask"][:_SHOWN_QUESTIONS]:
        raised = (question.get("could_raise_to") or "").replace("_", " ")
        told.item(
            question["question"] + (f"  (yes could mean: {raised})" if raised else ""), indent=6, mark="?"
        )
    left = len(result["ask"]) - _SHOWN_QUESTIONS
    if left > 0:
        told.line(f"and {left} more that could raise the urgency", "dim", indent=8)


def _level(told: Terminal, result: Mapping[str, Any]) -> None:
    label, colour = _LEVELS[result["level"]]
    timeframe = f" · {result['timeframe'].replace('_', ' ')}" if result.get("timeframe") else ""
    provisional = "  (provisional: answers are missing)" if result["provisional"] else ""
    told.line(f"{label}{timeframe}{provisional}", "bold", colour, indent=3)


def _rules(told: Terminal, result: Mapping[str, Any]) -> None:
    for rule in result["rules"]:
        told.item(f"{rule['title']}  [{rule['id']}]", indent=3)
        for number, reason in enumerate(rule["because"]):
            told.line(f"{'because' if number == 0 else 'and    '} {reason}", "dim", indent=8, hang=8)
        if rule.get("advice"):
            told.line(rule["advice"], indent=8)
    if not result["rules"]:
        told.line("No rule fired; without one the answer is to refer.", indent=3)
    if result.get("notify"):
        told.line(f"Notify: {_notify(result['notify'])}", "yellow", indent=3, hang=2)


def _notify(notify: Any) -> str:
    if isinstance(notify, Mapping):
        return ", ".join(str(value) for value in notify.values())
    return str(notify)


def answered(told: Terminal, answers: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    told.heading("Ama asks, looks again, and commits herself to ringworm")
    was, _ = _LEVELS[before["level"]]
    told.line(
        f"She enters {answers} answers (no fever, nothing on the palms, no blisters ...) and tinea corporis "
        f"as her working diagnosis. The rules run again; before it was {was}.",
        indent=3,
    )
    _level(told, after)
    _rules(told, after)
    for question in after["ask"]:
        told.item(question["question"], indent=6, mark="?")


def medicines(told: Terminal, consultation: Mapping[str, Any]) -> None:
    told.heading("What she may supply, and what not")
    rows = consultation["recommendations"]
    allowed = [row for row in rows if row["may_supply"]]
    for number, row in enumerate(allowed):
        told.line(f"{row['name']}  {row['line']} line", "bold", indent=3, hang=2)
        _medicine(told, row, in_full=number == 0)
    if not allowed:
        told.line("Nothing is proposed that she may supply.", indent=3)
    if len(allowed) < len(rows) or consultation["excluded"]:
        told.line("Not for this patient, or not for her to supply:", indent=3)
    for row in rows:
        if not row["may_supply"]:
            told.item(f"{row['name']}: {_first(row['warnings'])} [legal class]", indent=6, mark="✗")
    for row in consultation["excluded"]:
        name = row.get("name") or row["medication"]
        told.item(f"{name}: {row['reason']} [{row['code'].replace('_', ' ')}]", indent=6, mark="✗")


_ONLY_IF, _REFER_IF = "Use only if: ", "Stop and refer if: "


def _medicine(told: Terminal, row: Mapping[str, Any], *, in_full: bool) -> None:
    """Dose and amount always; advice in full for the first, so that the list stays readable."""
    short = [("dose", f"{row['dose']}, {row['frequency']}, {row['route']}{_days(row)}")]
    short.append(("supply", _quantity(row.get("quantity") or {})))
    advice = row["counselling"]
    plain = [text for text in advice if not text.startswith((_ONLY_IF, _REFER_IF))]
    full = [
        ("tell them", "  ".join(plain)),
        ("only if", _without(_ONLY_IF, advice)),
        ("refer if", _without(_REFER_IF, advice)),
        ("take care", "  ".join(row["warnings"])),
        ("because", "  ".join(row.get("because", []))),
    ]
    told.pairs([*short, *full] if in_full else short, indent=6)


def _days(row: Mapping[str, Any]) -> str:
    return f", for {row['duration_days']} days" if row.get("duration_days") else ""


def _without(prefix: str, advice: Iterable[str]) -> str:
    return "; ".join(text.removeprefix(prefix).lower() for text in advice if text.startswith(prefix))


def _first(texts: Sequence[str]) -> str:
    return texts[0].rstrip(".") if texts else "beyond her cadre"


def _quantity(quantity: Mapping[str, Any]) -> str:
    if not quantity or quantity.get("amount") is None:
        return str(quantity.get("how", "")) if quantity else ""
    how = f" ({quantity['how']})" if quantity.get("how") else ""
    return f"{quantity['amount']} {quantity['unit']}{how}"


def decided(told: Terminal, consultation: Mapping[str, Any]) -> None:
    names = {row["medication"]: row["name"] for row in consultation["recommendations"]}
    supplied = ", ".join(names.get(name, name) for name in consultation["decision"]["medications"])
    told.line(f"Ama decides: she supplies {supplied}. The program only advised.", "bold", indent=3)


def knowledge(told: Terminal, releases: Mapping[str, Any], disclaimer: str | None) -> None:
    told.heading("Whose knowledge this is")
    states = set()
    for name, release in releases.items():
        if isinstance(release, Mapping):
            states.add(release.get("review_state"))
            told.pairs([(name.ljust(10), f"release {release['id']}, SHA-256 {release['sha256'][:16]}…")])
    if "starter_unreviewed" in states:
        told.line(UNREVIEWED, "yellow", indent=3)
    told.line(
        "The case stays tied to these releases: replayed in a year, it gives the same answer.",
        "dim",
        indent=3,
    )
    if disclaimer:
        told.line(disclaimer, "dim", indent=3)


UNREVIEWED = (
    "This is starter content, compiled from the sources that each item names. No pharmacist in Ghana has "
    "reviewed it yet; two supervisors have to before it is used on patients."
)


def closing(told: Terminal, port: int, accounts: Iterable[Account], data_dir: Path) -> None:
    base = f"http://127.0.0.1:{port}"
    told.title("Where to go from here")
    told.pairs(
        [
            ("API docs", f"{base}/api/v1/docs"),
            ("reference", f"{base}/api/v1/redoc"),
            ("admin", f"{base}/admin/"),
        ]
    )
    told.line()
    rows: Sequence[Sequence[str]] = [(a.full_name, a.email, a.password, a.does) for a in accounts]
    told.table(("who", "e-mail", "password", "as"), rows)
    told.line("Ama and Kofi use the API; the others sign in to the admin.", indent=3)
    told.line(
        "Here a password is enough there, until somebody sets up an authenticator app (under their name: "
        "Second factor). In production all of staff must; ADMIN_TOTP=required shows that on this machine.",
        "dim",
        indent=3,
    )
    told.line(
        f"Passwords were made for this machine alone and are kept in {data_dir / 'demo-accounts.json'}. "
        f"Logs are in {data_dir / 'logs'}.",
        "dim",
        indent=3,
    )
