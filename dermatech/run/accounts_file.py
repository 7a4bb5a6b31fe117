"""The demo accounts of this machine: who they are, and the file that keeps their passwords."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

FILE_NAME = "demo-accounts.json"
PREMISES = "Osu Pharmacy"
# No letters or digits that look alike: people type these from a screen.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


class AccountsMissing(Exception):
    """There is no demo-accounts.json where it is expected."""


@dataclass(frozen=True, slots=True)
class Account:
    """One demo account. `cadre` and `premises` are empty for those who do not dispense."""

    key: str
    full_name: str
    email: str
    role: str
    cadre: str
    premises: str
    password: str
    does: str


CAST: tuple[tuple[str, str, str, str, str], ...] = (
    ("ama", "Ama Mensah", "pharmacist", "pharmacist", "pharmacist"),
    ("kofi", "Kofi Boateng", "pharmacist", "pharmacy_technician", "technician"),
    ("yaw", "Yaw Owusu", "supervisor", "", "supervisor, proposes"),
    ("abena", "Abena Asante", "supervisor", "", "supervisor, approves"),
    ("efua", "Efua Quaye", "auditor", "", "auditor"),
    ("adjoa", "Adjoa Darko", "admin", "", "administrator"),
)


def new_password() -> str:
    """Twenty characters in four groups, about 95 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


def ensure_accounts(data_dir: Path) -> dict[str, Account]:
    """The accounts of `data_dir`; made with fresh passwords on first use, kept with mode 0600."""
    path = data_dir / FILE_NAME
    if path.exists():
        return read_accounts(data_dir)
    accounts = {
        key: Account(
            key,
            name,
            f"{key}@dermatech.example",
            role,
            cadre,
            PREMISES if cadre else "",
            new_password(),
            does,
        )
        for key, name, role, cadre, does in CAST
    }
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump([asdict(account) for account in accounts.values()], file, indent=2)
    draft.rename(path)
    return accounts


def read_accounts(data_dir: Path) -> dict[str, Account]:
    """Key ("ama") -> account; raises AccountsMissing."""
    path = data_dir / FILE_NAME
    try:
        rows = json.loads(path.read_text())
        return {row["key"]: Account(**row) for row in rows}
    except FileNotFoundError:
        raise AccountsMissing(f"{path} is missing; `make run` makes it.") from None
    except (ValueError, TypeError, KeyError):
        raise AccountsMissing(f"{path} is damaged; remove it and run `make run` again.") from None
