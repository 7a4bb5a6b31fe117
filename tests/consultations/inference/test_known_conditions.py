"""What a label may point to is what the supervisors have published, and nothing else."""

from pathlib import Path

import pytest

from consultations.inference.errors import PackageRefused
from consultations.inference.services import activate_model, install_model, known_conditions
from dermatech.core.errors import Unavailable
from tests.consultations.inference import build

pytestmark = pytest.mark.django_db


def test_without_published_guidelines_no_model_can_be_installed(package: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        install_model(actor=None, path=package)
    assert caught.value.code == "no_published_guidelines"


@pytest.mark.usefixtures("starter_knowledge")
def test_the_starter_conditions_are_known(package: Path) -> None:
    assert {"suspected-skin-cancer", "warts"} <= known_conditions()
    assert activate_model(actor=None, version=install_model(actor=None, path=package)).state == "active"


@pytest.mark.usefixtures("starter_knowledge")
def test_a_condition_that_nobody_published_is_refused(tmp_path: Path) -> None:
    labels = [{**build.LABELS[0], "condition": "dragon-pox"}, *build.LABELS[1:]]
    with pytest.raises(PackageRefused) as caught:
        install_model(actor=None, path=build.write_package(tmp_path / "p", labels=labels))
    assert (caught.value.code, "dragon-pox" in caught.value.detail) == ("label_unknown_condition", True)
