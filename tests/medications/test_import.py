"""Medicines and treatments as spreadsheets: out of the admin, and in again."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent
from medications.admin.sheets import workbook
from medications.models import Interaction, Medication, Regimen, Treatment
from tests.cast import PASSWORD

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("starter_knowledge", "own_store"),
    pytest.mark.one_database,
]
Row = dict[str, Any]
Edit = Callable[[list[Row]], None]


def _signed_in(person: Any) -> Client:
    client = Client()
    assert client.login(username=person.email, password=PASSWORD)
    return client


@pytest.fixture
def supervisor(yaw: Any) -> Client:
    return _signed_in(yaw)


def _url(model: str, name: str) -> str:
    return reverse(f"admin:medications_{model}_{name}")


def _exported(client: Client, model: str, **query: str) -> tuple[list[str], list[Row]]:
    answer = client.get(_url(model, "export"), query)
    assert answer.status_code == 200
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0]
    names, *rows = ([cell.value for cell in row] for row in sheet.iter_rows())
    return [str(name) for name in names], [dict(zip(names, row, strict=True)) for row in rows]


def _book(rows: list[Row], names: list[str] | None = None) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    names = names or list(dict.fromkeys(name for row in rows for name in row))
    sheet.append(names)
    for row in rows:
        sheet.append([row.get(name) for name in names])
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _upload(client: Client, model: str, content: bytes, name: str = "formulary.xlsx") -> Any:
    file = SimpleUploadedFile(name, content)
    return client.post(_url(model, "import"), {"import_file": file, "format": "0", "resource": "0"})


def _confirm(client: Client, model: str, page: Any) -> Any:
    form = page.context["confirm_form"]
    data = {name: form.initial.get(name, "") for name in form.fields}
    return client.post(_url(model, "process_import"), data, follow=True)


def _problems(page: Any) -> list[tuple[int, str, str]]:
    return [tuple(problem) for problem in page.context["problems"]]


def _row(rows: list[Row], code: str) -> Row:
    return next(row for row in rows if row["code"] == code)


NEW_MEDICINE: Row = {
    "code": "bifonazole-1-cream", "generic_name": "bifonazole", "atc": "D01AC10", "form": "cream",
    "strength": "1%", "route": "topical", "legal_class": "pharmacy_only", "ingredients": "bifonazole",
    "pharmacological_class": "Imidazole antifungal", "allergy_classes": "imidazoles", "age_min_months": 12,
    "pregnancy": "caution", "lactation": "caution", "counselling_points": "Once a day.\nWash your hands.",
    "interactions": "minor; class; latex-barrier-contraceptives; may weaken latex",
    "body_site_restrictions": "eyelids", "confidence": "unverified",
    "sources": '[{"id": "bnf", "document": "British National Formulary"}]',
}  # fmt: skip


@pytest.mark.parametrize("model", ["medication", "treatment"])
def test_what_was_exported_says_nothing_new_when_it_comes_back(supervisor: Client, model: str) -> None:
    answer = supervisor.get(_url(model, "export"))
    page = _upload(supervisor, model, answer.content)
    assert _problems(page) == []
    counts = page.context["counts"]
    assert (counts["new"], counts["changed"]) == (0, 0)
    assert counts["unchanged"] == counts["rows"] > 50
    assert "There is nothing to import" in page.content.decode()


def test_an_export_says_how_sure_and_how_reviewed_each_item_is(supervisor: Client) -> None:
    _, rows = _exported(supervisor, "medication", q="clotrimazole")
    assert {row["generic_name"] for row in rows} == {"clotrimazole", "clotrimazole + hydrocortisone"}
    cream = _row(rows, "clotrimazole-1-cream")
    assert cream["confidence"] == "confirmed"
    assert cream["review_state"] == "starter content, not reviewed"


def test_a_change_is_shown_before_and_after_and_written_only_when_confirmed(
    supervisor: Client, yaw: Any
) -> None:
    names, rows = _exported(supervisor, "medication")
    _row(rows, "urea-10-cream")["storage"] = "Below 30 C"
    page = _upload(supervisor, "medication", _book([*rows, NEW_MEDICINE], names))
    assert _problems(page) == []
    assert page.context["counts"] == {"new": 1, "changed": 1, "unchanged": 60 - 1, "rows": 61}
    changed = next(row for row in page.context["changing"] if row.name == "urea-10-cream")
    before = Medication.objects.get(code="urea-10-cream").storage
    assert [(each.label, each.before, each.after) for each in changed.changes] == [
        ("Storage", before, "Below 30 C")
    ]
    assert "starter content, not reviewed" in changed.state
    assert not Medication.objects.filter(code="bifonazole-1-cream").exists()

    done = _confirm(supervisor, "medication", page)
    assert "Imported: 1 new, 1 changed, 59 unchanged" in done.content.decode()
    urea = Medication.objects.get(code="urea-10-cream")
    assert (urea.storage, urea.content_state) == ("Below 30 C", "edited_unreviewed")
    latest = urea.history.first()
    assert latest is not None
    assert (latest.history_user, latest.history_change_reason) == (yaw, "import of formulary.xlsx")
    new = Medication.objects.get(code="bifonazole-1-cream")
    assert new.counselling_points == ["Once a day.", "Wash your hands."]
    entry = new.interactions.get()
    assert (entry.kind, entry.other, entry.severity) == ("class", "latex-barrier-contraceptives", "minor")
    told = AuditEvent.objects.filter(actor_id=yaw.pk, action__startswith="knowledge.")
    assert sorted(event.action for event in told) == [
        "knowledge.edited", "knowledge.edited", "knowledge.loaded",
    ]  # fmt: skip


def test_two_bad_rows_are_named_and_nothing_is_written(supervisor: Client) -> None:
    names, rows = _exported(supervisor, "medication")
    _row(rows, "urea-10-cream")["storage"] = "Below 30 C"
    rows[2]["atc"] = "D99AA01"
    rows[7]["age_min_months"] = "a year"
    page = _upload(supervisor, "medication", _book([*rows, NEW_MEDICINE], names))
    assert _problems(page) == [
        (4, "atc", "There is no group D99 in the ATC index."),
        (9, "age_min_months", "Enter a whole number."),
    ]
    assert "Nothing was written: 2 rows cannot be imported" in page.content.decode()
    assert "confirm_form" not in page.context
    assert Medication.objects.filter(content_state="edited_unreviewed").count() == 0
    assert Medication.objects.count() == 60


def test_each_rule_of_the_form_is_a_rule_of_the_file(supervisor: Client) -> None:
    table: list[tuple[Row, str, str]] = [
        ({"legal_class": "D"}, "legal_class", "Select a valid choice"),
        ({"atc": "J01AA02"}, "atc", "used on the skin"),
        ({"atc": "D01AC01"}, "atc", "D01AC01 is clotrimazole"),
        ({"scored": "perhaps"}, "scored", "Write yes, no or nothing."),
        ({"ingredients": None}, "ingredients", "This field is required."),
        ({"allergy_classes": "moonstones"}, "allergy_classes", "There is no allergy class"),
        ({"storage": "=1+1"}, "storage", "This is a formula."),
        ({"storage": "#REF!"}, "storage", "The spreadsheet shows an error here"),
        ({"interactions": "major, warfarin"}, "interactions", "Line 1: Write it as: severity;"),
        ({"interactions": "major; class; moon; x"}, "interactions", "There is no interaction class"),
        ({"pack_size": 20}, "pack_unit", "Give the size and its unit"),
        ({"sources": "the BNF"}, "sources", "Line 1, column 1"),
        ({"code": "Bifonazole!"}, "code", "Lower-case letters"),
        ({"form": "capsule"}, "route", "is taken by mouth"),
    ]
    rows = [
        {**NEW_MEDICINE, "code": f"bifonazole-{place}", **edit} for place, (edit, _, _) in enumerate(table)
    ]
    problems = _problems(_upload(supervisor, "medication", _book(rows)))
    assert [(row, column) for row, column, _ in problems] == [
        (place, column) for place, (_, column, _) in enumerate(table, 2)
    ]
    for (_, _, said), (_, _, reason) in zip(problems, table, strict=True):
        assert reason in said


def test_choices_may_be_written_as_the_admin_shows_them(supervisor: Client) -> None:
    row = {**NEW_MEDICINE, "legal_class": "c: OVER the counter", "scored": "No"}
    page = _upload(supervisor, "medication", _book([row]))
    _confirm(supervisor, "medication", page)
    new = Medication.objects.get(code="bifonazole-1-cream")
    assert (new.legal_class, new.scored) == ("otc", False)


def test_columns_that_are_left_out_keep_what_they_say(supervisor: Client) -> None:
    before = Medication.objects.get(code="urea-10-cream")
    content = _book([{"code": "urea-10-cream", "generic_name": "urea", "age_min_months": 24}])
    _confirm(supervisor, "medication", _upload(supervisor, "medication", content))
    after = Medication.objects.get(code="urea-10-cream")
    assert after.age_min_months == 24
    assert after.counselling_points == before.counselling_points
    assert after.interactions.count() == before.interactions.count()


def test_interactions_of_a_cell_are_all_that_the_medicine_has(supervisor: Client) -> None:
    medicine = Medication.objects.get(code="miconazole-2-cream")
    assert medicine.interactions.count() == 2
    line = "major; medicine; Warfarin; monitor INR"
    row = {"code": medicine.code, "generic_name": medicine.generic_name, "interactions": line}
    _confirm(supervisor, "medication", _upload(supervisor, "medication", _book([row])))
    assert [str(entry) for entry in medicine.interactions.all()] == ["major with warfarin"]
    gone = Interaction.history.filter(medication_id=medicine.pk, history_type="-").get()
    assert gone.history_change_reason == "import of formulary.xlsx"


def test_the_same_medicine_twice_is_refused(supervisor: Client) -> None:
    page = _upload(supervisor, "medication", _book([NEW_MEDICINE, NEW_MEDICINE]))
    assert _problems(page) == [(3, "code", "Row 2 is for the same medicine.")]


def test_unknown_and_missing_columns_refuse_the_file(supervisor: Client) -> None:
    page = _upload(supervisor, "medication", _book([{"code": "x", "colour": "red"}]))
    assert _problems(page) == [(0, "", "There is no column 'colour'. The column 'generic_name' is missing.")]


def test_a_value_beside_the_named_columns_is_not_overlooked(supervisor: Client) -> None:
    book = openpyxl.load_workbook(io.BytesIO(_book([NEW_MEDICINE])))
    book.worksheets[0].cell(2, 60, "lost")
    target = io.BytesIO()
    book.save(target)
    page = _upload(supervisor, "medication", target.getvalue())
    assert _problems(page) == [(2, "", "There is a value in column BH, which has no name.")]


# --- treatments ----------------------------------------------------------------------------------
def _regimens(rows: list[Row], code: str) -> list[Row]:
    return [row for row in rows if row["code"] == code]


CETIRIZINE = "urticaria--cetirizine-10-tablet"


def test_a_regimen_is_changed_by_its_row(supervisor: Client, yaw: Any) -> None:
    names, rows = _exported(supervisor, "treatment", q="cetirizine-10")
    _regimens(rows, CETIRIZINE)[1]["instructions"] = "At night."
    page = _upload(supervisor, "treatment", _book(rows, names))
    (changed,) = page.context["changing"]
    assert changed.name == f"{CETIRIZINE}, regimen 2"
    _confirm(supervisor, "treatment", page)
    treatment = Treatment.objects.get(code=CETIRIZINE)
    assert treatment.content_state == "edited_unreviewed"
    regimen = list(treatment.regimens.all())[1]
    assert regimen.instructions == "At night."
    latest = regimen.history.first()
    assert latest is not None
    assert latest.history_user == yaw


def test_each_rule_of_regimens_holds_for_files(supervisor: Client) -> None:
    names, rows = _exported(supervisor, "treatment")
    papular, loratadine = "papular-urticaria--cetirizine-10-tablet", "urticaria--loratadine-10-tablet"
    ivermectin, scabies = "scabies--ivermectin-3-tablet", "scabies--chlorphenamine-4-tablet"
    chlorphenamine, syrup = "urticaria--chlorphenamine-4-tablet", "varicella--chlorphenamine-2-5-syrup"
    paracetamol, impetigo = (
        "furuncle-abscess--paracetamol-500-tablet",
        "impetigo--erythromycin-125-5-suspension",
    )
    table: list[tuple[str, int, Row, str, str]] = [
        (CETIRIZINE, 0, {"dose_mg_low": 7, "dose_mg_high": 7}, "dose_mg_low", "7 mg cannot be given"),
        (papular, 0, {"dose_mg_low": 20, "dose_mg_high": 20}, "dose_mg_high", "Above the most at once"),
        (scabies, 1, {"age_max_months": 100}, "age_min_months", "patients of 101 to 143 months."),
        (chlorphenamine, 1, {"age_max_months": 150}, "age_min_months", "some of the same patients"),
        (loratadine, 0, {"duration_days": 90}, "duration_days", "only for up to"),
        (paracetamol, 0, {"mg_per_kg_high": 2}, "mg_per_kg_high", "not both"),
        (ivermectin, 1, {"weight_min_kg": 27}, "weight_min_kg", "patients from 25 to below 27 kg"),
        (syrup, 0, {"dose_ml_low": 5, "dose_ml_high": 5}, "dose_ml_low", "5 mL hold 2 mg, not 1 mg"),
        (impetigo, 1, {"line": "first"}, "line", "of the same treatment says otherwise"),
    ]
    for code, place, edit, _, _ in table:
        _regimens(rows, code)[place].update(edit)
    before = Regimen.history.count()
    told = {
        (column, said) for _, column, said in _problems(_upload(supervisor, "treatment", _book(rows, names)))
    }
    for code, _, _, column, reason in table:
        assert any(column == at and reason in said for at, said in told), (code, column, told)
    assert Regimen.history.count() == before


def test_rows_that_cannot_be_placed_are_named(supervisor: Client) -> None:
    names, rows = _exported(supervisor, "treatment", q="cetirizine-10")
    first, second = _regimens(rows, CETIRIZINE)
    bad = [
        first,
        second | {"regimen": 1},
        second | {"regimen": 9},
        first | {"medication": "moonstone-1-tablet"},
        first | {"condition": "moon-rash"},
        first | {"condition": None},
    ]
    problems = _problems(_upload(supervisor, "treatment", _book(bad, names)))
    assert problems == [
        (3, "regimen", "Another row is for the same regimen."),
        (4, "regimen", "Write a number from 1 to 3, or nothing for a new one."),
        (5, "medication", "There is no medicine with this code."),
        (6, "condition", problems[3][2]),
        (7, "condition", "Every row names its condition and its medicine."),
    ]
    assert "moon-rash is not one of the available choices" in problems[3][2]


def test_regimens_that_the_file_leaves_out_are_judged_with_it(supervisor: Client) -> None:
    names, rows = _exported(supervisor, "treatment", q="cetirizine-10")
    first = _regimens(rows, CETIRIZINE)[0] | {"age_min_months": 100}
    (problem,) = _problems(_upload(supervisor, "treatment", _book([first], names)))
    assert problem[0] == 2
    assert "same patients" in problem[2]


def test_a_new_treatment_with_two_regimens(supervisor: Client) -> None:
    shared = {
        "condition": "pityriasis-rosea", "medication": "cetirizine-10-tablet", "line": "adjunct",
        "confidence": "unverified", "frequency": "once daily", "doses_per_day_high": 1, "duration_days": 7,
    }  # fmt: skip
    rows = [
        {**shared, "dose": "10 mg", "dose_mg_high": 10, "max_single_mg": 10, "age_min_months": 144},
        {
            "condition": "pityriasis-rosea", "medication": "cetirizine-10-tablet", "dose": "5 mg",
            "dose_mg_high": 5, "frequency": "once daily", "doses_per_day_high": 1, "age_min_months": 72,
            "age_max_months": 143,
        },
    ]  # fmt: skip
    page = _upload(supervisor, "treatment", _book(rows))
    assert _problems(page) == []
    _confirm(supervisor, "treatment", page)
    treatment = Treatment.objects.get(code="pityriasis-rosea--cetirizine-10-tablet")
    assert [str(each) for each in treatment.regimens.all()] == ["10 mg, once daily", "5 mg, once daily"]
    assert treatment.regimens.first().dose_mg_low == 10  # type: ignore[union-attr]


# --- who, and when -------------------------------------------------------------------------------
def test_only_who_may_curate_may_import(efua: Any, adjoa: Any, supervisor: Client) -> None:
    page = _upload(supervisor, "medication", _book([NEW_MEDICINE]))
    for person, model in ((efua, "medication"), (adjoa, "treatment")):
        client = _signed_in(person)
        assert client.get(_url(model, "import")).status_code == 403
        assert _upload(client, model, _book([NEW_MEDICINE])).status_code == 403
        assert _confirm(client, "medication", page).status_code == 403
        assert client.get(_url(model, "export")).status_code == 200
        assert _url(model, "import") not in client.get(_url(model, "changelist")).content.decode()
    assert not Medication.objects.filter(code="bifonazole-1-cream").exists()


def test_a_preview_is_for_the_one_who_saw_it_and_for_once(supervisor: Client, abena: Any) -> None:
    page = _upload(supervisor, "medication", _book([NEW_MEDICINE]))
    other = _confirm(_signed_in(abena), "medication", page)
    assert "Somebody else looked at this file" in other.content.decode()
    assert "Imported: 1 new" in _confirm(supervisor, "medication", page).content.decode()
    assert "confirmed already" in _confirm(supervisor, "medication", page).content.decode()
    assert not default_storage.listdir("formulary-imports")[1]


def test_what_changed_since_the_preview_is_looked_at_again(supervisor: Client) -> None:
    content = _book([{"code": "urea-10-cream", "generic_name": "urea", "age_min_months": 24}])
    page = _upload(supervisor, "medication", content)
    Medication.objects.filter(code="urea-10-cream").update(age_min_months=36)
    done = _confirm(supervisor, "medication", page)
    assert "Somebody changed the formulary since you looked" in done.content.decode()
    assert Medication.objects.get(code="urea-10-cream").age_min_months == 36


def test_a_made_up_ticket_opens_no_file(supervisor: Client) -> None:
    data = {"import_file_name": "../../etc/passwd", "original_file_name": "x", "format": "0", "ticket": "x"}
    done = supervisor.post(_url("medication", "process_import"), data, follow=True)
    assert "This preview is too old" in done.content.decode()


# --- hostile files -------------------------------------------------------------------------------
def _zipped(parts: dict[str, bytes], base: bytes) -> bytes:
    """`base` with some of its parts replaced."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(base)) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in {*old.namelist(), *parts}:
            new.writestr(name, parts.get(name) or old.read(name))
    return target.getvalue()


_SPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def _sheet_xml(body: str, head: str = "") -> bytes:
    sheet = f'<worksheet xmlns="{_SPACE}"><sheetData>{body}</sheetData></worksheet>'
    return f'<?xml version="1.0"?>{head}{sheet}'.encode()


def _far_row(number: int) -> bytes:
    cell = "<c><v>1</v></c>"
    return _sheet_xml(f'<row r="1">{cell}</row><row r="{number}">{cell}</row>')


_SHEET = "xl/worksheets/sheet1.xml"
_LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda base: b"not a workbook", "This is not an XLSX file."),
        (lambda base: base[: len(base) // 2], "This is not an XLSX file."),
        (lambda base: b"\0" * (workbook.MAX_BYTES + 1), "larger than 5 MB"),
        (lambda base: _zipped({"xl/worksheets/big.xml": b" " * (70 << 20)}, base), "unpacks to more"),
        (lambda base: _zipped({"xl/styles.xml": b" " * (2 << 20)}, base), "xl/styles.xml of the file"),
        (lambda base: _zipped({_SHEET: _sheet_xml("", _LAUGHS)}, base), "declares a document type"),
        (lambda base: _zipped({_SHEET: _sheet_xml("<row>" + "<c/>" * 2000 + "</row>")}, base), "more cells"),
        (lambda base: _zipped({_SHEET: b"<broken"}, base), "cannot be read as an XLSX workbook"),
        (lambda base: _zipped({_SHEET: _sheet_xml("")}, base), "first row must hold the names"),
        (lambda base: _zipped({_SHEET: _far_row(10**15)}, base), "more rows than a workbook can have"),
        (lambda base: _zipped({_SHEET: _far_row(1_048_577)}, base), "more rows than a workbook can have"),
        (lambda base: _zipped({_SHEET: _far_row(20_000)}, base), "more than 10,000 rows"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_refused_with_its_reason(content: Callable[[bytes], bytes], reason: str) -> None:
    with pytest.raises(workbook.WorkbookRefused, match=reason):
        workbook.read(content(_book([NEW_MEDICINE])))


def test_the_reason_stands_beside_the_file(supervisor: Client) -> None:
    page = _upload(supervisor, "medication", b"not a workbook")
    assert page.context["form"].errors["import_file"] == ["This is not an XLSX file."]
    assert "confirm_form" not in page.context
    page = _upload(supervisor, "medication", b"x" * (workbook.MAX_BYTES + 1))
    assert page.context["form"].errors["import_file"] == ["The file is larger than 5 MB."]


def test_more_rows_than_the_limit_are_refused() -> None:
    rows = "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c></row>' for n in range(1, workbook.MAX_ROWS + 3))
    with pytest.raises(workbook.WorkbookRefused, match="more than 10,000 rows"):
        workbook.read(_zipped({_SHEET: _sheet_xml(rows)}, _book([NEW_MEDICINE])))


def test_no_cell_of_an_export_is_a_formula(supervisor: Client) -> None:
    Medication.objects.filter(code="urea-10-cream").update(
        storage='=HYPERLINK("http://x")', nhis_note="+1", brand_examples=["@SUM(A1)"], allergy_note="-2"
    )
    answer = supervisor.get(_url("medication", "export"))
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    risky = [cell for cell in cells if isinstance(cell.value, str) and cell.value[0] in "=+-@"]
    assert len(risky) == 4
    assert all(cell.quotePrefix for cell in risky)
    assert page_is_unchanged(_upload(supervisor, "medication", answer.content))


def page_is_unchanged(page: Any) -> bool:
    return _problems(page) == [] and page.context["counts"]["changed"] == 0


def test_uploads_that_nobody_confirmed_are_cleared_away(supervisor: Client) -> None:
    import os

    _upload(supervisor, "medication", _book([NEW_MEDICINE]))
    (left,) = default_storage.listdir("formulary-imports")[1]
    os.utime(default_storage.path(f"formulary-imports/{left}"), (0, 0))
    _upload(supervisor, "medication", _book([NEW_MEDICINE]))
    assert left not in default_storage.listdir("formulary-imports")[1]
