"""Making `.venv` from the lock files."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dermatech.run import bootstrap


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two lock files and an environment that looks usable."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "requirements.txt").write_text("a==1\n")
    (tmp_path / "tests" / "requirements.txt").write_text("a==1\nb==2\n")
    venv = tmp_path / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    for name, value in (("ROOT", tmp_path), ("VENV", venv), ("PYTHON", venv / "bin" / "python")):
        monkeypatch.setattr(bootstrap, name, str(value))
    monkeypatch.setattr(bootstrap, "STAMP", str(venv / ".installed.json"))
    return tmp_path


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would have been run; everything succeeds."""
    ran: list[list[str]] = []

    def run(command: list[str], **_: Any) -> SimpleNamespace:
        ran.append(command)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    return ran


def installs(commands: list[list[str]]) -> list[list[str]]:
    return [command for command in commands if "install" in command]


def test_hashes_are_required_and_an_unchanged_lock_installs_nothing(
    checkout: Path, commands: list[list[str]]
) -> None:
    assert bootstrap.main(["requirements.txt"]) == 0
    assert "--require-hashes" in installs(commands)[0]
    assert bootstrap.main(["requirements.txt"]) == 0
    assert len(installs(commands)) == 1


def test_a_changed_lock_is_installed_again(checkout: Path, commands: list[list[str]]) -> None:
    bootstrap.main(["requirements.txt"])
    (checkout / "requirements.txt").write_text("a==2\n")
    bootstrap.main(["requirements.txt"])
    assert len(installs(commands)) == 2


def test_the_lock_of_tests_holds_that_of_production(checkout: Path, commands: list[list[str]]) -> None:
    bootstrap.main(["tests/requirements.txt"])
    bootstrap.main(["requirements.txt"])
    assert len(installs(commands)) == 1


def test_a_damaged_stamp_means_installing_again(checkout: Path, commands: list[list[str]]) -> None:
    bootstrap.main(["requirements.txt"])
    (checkout / ".venv" / ".installed.json").write_text("{")
    bootstrap.main(["requirements.txt"])
    assert len(installs(commands)) == 2


def test_an_old_python_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    assert bootstrap.main(["requirements.txt"]) == 2
    assert "needs Python 3.11 or newer; python3 here is 3.9.2" in capsys.readouterr().err


def test_a_python_without_pip_is_told_what_to_install(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(command: list[str], **_: Any) -> SimpleNamespace:
        return SimpleNamespace(returncode=1 if "pip" in command else 0)

    monkeypatch.setattr(subprocess, "run", run)
    assert bootstrap.main(["requirements.txt"]) == 2
    assert "apt-get install python3-venv" in capsys.readouterr().err


def test_without_ensurepip_the_machines_own_pip_fills_the_environment(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], **_: Any) -> SimpleNamespace:
        ran.append(command)
        return SimpleNamespace(returncode=1 if command[0] == bootstrap.PYTHON and "pip" in command else 0)

    monkeypatch.setattr(subprocess, "run", run)
    assert bootstrap.main(["requirements.txt"]) == 0
    assert installs(ran)[0][:5] == [sys.executable, "-m", "pip", "--python", bootstrap.PYTHON]


def test_a_failing_pip_is_one_line_and_leaves_no_stamp(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(command: list[str], **_: Any) -> SimpleNamespace:
        return SimpleNamespace(returncode=1 if "install" in command else 0)

    monkeypatch.setattr(subprocess, "run", run)
    assert bootstrap.main(["requirements.txt"]) == 2
    assert "pip could not install requirements.txt" in capsys.readouterr().err
    assert not (checkout / ".venv" / ".installed.json").exists()


def test_a_missing_lock_is_one_line(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main(["nothing.txt"]) == 2
    assert "nothing.txt is missing" in capsys.readouterr().err


def test_the_stamp_names_what_was_installed(checkout: Path, commands: list[list[str]]) -> None:
    bootstrap.main(["tests/requirements.txt"])
    stamp = json.loads((checkout / ".venv" / ".installed.json").read_text())
    assert sorted(stamp) == ["requirements.txt", "tests/requirements.txt"]
