"""The commands for people at the server: what they print, and the status they end with."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from consultations.models import ModelVersion
from tests.consultations.inference import build

pytestmark = [
    pytest.mark.django_db, pytest.mark.usefixtures("known", "in_this_process"), pytest.mark.one_database
]  # fmt: skip


def run(*words: object) -> str:
    out = StringIO()
    call_command(*map(str, words), stdout=out)
    return out.getvalue()


def test_without_models_the_list_says_so() -> None:
    assert run("list_models") == "no image model is installed\n"


def test_installing_shows_every_check(package: Path) -> None:
    output = run("install_model", package)
    assert output.count("ok  ") == 9
    assert "installed redness 1.0.0 as a draft" in output
    assert "no image model is active" in run("list_models")


def test_installing_and_activating_in_one_step(package: Path) -> None:
    assert "redness 1.0.0 is active" in run("install_model", package, "--activate")
    assert ModelVersion.objects.get().state == "active"
    listed = run("list_models")
    assert listed.startswith("active")
    assert "lesion  not for clinical use" in listed


def test_a_refused_package_shows_what_failed_and_ends_with_status_1(tmp_path: Path) -> None:
    folder = build.write_package(tmp_path / "p", card=...)
    out = StringIO()
    with pytest.raises(CommandError, match="card_missing") as caught:
        call_command("install_model", str(folder), stdout=out)
    assert caught.value.returncode == 1
    assert "FAIL" in out.getvalue()
    assert "--  " in out.getvalue()
    assert not ModelVersion.objects.exists()


def test_a_second_installation_of_the_same_version_is_refused(package: Path) -> None:
    run("install_model", package)
    with pytest.raises(CommandError, match="model_exists"):
        run("install_model", package)


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="package_not_found"):
        run("install_model", tmp_path / "nowhere")


def test_installing_into_the_shadow_in_one_step(package: Path) -> None:
    assert "redness 1.0.0 runs in shadow" in run("install_model", package, "--shadow")
    assert ModelVersion.objects.get().state == "shadow"
