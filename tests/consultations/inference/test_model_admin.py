"""Image models in the admin site: install by upload, read, activate, retire."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from consultations.inference import admin as model_admin
from consultations.inference.services import install_model
from consultations.models import ModelVersion
from tests.cast import PASSWORD
from tests.consultations.inference import build

pytestmark = [
    pytest.mark.django_db, pytest.mark.usefixtures("known", "in_this_process"), pytest.mark.one_database
]  # fmt: skip
ADD = "admin:consultations_modelversion_add"
LIST = "admin:consultations_modelversion_changelist"


@pytest.fixture(autouse=True)
def known_to_the_form(known: frozenset[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_admin, "known_conditions", lambda: known)


def signed_in(person: Any) -> Client:
    client = Client()
    assert client.login(username=person.email, password=PASSWORD)
    return client


def upload(client: Client, archive: Path) -> Any:
    file = SimpleUploadedFile(archive.name, archive.read_bytes(), "application/zip")
    return client.post(reverse(ADD), {"package": file}, follow=True)


def act(client: Client, action: str, *versions: ModelVersion) -> str:
    chosen = [str(version.pk) for version in versions]
    answer = client.post(reverse(LIST), {"action": action, "_selected_action": chosen}, follow=True)
    return answer.content.decode()


def test_a_supervisor_installs_by_upload_and_sees_every_check(
    package: Path, tmp_path: Path, yaw: Any
) -> None:
    answer = upload(signed_in(yaw), build.zipped(package, tmp_path / "redness.zip"))
    page = answer.content.decode()
    assert page.count("✓ ") == 9
    version = ModelVersion.objects.get()
    assert (version.state, version.installed_by) == ("draft", yaw)


def test_a_refused_upload_shows_which_check_failed(tmp_path: Path, yaw: Any) -> None:
    folder = build.write_package(tmp_path / "p", calibration={"temperature": 3.0})
    page = upload(signed_in(yaw), build.zipped(folder, tmp_path / "p.zip")).content.decode()
    assert "✗ Golden cases give what they should, in time" in page
    assert "✓ The model needs no other file" in page
    assert not ModelVersion.objects.exists()


def test_an_upload_of_what_is_installed_already_is_refused_in_the_form(
    package: Path, tmp_path: Path, yaw: Any
) -> None:
    client, archive = signed_in(yaw), build.zipped(package, tmp_path / "redness.zip")
    upload(client, archive)
    assert "installed already" in upload(client, archive).content.decode()
    assert ModelVersion.objects.count() == 1


def test_the_page_shows_the_card_the_figures_and_the_hash(package: Path, yaw: Any) -> None:
    version = install_model(actor=yaw, path=package)
    client = signed_in(yaw)
    page = client.get(reverse("admin:consultations_modelversion_change", args=[version.pk])).content.decode()
    for words in (
        "how red a picture is",
        version.sha256,
        "skin_tone: brown",
        "Not approved for clinical use",
    ):
        assert words in page


def test_what_a_package_says_is_never_markup(tmp_path: Path, yaw: Any) -> None:
    folder = build.write_package(tmp_path / "p", card=build.CARD + "<script>alert(1)</script>")
    version = install_model(actor=yaw, path=folder)
    url = reverse("admin:consultations_modelversion_change", args=[version.pk])
    page = signed_in(yaw).get(url).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_activating_and_retiring_from_the_list(package: Path, yaw: Any) -> None:
    version, client = install_model(actor=yaw, path=package), signed_in(yaw)
    assert "is active now" in act(client, "activate", version)
    assert "is active already" in act(client, "activate", version)
    assert "is retired now" in act(client, "retire", version)
    version.refresh_from_db()
    assert version.state == "retired"


def test_two_models_cannot_be_activated_at_once(tmp_path: Path, yaw: Any) -> None:
    versions = [
        install_model(actor=yaw, path=build.write_package(tmp_path / name, version=name)) for name in "12"
    ]
    assert "exactly one" in act(signed_in(yaw), "activate", *versions)
    assert not ModelVersion.objects.filter(state="active").exists()


def test_an_auditor_reads_but_installs_and_activates_nothing(package: Path, efua: Any) -> None:
    version, client = install_model(actor=None, path=package), signed_in(efua)
    assert client.get(reverse(LIST)).status_code == 200
    assert client.get(reverse(ADD)).status_code == 403
    act(client, "activate", version)
    version.refresh_from_db()
    assert version.state == "draft"


def test_nobody_deletes_a_model(package: Path, adjoa: Any) -> None:
    version = install_model(actor=None, path=package)
    url = reverse("admin:consultations_modelversion_delete", args=[version.pk])
    assert signed_in(adjoa).post(url, {"post": "yes"}).status_code == 403
    assert ModelVersion.objects.exists()
