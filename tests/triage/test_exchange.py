"""The knowledge out as files and in again: what would change is shown before anything does."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.audit.models import AuditEvent
from dermatech.core.errors import Conflict, Forbidden, Unprocessable
from triage import services
from triage.models import Condition, ConditionProfile, ContentState, Guideline
from triage.services import exchange

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("starter_knowledge"),
    pytest.mark.one_database,
]


def document(**tables: Any) -> exchange.Incoming:
    content = {"format": "dermatech-guidelines", "version": 1, "tables": tables}
    return exchange.read_set(json.dumps(content).encode())


def test_what_goes_out_comes_in_unchanged() -> None:
    planned = exchange.plan(exchange.read_set(exchange.export_set()))
    assert (planned.changes, planned.faults) == ((), ())
    assert planned.unchanged > 400
    assert exchange.export_set() == exchange.export_set()


@pytest.mark.parametrize("kind", list(exchange.TABLES))
@pytest.mark.parametrize("file_format", exchange.FORMATS)
def test_a_table_goes_through_a_spreadsheet_unchanged(kind: str, file_format: str) -> None:
    content = exchange.export_table(kind, file_format)
    planned = exchange.plan(exchange.read_table(kind, file_format, content))
    assert (planned.changes, planned.faults) == ((), ())


def test_a_text_that_a_spreadsheet_would_calculate_is_kept_a_text() -> None:
    said = '=HYPERLINK("http://evil.example")'
    Guideline.objects.filter(code="ph-scabies").update(advice=said, rationale="'quoted")
    for file_format in exchange.FORMATS:
        content = exchange.export_table("guidelines", file_format)
        assert exchange.plan(exchange.read_table("guidelines", file_format, content)).changes == ()
    rows = csv.DictReader(io.StringIO(exchange.export_table("guidelines", "csv").decode("utf-8-sig")))
    assert {row["code"]: row for row in rows}["ph-scabies"]["advice"].startswith("'=")


def test_a_dry_run_says_what_would_change_and_changes_nothing() -> None:
    before = exchange.export_set()
    planned = exchange.plan(document(guidelines=[{"code": "ph-scabies", "priority": 88}]))
    (change,) = planned.changes
    assert (change.kind, change.code, change.action) == ("guidelines", "ph-scabies", "changed")
    assert [(name, after) for name, _, after in change.fields] == [("priority", 88)]
    assert json.loads(json.dumps(planned.as_dict()))["changes"][0]["code"] == "ph-scabies"
    assert exchange.export_set() == before


def test_what_was_shown_is_what_is_done(yaw: Any) -> None:
    incoming = document(
        conditions=[
            {
                "code": "lichen-planus", "name": "Lichen planus", "icd10": "L43.9",
                "category": "inflammatory", "contagious": False, "pharmacy_manageable": False,
                "default_triage": "refer_routine", "key_features": ["Flat-topped bumps; dark skin: purple"],
            }
        ],
        profiles=[
            {
                "code": "lichen-planus", "findings": {"itchy": "often"}, "prior_infant": 1, "prior_child": 1,
                "prior_adolescent": 5, "prior_adult": 20, "prior_older": 20,
            }
        ],
        guidelines=[{"code": "ph-scabies", "priority": 88}],
    )  # fmt: skip
    planned = exchange.plan(incoming)
    assert planned.faults == ()
    exchange.carry_out(actor=yaw, incoming=incoming, digest=planned.digest)
    assert ConditionProfile.objects.get(code="lichen-planus").condition.code == "lichen-planus"
    assert Guideline.objects.get(code="ph-scabies").content_state == ContentState.EDITED
    actions = AuditEvent.objects.order_by("-id").values_list("action", flat=True)[:4]
    assert set(actions) == {"knowledge.edited"}
    assert exchange.plan(incoming).changes == ()


def test_rows_that_are_left_out_go_only_when_that_was_asked_for(yaw: Any) -> None:
    whole = json.loads(exchange.export_set())["tables"]["safety_questions"]
    incoming = document(safety_questions=whole[1:])
    assert exchange.plan(incoming).changes == ()
    planned = exchange.plan(incoming, remove_missing=True)
    assert [(c.action, c.code) for c in planned.changes] == [("removed", whole[0]["code"])]
    exchange.carry_out(actor=yaw, incoming=incoming, digest=planned.digest, remove_missing=True)
    assert exchange.plan(incoming, remove_missing=True).changes == ()


def test_a_condition_that_rules_still_name_cannot_go() -> None:
    rows = [
        row for row in json.loads(exchange.export_set())["tables"]["conditions"] if row["code"] != "scabies"
    ]
    faults = exchange.plan(document(conditions=rows), remove_missing=True).faults
    assert any("scabies" in fault.message for fault in faults)


def test_a_plan_that_time_has_passed_by_is_not_carried_out(yaw: Any, ama: Any) -> None:
    incoming = document(guidelines=[{"code": "ph-scabies", "priority": 88}])
    shown = exchange.plan(incoming).digest
    rule = Guideline.objects.get(code="ph-scabies")
    rule.priority = 77
    services.save_item(actor=yaw, item=rule, changed=["priority"])
    with pytest.raises(Conflict) as outdated:
        exchange.carry_out(actor=yaw, incoming=incoming, digest=shown)
    assert outdated.value.code == "import_outdated"
    with pytest.raises(Forbidden):
        exchange.carry_out(actor=ama, incoming=incoming, digest=shown)
    wrong = document(guidelines=[{"code": "ph-scabies", "level": "dire"}])
    with pytest.raises(Unprocessable) as refused:
        exchange.carry_out(actor=yaw, incoming=wrong, digest="")
    assert refused.value.errors[0].field == "guidelines.ph-scabies.level"


def test_the_commands_write_show_and_apply(tmp_path: Path, yaw: Any, capsys: Any) -> None:
    file, table = tmp_path / "all.json", tmp_path / "conditions.csv"
    call_command("export_guidelines", out=file)
    call_command("export_guidelines", "--table", "conditions", "--format", "csv", out=table)
    table.write_text(table.read_text(encoding="utf-8-sig").replace(",Scabies,", ",Scabies (itch mite),"))
    call_command("import_guidelines", str(table), "--table", "conditions")
    assert "'Scabies' -> 'Scabies (itch mite)'" in capsys.readouterr().out
    assert Condition.objects.get(code="scabies").name == "Scabies"
    with pytest.raises(CommandError, match="--as"):
        call_command("import_guidelines", str(table), "--table", "conditions", "--apply")
    call_command("import_guidelines", str(table), "--table", "conditions", "--apply", "--as", yaw.email)
    assert Condition.objects.get(code="scabies").name == "Scabies (itch mite)"
    call_command("import_guidelines", str(file), "--apply", "--as", yaw.email)
    assert Condition.objects.get(code="scabies").name == "Scabies"
    file.write_text("{")
    with pytest.raises(CommandError, match="line 1"):
        call_command("import_guidelines", str(file))
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_guidelines", str(tmp_path / "none.json"))
