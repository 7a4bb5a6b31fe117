"""A supervisor at the formulary, in a real browser: from a new medicine to what a phone is answered."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts import background
from medications.admin.sheets import background as sheets
from medications.models import Medication, Treatment
from tests.browser.conftest import Visitor
from tests.browser.pictures import take
from tests.browser.visits import in_the_way

pytestmark = [
    pytest.mark.browser,
    pytest.mark.one_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("starter_knowledge"),
]
Enter = Callable[[], Visitor]


def _admin(name: str) -> str:
    return reverse(f"admin:medications_{name}")


def _fill(page: Page, values: dict[str, str]) -> None:
    """Fill in fields by their ids; what begins with a colon is chosen from a list."""
    for name, value in values.items():
        field = page.locator(f"#id_{name}")
        if value.startswith(":"):
            field.select_option(value[1:])
        else:
            field.fill(value)


def _search(page: Page, name: str, text: str, found: str) -> None:
    """Choose from a list that is searched by typing."""
    page.locator(f"#id_{name} + .select2").click()
    page.keyboard.type(text)
    page.locator(".select2-results__option", has_text=found).first.click()


def _save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


def _add_the_medicine(page: Page) -> None:
    page.goto(_admin("medication_add"))
    _fill(
        page,
        {
            "generic_name": "bifonazole", "atc": "D99AC10", "form": ":cream", "strength": "1%",
            "route": ":topical", "legal_class": ":pharmacy_only", "ingredients": "bifonazole",
            "pharmacological_class": "Imidazole antifungal", "age_min_months": "12", "pregnancy": ":caution",
            "lactation": ":caution",
        },
    )  # fmt: skip
    _search(page, "allergy_classes", "imid", "imidazole antifungals")

    beside = page.locator("#id_atc").locator("xpath=ancestor::div[contains(@class, 'flex-col')][1]")
    expect(beside).to_contain_text("There is no group D99")  # while it is typed, before anything is saved
    _save(page)
    expect(page.locator("#id_atc")).to_have_value("D99AC10")
    expect(beside).to_contain_text("There is no group D99")

    page.locator("#id_atc").fill("D01AC10")
    _save(page)
    expect(page.get_by_text("was added successfully")).to_be_visible()


def _add_the_treatment(page: Page) -> None:
    page.goto(_admin("treatment_add"))
    _search(page, "condition", "tinea corp", "Tinea corporis")
    _search(page, "medication", "bifon", "bifonazole 1% cream")
    page.locator("#id_line").select_option("second")
    regimen = {
        "dose": "thin layer",
        "frequency": "once daily",
        "doses_per_day_high": "1",
        "duration_days": "21",
    }
    _fill(page, {f"regimens-0-{name}": value for name, value in {**regimen, "age_min_months": "144"}.items()})
    page.get_by_role("link", name=re.compile("Add another regimen", re.I)).click()
    second = {**regimen, "age_min_months": "12", "age_max_months": "100", "duration_days": "14"}
    _fill(page, {f"regimens-1-{name}": value for name, value in second.items()})
    _save(page)
    expect(page.get_by_text("No regimen is for patients of 101 to 143 months.").first).to_be_visible()
    page.locator("#id_regimens-1-age_max_months").fill("143")
    _save(page)
    expect(page.get_by_text("was added successfully")).to_be_visible()


def _export_and_edit(page: Page, path: Path, edits: dict[str, dict[str, Any]]) -> None:
    """Export what the import page offers, and write `edits` (by code) into the file."""
    with page.expect_download() as download:
        page.get_by_role("link", name="Export all medicines").click()
    download.value.save_as(path)
    _edit(path, edits)


def _edit(path: Path, edits: dict[str, dict[str, Any]]) -> None:
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    names = [cell.value for cell in sheet[1]]
    for row in sheet.iter_rows(min_row=2):
        for name, value in edits.get(str(row[0].value), {}).items():
            row[names.index(name)].value = value
    book.save(path)


def _row_of(path: Path, code: str) -> int:
    sheet = openpyxl.load_workbook(path).worksheets[0]
    return next(number for number, row in enumerate(sheet.values, 1) if row[0] == code)


def _check_file(page: Page, path: Path) -> None:
    page.locator("#id_import_file").set_input_files(path)
    page.get_by_role("button", name="Check the file").click()


def _import(page: Page, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong file in the request; the right one by a worker, as if it were a long one."""
    page.goto(_admin("medication_import"))
    _export_and_edit(
        page,
        path,
        {
            "bifonazole-1-cream": {"storage": "Below 30 C"},
            "urea-10-cream": {"atc": "D01AC10"},
            "miconazole-2-cream": {"pregnancy": "perhaps"},
        },
    )
    _check_file(page, path)
    expect(page.get_by_role("alert")).to_contain_text("Nothing was written: 2 rows cannot be imported")
    problems = page.locator(".import-problems tbody tr")
    expect(problems).to_have_count(2)
    for code, column, reason in (
        ("urea-10-cream", "atc", "D01AC10 is bifonazole"),
        ("miconazole-2-cream", "pregnancy", "perhaps is not one of the available choices"),
    ):
        named = problems.filter(has_text=reason)
        expect(named).to_contain_text(column)
        expect(named.get_by_role("rowheader")).to_have_text(str(_row_of(path, code)))
    assert Medication.objects.get(code="bifonazole-1-cream").storage == ""

    _edit(path, {"urea-10-cream": {"atc": "D02AE01"}, "miconazole-2-cream": {"pregnancy": "allowed"}})
    monkeypatch.setattr(sheets, "IN_REQUEST", 1)
    _check_file(page, path)
    _is_done_by_a_worker(page)
    expect(page.get_by_role("heading", name="0 new, 1 changed, 60 unchanged")).to_be_visible()
    expect(page.get_by_role("region", name="Row")).to_contain_text("Below 30 C")
    page.get_by_role("button", name="Import 1 row").click()
    _is_done_by_a_worker(page)
    expect(page.get_by_text("Imported: 0 new, 1 changed")).to_be_visible()


