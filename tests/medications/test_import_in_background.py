"""A file of many rows is judged and stored by a worker, behind the same pages."""

import io
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts import background
from accounts.audit.models import AuditEvent
from accounts.models import AccountState, BackgroundJob, User
from medications.admin.sheets import background as sheets
from medications.models import Medication

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("starter_knowledge", "own_store"),
    pytest.mark.one_database,
]
IMPORT = reverse("admin:medications_medication_import")
State = BackgroundJob.State


@pytest.fixture(autouse=True)
def _long_from_the_first_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "IN_REQUEST", 1)


@pytest.fixture
def supervisor(yaw: User) -> Client:
    client = Client()
    client.force_login(yaw)
    return client


def _book(storage: str, code: str = "urea-10-cream") -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ("code", "generic_name", "storage"),
        (code, "urea", storage),
        ("permethrin-5-cream", "permethrin", "Cool"),
    ):
        sheet.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _upload(client: Client, content: bytes) -> BackgroundJob:
    file = SimpleUploadedFile("many.xlsx", content)
    answer = client.post(IMPORT, {"import_file": file, "format": "0", "resource": "0"})
    job = BackgroundJob.objects.latest("id")
    assert answer["Location"] == background.address(job), answer.content
    return job


def _confirm(client: Client, checked: BackgroundJob) -> Any:
    checked.refresh_from_db()
    page = client.get(checked.link)
    form = page.context["confirm_form"]
    data = {name: form.initial.get(name, "") for name in form.fields}
    return client.post(reverse("admin:medications_medication_process_import"), data)


def _ended(job: BackgroundJob) -> BackgroundJob:
    job.refresh_from_db()
    return job


def test_a_long_file_is_judged_shown_confirmed_and_stored(supervisor: Client, yaw: User) -> None:
    checked = _upload(supervisor, _book("Below 30 C"))
    assert "It waits for a worker" in supervisor.get(background.address(checked)).content.decode()
    assert background.run_due() == 1
    told = supervisor.get(reverse("admin:accounts_backgroundjob_state", args=[checked.pk])).json()
    assert (told["live"], told["said"]) == (False, "The file was read: 0 new, 2 changed.")
    preview = supervisor.get(told["onward"]).content.decode()
    assert "0 new, 2 changed, 0 unchanged" in preview
    assert "Below 30 C" in preview
    assert Medication.objects.get(code="urea-10-cream").storage != "Below 30 C"

    answer = _confirm(supervisor, checked)
    job = BackgroundJob.objects.latest("id")
    assert answer["Location"] == background.address(job)
    assert background.run_due() == 1

    urea = Medication.objects.get(code="urea-10-cream")
    assert urea.storage == "Below 30 C"
    entry = urea.history.first()
    assert entry is not None
    assert (entry.history_user, entry.history_change_reason) == (yaw, "import of many.xlsx")
    events = AuditEvent.objects.filter(request_id=str(job.pk))
    assert {event.actor_id for event in events} == {str(yaw.pk)}
    page = supervisor.get(background.address(job)).content.decode()
    assert "Imported: 0 new, 2 changed, 0 unchanged" in page
    assert reverse("admin:medications_medication_changelist") in page


def test_a_wrong_row_is_named_and_nothing_can_be_confirmed(supervisor: Client) -> None:
    checked = _upload(supervisor, _book("Below 30 C", code="not a code!"))
    assert background.run_due() == 1

    page = supervisor.get(_ended(checked).link)

    assert page.context["bad_rows"] == 1
    assert page.context["problems"][0].row == 2
    assert "confirm_form" not in page.context


def test_an_edit_while_rows_are_judged_stops_the_import(
    supervisor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = _upload(supervisor, _book("Below 30 C"))
    background.run_due()
    _confirm(supervisor, checked)
    job = BackgroundJob.objects.latest("id")
    write_now = background.Run.write_now

    def edited(run: background.Run, step: str = "Writing") -> None:
        Medication.objects.get(code="urea-10-cream").save()
        write_now(run, step)

    monkeypatch.setattr(background.Run, "write_now", edited)
    assert background.run_due() == 0

    assert "Somebody changed the formulary since you looked. Nothing was written" in _ended(job).error
    assert Medication.objects.get(code="permethrin-5-cream").storage != "Cool"
    page = supervisor.get(background.address(job)).content.decode()
    assert "It did not work" in page
    assert IMPORT in page


def test_who_may_not_any_more_imports_nothing(supervisor: Client, yaw: User) -> None:
    checked = _upload(supervisor, _book("Below 30 C"))
    background.run_due()
    _confirm(supervisor, checked)
    job = BackgroundJob.objects.latest("id")
    User.objects.filter(pk=yaw.pk).update(state=AccountState.DEACTIVATED)

    assert background.run_due() == 0

    assert _ended(job).state == State.FAILED
    assert Medication.objects.get(code="urea-10-cream").storage != "Below 30 C"


def test_a_worker_that_dies_while_it_writes_leaves_nothing_and_another_takes_it_up(
    supervisor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = _upload(supervisor, _book("Below 30 C"))
    background.run_due()
    _confirm(supervisor, checked)
    job = BackgroundJob.objects.latest("id")

    class Killed(BaseException):
        pass

    def die(run: background.Run, done: background.Done) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(background.Run, "settle", die)
        with pytest.raises(Killed):
            background.run_due()
    assert Medication.objects.get(code="urea-10-cream").storage != "Below 30 C"
    assert _ended(job).state == State.RUNNING
    assert background.run_due() == 0, "its lease is not over"

    BackgroundJob.objects.filter(pk=job.pk).update(lease_until=job.created_at)
    assert background.run_due() == 1
    assert _ended(job).state == State.SUCCEEDED
    assert Medication.objects.get(code="urea-10-cream").storage == "Below 30 C"


def test_a_stranger_sees_neither_the_job_nor_what_it_found(
    supervisor: Client, abena: User, adjoa: User
) -> None:
    checked = _upload(supervisor, _book("Below 30 C"))
    background.run_due()
    other = Client()
    other.force_login(abena)
    for address in (
        _ended(checked).link,
        background.address(checked),
        reverse("admin:accounts_backgroundjob_state", args=[checked.pk]),
    ):
        assert other.get(address).status_code == 404, address
    assert "many.xlsx" not in other.get(reverse("admin:accounts_backgroundjob_changelist")).content.decode()
    operator = Client()
    operator.force_login(adjoa)
    assert operator.get(background.address(checked)).status_code == 200
