"""The people of the tests. Everybody knows them by name.

Ama is a pharmacist at Osu Pharmacy; Kofi, a technician, works beside her. Esi is a pharmacist in
Tamale and a stranger to both. Yaw and Abena supervise, Efua audits, Adjoa administers.
"""

from typing import Any

PASSWORD = "a-long-pass-phrase-1957"
OSU = {"name": "Osu Pharmacy", "licence_number": "PC/GAR/0101", "region": "greater_accra"}
TAMALE = {"name": "Tamale Chemists", "licence_number": "PC/NR/0202", "region": "northern"}

PEOPLE: dict[str, dict[str, Any]] = {
    "ama": {"full_name": "Ama Mensah", "role": "pharmacist", "cadre": "pharmacist", "premises": OSU},
    "kofi": {
        "full_name": "Kofi Boateng",
        "role": "pharmacist",
        "cadre": "pharmacy_technician",
        "premises": OSU,
    },
    "esi": {"full_name": "Esi Alhassan", "role": "pharmacist", "cadre": "pharmacist", "premises": TAMALE},
    "yaw": {"full_name": "Yaw Owusu", "role": "supervisor"},
    "abena": {"full_name": "Abena Asante", "role": "supervisor"},
    "efua": {"full_name": "Efua Quaye", "role": "auditor"},
    "adjoa": {"full_name": "Adjoa Darko", "role": "admin"},
}


def enrol(name: str) -> Any:
    """The named person as a verified account, their premises with them."""
    from accounts.models import Premises, User

    person = dict(PEOPLE[name])
    premises = person.pop("premises", None)
    if premises:
        licence = premises["licence_number"]
        person["premises"], _ = Premises.objects.get_or_create(licence_number=licence, defaults=premises)
        person["registration_number"] = f"REG-{name.upper()}"
    return User.objects.create_user(
        email=f"{name}@dermatech.example", password=PASSWORD, state="verified", **person
    )
