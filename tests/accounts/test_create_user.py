"""manage.py create_user."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import OutgoingMail, Premises, User

pytestmark = pytest.mark.django_db
GOOD = "seven blue canoes at dawn"


@pytest.fixture
def create(monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(*arguments: str, password: str | None = GOOD) -> str:
        out = io.StringIO()
        if password is not None:
            monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
            arguments = (*arguments, "--password-stdin")
        call_command("create_user", *arguments, stdout=out)
        return out.getvalue()

    return run


def test_a_pharmacist_is_made_with_premises_and_can_sign_in(create: Any, sign_in: Any, events: Any) -> None:
    said = create(
        "Ama@Osu.example", "--role", "pharmacist", "--cadre", "pharmacist",
        "--premises", "Osu Pharmacy", "--verified",
    )  # fmt: skip
    assert said == "ama@osu.example: pharmacist, verified.\n"
    user = User.objects.get()
    assert user.premises is not None
    assert user.premises.name == "Osu Pharmacy"
    assert sign_in(user, GOOD).status_code == 200
    assert events()[:2] == ["premises.created success", "account.created success"]


def test_a_supervisor_of_a_region_is_made_and_nobody_else_has_one(create: Any) -> None:
    create("yaw@x.example", "--role", "supervisor", "--supervised-region", "volta", "--verified")
    assert User.objects.get().supervised_region == "volta"
    with pytest.raises(CommandError, match="Only a supervisor"):
        create("efua@x.example", "--role", "auditor", "--supervised-region", "volta")


def test_premises_of_the_same_name_are_shared(create: Any) -> None:
    for name in ("a", "b"):
        create(
            f"{name}@x.example", "--role", "pharmacist", "--cadre", "pharmacist",
            "--premises", "osu  pharmacy",
        )  # fmt: skip
    assert Premises.objects.count() == 1


def test_without_verified_the_account_waits(create: Any) -> None:
    assert "waiting for verification" in create("s@x.example", "--role", "supervisor")
    assert not User.objects.get().is_active


def test_without_a_password_a_letter_with_a_code_is_queued(create: Any) -> None:
    create("s@x.example", "--role", "supervisor", "--verified", password=None)
    assert not User.objects.get().has_usable_password()
    assert OutgoingMail.objects.get().kind == "account_created"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["not-an-address", "--role", "admin"], "is not an e-mail address"),
        (["a@x.example", "--role", "king"], "invalid choice: 'king'"),
        (["a@x.example", "--role", "pharmacist"], "needs --cadre and --premises"),
        (["a@x.example", "--role", "pharmacist", "--cadre", "pharmacist"], "needs --cadre and --premises"),
        (["a@x.example", "--role", "auditor", "--premises", "Osu"], "are for --role pharmacist only"),
        (["a@x.example"], "required: --role"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(create: Any, arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        create(*arguments)
    assert not User.objects.exists()


def test_an_address_that_has_an_account_is_refused(create: Any, ama: Any) -> None:
    with pytest.raises(CommandError, match="has an account already"):
        create(ama.email, "--role", "auditor")


def test_a_weak_or_empty_password_is_refused(create: Any) -> None:
    with pytest.raises(CommandError, match="password: "):
        create("a@x.example", "--role", "auditor", password="short")
    with pytest.raises(CommandError, match="holds no password"):
        create("a@x.example", "--role", "auditor", password="")


def test_a_strange_registration_number_is_refused(create: Any) -> None:
    with pytest.raises(CommandError, match="--registration-number"):
        create(
            "a@x.example", "--role", "pharmacist", "--cadre", "pharmacist", "--premises", "Osu",
            "--registration-number", "?",
        )  # fmt: skip


def test_two_premises_of_one_name_need_a_licence(create: Any) -> None:
    for licence in ("PC/1", "PC/2"):
        Premises.objects.create(name="Good Health", licence_number=licence, region="oti")
    base = ["--role", "pharmacist", "--cadre", "pharmacist", "--premises", "Good Health"]
    with pytest.raises(CommandError, match="--licence"):
        create("a@x.example", *base)
    create("a@x.example", *base, "--licence", "pc/2")
    assert User.objects.get().premises == Premises.objects.get(licence_number="PC/2")
