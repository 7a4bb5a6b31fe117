"""The container files say what the README of that folder promises."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.services.stack import ROOT

DOCKER = ROOT / "docker"
OURS = ("prepare", "web", "worker", "worker-bulk", "sealer", "scheduler")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    return loaded


def test_every_service_has_a_health_check(compose: dict[str, Any]) -> None:
    without = [
        name
        for name, service in compose["services"].items()
        if "healthcheck" not in service and name != "web"  # the image's own
    ]
    assert without == []
    assert "HEALTHCHECK" in (DOCKER / "Dockerfile").read_text()


@pytest.mark.parametrize("name", OURS)
def test_our_containers_are_read_only_and_without_rights(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_image_runs_as_somebody_unprivileged() -> None:
    users = re.findall(r"^USER (.+)$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE)
    assert users == ["10001:10001"]


def test_no_secret_stands_in_the_compose_file(compose: dict[str, Any]) -> None:
    environment = compose["services"]["web"]["environment"]
    secret = [name for name in environment if re.search(r"KEY|TOKEN|PASSWORD|_URL", name)]
    plain = {"PUBLIC_URL", "S3_ENDPOINT_URL", "EMAIL_URL"}
    assert all(name.endswith("_FILE") for name in secret if name not in plain)


def test_images_are_named_by_tag_without_a_registry(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        name, _, tag = service["image"].partition(":")
        assert tag
        assert tag != "latest"
        assert "." not in name.split("/")[0]


def test_every_secret_is_made_once_by_the_script(compose: dict[str, Any], tmp_path: Path) -> None:
    shutil.copy(DOCKER / "make-secrets.sh", tmp_path)
    subprocess.run(["sh", tmp_path / "make-secrets.sh"], check=True, capture_output=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    wanted = {Path(secret["file"]).name for secret in compose["secrets"].values()}
    assert set(made) == wanted
    assert all(made.values())
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    again = subprocess.run(["sh", tmp_path / "make-secrets.sh"], check=True, capture_output=True)
    assert again.stdout == b""


def test_secrets_stay_out_of_the_image_and_of_git() -> None:
    assert "docker/secrets" in (DOCKER / "Dockerfile.dockerignore").read_text()
    assert "secrets/" in (DOCKER / ".gitignore").read_text()


def test_static_files_are_collected_under_secrets_that_nobody_keeps(tmp_path: Path) -> None:
    """A stand-in for Python notes what it is asked to do; compressing for real takes a minute."""
    stand_in = tmp_path / "python"
    stand_in.write_text('#!/bin/sh\ncase "$1" in -c) echo made-up ;; *) echo "$@"; env >"$NOTES" ;; esac\n')
    stand_in.chmod(0o755)
    notes = tmp_path / "notes"
    environment = {"PYTHON": str(stand_in), "PATH": "/usr/bin:/bin", "NOTES": str(notes)}
    script = ["sh", str(DOCKER / "collect-static.sh"), str(tmp_path / "static")]
    done = subprocess.run(script, check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "manage.py collectstatic --no-input --verbosity 0"
    told = dict(line.partition("=")[::2] for line in notes.read_text().splitlines())
    assert told["DERMATECH_ENV"] == "production"
    assert told["STATIC_ROOT"] == str(tmp_path / "static")
    assert told["FIELD_KEYS"] == "build:made-up"
    assert not Path(told["DATA_DIR"]).exists(), "what it needed for itself is gone"


def test_more_of_everything_is_one_file_more(compose: dict[str, Any]) -> None:
    class Merging(yaml.SafeLoader):
        """Knows the tag that takes something back."""

    Merging.add_constructor("!reset", lambda *_: [])
    loaded = yaml.load((DOCKER / "compose.scale.yaml").read_text(), Loader=Merging)
    services = loaded["services"]
    assert set(services) - {"balancer"} <= set(compose["services"])
    assert services["web"]["ports"] == []
    for name in ("web", "worker", "worker-bulk"):
        assert services[name]["deploy"]["replicas"]
    queues = {services["worker"]["environment"]["WORKER_QUEUES"]}
    queues.add(compose["services"]["worker-bulk"]["environment"]["WORKER_QUEUES"])
    assert queues == {"interactive", "bulk,shadow"}
    assert services["balancer"]["read_only"] is True
    assert services["balancer"]["cap_drop"] == ["ALL"]


def test_the_balancer_takes_requests_in_whole() -> None:
    text = (DOCKER / "nginx.conf").read_text()
    assert "proxy_request_buffering on;" in text
    assert text.count("{") == text.count("}")


def test_every_volume_and_network_is_declared(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert set(service.get("networks", ())) <= set(compose["networks"])
        named = {volume.partition(":")[0] for volume in service.get("volumes", ())}
        assert {name for name in named if not name.startswith(".")} <= set(compose["volumes"])
