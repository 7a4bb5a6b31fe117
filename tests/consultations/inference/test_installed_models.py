"""Installing, activating and retiring models."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction

from accounts.audit.models import AuditEvent
from consultations.inference.errors import PackageRefused
from consultations.inference.retiring import retire_model
from consultations.inference.services import activate_model
from consultations.models import ModelVersion
from dermatech.core.errors import Conflict, Forbidden

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("known")]
LESION: dict[str, Any] = {"presentation": "lesion", "facts": {}, "skin_tone": "light"}
Install = Callable[..., ModelVersion]


def events() -> list[tuple[str, str]]:
    """Audit events about models in their order: action and whom it is about."""
    rows = AuditEvent.objects.filter(action__startswith="model.").order_by("id")
    return [(row.action, str(row.entity_id)) for row in rows]


def test_an_installed_model_is_a_draft_with_its_file_and_its_checks(install: Install, yaw: Any) -> None:
    version = install(yaw)
    assert (version.state, version.installed_by) == ("draft", yaw)
    assert version.sha256 in version.storage_key
    with default_storage.open(version.storage_key) as file:
        assert len(file.read()) == version.size_bytes
    assert [row["passed"] for row in version.checks] == [True] * 9
    assert events() == [("model.installed", str(version.pk))]


def test_a_refused_package_leaves_nothing_behind(install: Install, yaw: Any) -> None:
    with pytest.raises(PackageRefused):
        install(yaw, sha256="0" * 64)
    assert not ModelVersion.objects.exists()
    assert events() == []
    assert not default_storage.exists("models")


def test_the_same_name_and_version_cannot_be_installed_twice(install: Install) -> None:
    install()
    with pytest.raises(Conflict) as caught:
        install()
    assert caught.value.code == "model_exists"
    assert ModelVersion.objects.count() == 1


def test_activating_a_second_model_retires_the_first_in_the_same_step(install: Install, yaw: Any) -> None:
    first, second = install(yaw, activate=True), install(yaw, version="2.0.0", activate=True)
    first.refresh_from_db()
    assert (first.state, second.state) == ("retired", "active")
    assert (second.activated_by, first.retired_at is not None) == (yaw, True)
    assert events() == [
        ("model.installed", str(first.pk)),
        ("model.activated", str(first.pk)),
        ("model.installed", str(second.pk)),
        ("model.retired", str(first.pk)),
        ("model.activated", str(second.pk)),
    ]


def test_a_retired_model_can_be_brought_back(install: Install) -> None:
    first = install(activate=True)
    install(version="2.0.0", activate=True)
    activate_model(actor=None, version=first)
    assert [v.version for v in ModelVersion.objects.filter(state="active")] == ["1.0.0"]


def test_an_active_model_cannot_be_activated_again(install: Install) -> None:
    version = install(activate=True)
    with pytest.raises(Conflict) as caught:
        activate_model(actor=None, version=version)
    assert caught.value.code == "model_state"
    assert len(events()) == 2


def test_a_retired_model_cannot_be_retired_again(install: Install) -> None:
    version = retire_model(actor=None, version=install(activate=True))
    with pytest.raises(Conflict):
        retire_model(actor=None, version=version)


def test_the_database_itself_allows_only_one_active_model(install: Install) -> None:
    active_one, other = install(activate=True), install(version="2.0.0")
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(pk=other.pk).update(state="active", activated_at=active_one.activated_at)


def test_a_pharmacist_and_an_auditor_may_not_install_or_activate(
    install: Install, ama: Any, efua: Any
) -> None:
    version = install()
    for person in (ama, efua):
        with pytest.raises(Forbidden):
            install(person, version="2.0.0")
        with pytest.raises(Forbidden):
            activate_model(actor=person, version=version)
        with pytest.raises(Forbidden):
            retire_model(actor=person, version=version)


def test_in_production_another_person_has_to_activate(
    install: Install, yaw: Any, abena: Any, settings: Any
) -> None:
    settings.PRODUCTION = True
    version = install(yaw)
    with pytest.raises(Forbidden) as caught:
        activate_model(actor=yaw, version=version)
    assert caught.value.code == "four_eyes"
    assert activate_model(actor=abena, version=version).state == "active"


def test_a_model_whose_condition_is_published_no_more_is_not_activated(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = install()
    monkeypatch.setattr("consultations.inference.services.known_conditions", lambda: frozenset({"warts"}))
    with pytest.raises(PackageRefused) as caught:
        activate_model(actor=None, version=version)
    assert caught.value.code == "label_unknown_condition"
    version.refresh_from_db()
    assert version.state == "draft"
