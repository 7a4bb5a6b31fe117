"""The environment is read strictly; secrets of one machine are made once."""

import base64
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from dermatech.core import env
from dermatech.core.localdata import development_secret, socket_path


@pytest.mark.parametrize(
    ("word", "value"), [("true", True), ("YES", True), ("1", True), ("off", False), ("0", False)]
)
def test_a_clear_yes_or_no_is_read(monkeypatch: pytest.MonkeyPatch, word: str, value: bool) -> None:
    monkeypatch.setenv("SWITCH", word)
    assert env.boolean("SWITCH", default=not value) is value


@pytest.mark.parametrize("word", ["ture", "maybe", "2", "nope"])
def test_a_misspelt_boolean_is_refused_not_guessed(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("SWITCH", word)
    with pytest.raises(ImproperlyConfigured, match="is not a boolean"):
        env.boolean("SWITCH", default=False)


@pytest.mark.parametrize(("raw", "says"), [("many", "whole number"), ("0", "outside"), ("65", "outside")])
def test_a_number_outside_its_range_is_refused(monkeypatch: pytest.MonkeyPatch, raw: str, says: str) -> None:
    monkeypatch.setenv("COUNT", raw)
    with pytest.raises(ImproperlyConfigured, match=says):
        env.integer("COUNT", default=2, low=1, high=64)


def test_an_unknown_environment_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DERMATECH_ENV", "prod")
    with pytest.raises(ImproperlyConfigured, match="not one of development, production"):
        env.choice("DERMATECH_ENV", ("development", "production"), default="development")


def test_a_generated_secret_stays_the_same_and_is_its_owners_only(tmp_path: Path) -> None:
    first = development_secret(tmp_path, "SECRET_KEY")
    assert development_secret(tmp_path, "SECRET_KEY") == first
    assert development_secret(tmp_path, "JWT_SIGNING_KEY") != first
    mode = stat.S_IMODE((tmp_path / "secrets" / "secret_key").stat().st_mode)
    assert mode == 0o600
    assert len(base64.urlsafe_b64decode(first)) == 32


def test_the_redis_socket_moves_where_the_path_is_too_long_for_a_socket(tmp_path: Path) -> None:
    assert socket_path(Path("/srv/d")) == Path("/srv/d/redis.sock")
    deep = tmp_path / ("d" * 120)
    moved = socket_path(deep)
    assert len(str(moved)) < 108
    assert moved == socket_path(deep)
    assert moved != socket_path(tmp_path / ("e" * 120))


def _check(tmp_path: Path, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *(command or ("check",))],
        env={"PATH": "/usr/bin:/bin", "DATA_DIR": str(tmp_path), "HOME": str(tmp_path), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_production_refuses_to_start_without_its_secrets(tmp_path: Path) -> None:
    answer = _check(tmp_path, DERMATECH_ENV="production")
    assert answer.returncode != 0
    assert "SECRET_KEY (or SECRET_KEY_FILE) must be set in production" in answer.stderr


def test_production_starts_when_the_secrets_come_as_files(tmp_path: Path) -> None:
    names = ("SECRET_KEY", "JWT_SIGNING_KEY", "FIELD_KEYS", "AUDIT_SIGNING_KEY")
    files = {}
    for name in names:
        development_secret(tmp_path, name)
        files[f"{name}_FILE"] = str(tmp_path / "secrets" / name.lower())
    answer = _check(tmp_path, DERMATECH_ENV="production", **files)
    assert answer.returncode == 0, answer.stderr
