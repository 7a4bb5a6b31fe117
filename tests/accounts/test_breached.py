"""Passwords that stood in a leak are refused, by a file that is never loaded."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as campaign
from hypothesis import strategies as some

from accounts import checks
from accounts.breached import BreachedList, NotAList
from accounts.validators import BreachedPasswordValidator

pytestmark = pytest.mark.one_database
LEAKED = ["correct horse battery", "akwaaba-2026-akwaaba", "trotro trotro trotro", "Ɛyɛ papaapa paa"]


def sha1(password: str) -> str:
    return hashlib.sha1(password.encode()).hexdigest().upper()


def written(
    path: Path, passwords: list[str], *, digits: int = 40, end: str = "\r\n", count: bool = True
) -> Path:
    lines = sorted({sha1(password)[:digits] for password in passwords})
    path.write_bytes(
        "".join(f"{line}{':' + str(n) if count else ''}{end}" for n, line in enumerate(lines)).encode()
    )
    return path


@pytest.mark.parametrize("digits", [40, 16])
@pytest.mark.parametrize(("end", "count"), [("\r\n", True), ("\n", True), ("\n", False)])
def test_the_formats_of_the_download_are_read(tmp_path: Path, digits: int, end: str, count: bool) -> None:
    many = LEAKED + [f"filler number {n}" for n in range(500)]
    listed = BreachedList(written(tmp_path / "list", many, digits=digits, end=end, count=count))
    listed.check()
    assert all(listed.holds(password) for password in many)
    assert not any(listed.holds(f"never leaked {n}") for n in range(500))


@campaign(max_examples=40, deadline=None)
@given(some.lists(some.text(), unique=True, max_size=40), some.text(), some.sampled_from(["\n", "\r\n"]))
def test_what_is_in_the_list_is_found_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, leaked: list[str], other: str, end: str
) -> None:
    leaked = [text for text in leaked if text.isprintable()]
    path = written(tmp_path_factory.mktemp("breached") / "list", leaked, end=end)
    path.write_bytes(path.read_bytes().rstrip(b"\r\n"))  # the last line may have no end
    listed = BreachedList(path)
    assert all(listed.holds(password) for password in leaked)
    if other.isprintable():
        assert listed.holds(other) is (other in leaked)


def test_looking_one_up_reads_a_few_lines_of_a_large_file(tmp_path: Path, monkeypatch: Any) -> None:
    import os

    path, reads = written(tmp_path / "list", [str(n) for n in range(50_000)]), []
    real = os.pread

    def counted(*arguments: Any) -> bytes:
        reads.append(arguments)
        return real(*arguments)

    monkeypatch.setattr("accounts.breached.os.pread", counted)
    assert BreachedList(path).holds("49999")
    assert len(reads) < 60


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"password\n123456\n", "no SHA-1 hashes"),
        (b"F" * 40 + b":1\n" + b"0" * 40 + b":1\n", "not sorted"),
        (b"x" * 500, "no SHA-1 hashes"),
    ],
)
def test_a_file_that_is_no_such_list_is_found_before_the_start(
    tmp_path: Path, settings: Any, content: bytes, said: str
) -> None:
    path = tmp_path / "list"
    path.write_bytes(content)
    with pytest.raises(NotAList, match=said):
        BreachedList(path).check()
    settings.BREACHED_PASSWORDS_FILE = str(path)
    assert [message.id for message in checks.check_breached_passwords()] == ["accounts.E005"]


def test_a_file_that_is_not_there_is_found_before_the_start(settings: Any, tmp_path: Path) -> None:
    settings.BREACHED_PASSWORDS_FILE = str(tmp_path / "none")
    [found] = checks.check_breached_passwords()
    assert (found.id, "cannot be read" in found.msg) == ("accounts.E005", True)
    settings.BREACHED_PASSWORDS_FILE = ""
    assert checks.check_breached_passwords() == []


def test_a_list_that_breaks_while_the_service_runs_keeps_nobody_out(
    settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings.BREACHED_PASSWORDS_FILE = str(tmp_path / "none")
    BreachedPasswordValidator().validate(LEAKED[0])
    assert "The list of breached passwords" in caplog.text


@pytest.mark.django_db
def test_who_registers_with_a_stolen_password_is_told_why(
    settings: Any, tmp_path: Path, api: Any, form: dict[str, Any]
) -> None:
    settings.BREACHED_PASSWORDS_FILE = str(written(tmp_path / "list", LEAKED))
    answer = api.post("/api/v1/auth/register", {**form, "password": LEAKED[0]})
    assert answer.status_code == 400
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [("password", "password_breached")]
    assert api.post("/api/v1/auth/register", form).status_code == 202