def _is_done_by_a_worker(page: Page) -> None:
    expect(page.get_by_role("progressbar")).to_be_visible()
    assert in_the_way(page) == []
    take(page, "import/waiting")
    assert background.run_due() == 1
    expect(page.get_by_role("progressbar")).to_be_hidden()  # the page goes on by itself
    take(page, "import/done")


def test_a_new_medicine_goes_from_the_form_through_a_file_to_the_phones(
    visitor: Enter,
    yaw: Any,
    abena: Any,
    ama: Any,
    as_user: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proposer = visitor()
    page = proposer.sign_in(yaw)
    _add_the_medicine(page)
    _add_the_treatment(page)
    _import(page, tmp_path / "medicines.xlsx", monkeypatch)
    assert proposer.sideways() == 0

    where = "/api/v1/medications/bifonazole-1-cream"
    assert as_user(ama).get(where).status_code == 404
    page.goto(_admin("formularyrelease_add"))
    page.locator("#id_title").fill("Bifonazole for ringworm")
    page.get_by_role("button", name="Propose", exact=True).click()
    expect(page.get_by_role("button", name="Approve, so that it takes effect")).to_be_disabled()

    approver = visitor()
    page = approver.sign_in(abena)
    page.goto(_admin("formularyrelease_changelist"))
    page.get_by_role("link", name="Bifonazole for ringworm", exact=True).click()
    page.get_by_role("button", name="Approve, so that it takes effect").click()
    expect(page.get_by_text("is now in force")).to_be_visible()

    told = as_user(ama).get(where).json()
    assert (told["storage"], told["review_state"]) == ("Below 30 C", "reviewed")
    assert told["allergy_classes"] == ["imidazoles"]
    (treatment,) = told["treatments"]
    assert [each["duration_days"] for each in treatment["regimens"]] == [14, 21]


def test_a_supervisor_changes_many_and_reads_it_in_the_history(visitor: Enter, yaw: Any) -> None:
    cream = Medication.objects.get(code="aciclovir-5-cream")
    cream.save()  # the fixture's rows come without a history
    supervisor = visitor()
    page = supervisor.sign_in(yaw)
    page.goto(_admin("medication_changelist") + "?q=aciclovir")
    for box in page.locator("#result_list input.action-select").all():
        box.check()
    page.locator("select[name=action]").select_option("change_many")
    page.get_by_role("button", name="Run").click()
    page.locator("#id_change_storage").check()
    page.locator("#id_to_storage").fill("Below 30 C, dry")
    page.locator("#id_add_cautions").fill("Wash the hands after use")
    page.get_by_role("button", name="Show what would change").click()
    expect(page.get_by_role("heading", name="2 of 2 medicines would change")).to_be_visible()
    expect(page.locator("ins", has_text="Wash the hands after use")).to_have_count(2)
    assert supervisor.sideways() == 0
    page.get_by_role("button", name="Change 2 medicines").click()
    expect(page.get_by_text("2 medicines were changed.")).to_be_visible()

    page.goto(reverse("admin:medications_medication_history", args=[cream.pk]))
    edit = page.locator(".edits > li").first
    expect(edit).to_contain_text("Yaw Owusu")
    expect(edit).to_contain_text("edit of 2 medicines together")
    expect(edit.locator("ins", has_text="Wash the hands after use")).to_be_visible()


def test_a_gap_between_two_bands_is_said_while_it_is_typed(visitor: Enter, yaw: Any) -> None:
    treatment = Treatment.objects.get(code="scabies--ivermectin-3-tablet")
    page = visitor().sign_in(yaw)
    page.goto(reverse("admin:medications_treatment_change", args=[treatment.pk]))
    weight = page.locator("#id_regimens-1-weight_min_kg")
    weight.fill("27")
    weight.blur()
    expect(page.locator(".live-error")).to_have_text("No regimen is for patients from 25 to below 27 kg.")
    expect(weight).to_have_attribute("aria-invalid", "true")
    weight.fill("25")
    weight.blur()
    expect(page.locator(".live-error")).to_have_count(0)
    _save(page)  # six regimens are more fields than most limits allow
    expect(page.get_by_text("was changed successfully")).to_be_visible()
