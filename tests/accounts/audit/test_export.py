"""Bundles: what is in them, and that a whole log and any part of it verify."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from accounts.audit import Action, record, verifier
from accounts.audit.export import ExportFailed, write_bundle
from accounts.audit.keys import signing_key
from accounts.audit.models import AuditEvent, AuditLeaf
from accounts.audit.sealer import latest_checkpoint, seal_all
from accounts.audit.selection import Selection
from accounts.audit.table import COLUMNS, neutral
from accounts.audit.triggers import remove_triggers

Bundler = Callable[..., Path]
Writer = Callable[..., list[Any]]


def verified(folder: Path, key: str, *kept: Path) -> dict[str, Any]:
    checkpoints = [(path.name, path.read_bytes()) for path in kept]
    return verifier.verify(str(folder), verifier.Key(key), checkpoints).as_dict()


def at_seconds(base: datetime, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write `count` events, one each second from `base` on."""
    for second in range(count):
        moment = base + timedelta(seconds=second)
        monkeypatch.setattr("accounts.audit.recorder.timezone.now", lambda moment=moment: moment)
        with transaction.atomic():
            record(actor=None, action=Action.CONSULTATION_LISTED, detail={"second": second})


BASE = datetime(2026, 1, 31, 8, 0, 0, tzinfo=UTC)


@pytest.fixture
def timed(guarded: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Seal a log of that many events, one a second from BASE on."""

    def filling(count: int) -> None:
        with monkeypatch.context() as patch:
            at_seconds(BASE, count, patch)
        seal_all()

    return filling


def part(folder: Path, since: int, until: int, against: tuple[int, ...] = ()) -> Path:
    checkpoint = latest_checkpoint()
    assert checkpoint is not None
    selection = Selection(BASE + timedelta(seconds=since), BASE + timedelta(seconds=until))
    return write_bundle(folder, checkpoint=checkpoint, selection=selection, against=against).path


@pytest.mark.parametrize("events", [1, 2, 3, 7, 64, 100])
def test_a_whole_log_verifies(bundle: Bundler, key: str, events: int) -> None:
    report = verified(bundle(events), key)
    assert report["verdict"] == "intact", report
    assert (report["events"], report["tree_size"], report["numbers"]) == (events, events, [[0, events - 1]])


def test_the_lines_are_the_texts_that_were_hashed(bundle: Bundler) -> None:
    lines = (bundle(5) / "events.jsonl").read_bytes().decode().splitlines()
    assert lines == list(AuditEvent.objects.order_by("leaf__seq").values_list("canonical_json", flat=True))


def test_a_bundle_has_six_files_and_its_manifest_is_a_signed_note(bundle: Bundler) -> None:
    folder = bundle(3)
    assert sorted(path.name for path in folder.iterdir()) == sorted(verifier.FILES)
    note = (folder / "manifest.json").read_text() + "\n" + (folder / "manifest.sig").read_text()
    assert signing_key().opened(note) == (folder / "manifest.json").read_text()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert set(manifest["selection"].values()) == {None}
    assert manifest["files"]["events.jsonl"]["bytes"] == (folder / "events.jsonl").stat().st_size


def test_the_table_says_the_same_as_the_lines(bundle: Bundler, ama: Any) -> None:
    with transaction.atomic():
        record(
            actor=ama,
            action=Action.CONSULTATION_UPDATED,
            entity=ama,
            patient=ama.pk,
            changes={"b": 1, "a": 2},
        )
    rows = list(csv.DictReader(io.StringIO((bundle(1) / "events.csv").read_text())))
    assert tuple(rows[0]) == COLUMNS
    assert rows[0] | {"recorded_at": "", "id": ""} == {
        "number": "0", "recorded_at": "", "action": "consultation.updated", "fhir_action": "U",
        "outcome": "success", "purpose": "TREAT", "actor_id": str(ama.pk), "actor_name": "Ama Mensah",
        "actor_role": "pharmacist", "address": "", "device": "", "entity_type": "accounts.user",
        "entity_id": str(ama.pk), "patient_id": str(ama.pk), "request_id": "", "changed_fields": "a b",
        "detail": "", "id": "", "leaf_hash": bytes(AuditLeaf.objects.get(seq=0).leaf_hash).hex(),
    }  # fmt: skip
    assert rows[1]["detail"] == '{"page":0}'


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'quoted"])
def test_a_cell_that_a_spreadsheet_might_run_is_neutralised(cell: str) -> None:
    assert neutral(cell) == f"'{cell}"
    assert neutral(f"a{cell}") == f"a{cell}"


def test_formulas_in_names_and_ids_are_neutralised_in_the_table_only(bundle: Bundler, ama: Any) -> None:
    ama.full_name = '=HYPERLINK("http://evil.example","Ama")'
    with transaction.atomic():
        record(actor=ama, action=Action.PHOTO_READ, entity=("photo", "@cmd\n+1"))
    folder = bundle(1)
    row = next(csv.DictReader(io.StringIO((folder / "events.csv").read_bytes().decode(), newline="")))
    assert row["actor_name"] == '\'=HYPERLINK("http://evil.example","Ama")'
    assert row["entity_id"] == "'@cmd\n+1"
    assert json.loads((folder / "events.jsonl").read_text().splitlines()[0])["entity"]["id"] == "@cmd\n+1"


# --- A part of the log ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    "span", [(0, 21), (0, 1), (20, 21), (3, 4), (5, 13), (8, 16), (0, 16), (1, 20), (7, 7)]
)
def test_every_part_of_a_log_verifies(
    timed: Callable[[int], None], tmp_path: Path, key: str, span: tuple[int, int]
) -> None:
    timed(21)
    report = verified(part(tmp_path / "part", *span), key)
    assert report["verdict"] == "intact", report
    assert report["events"] == span[1] - span[0]
    assert report["tree_size"] == 21
    assert report["numbers"] == ([[span[0], span[1] - 1]] if report["events"] else [])


def test_a_part_may_have_gaps_where_clocks_disagreed(guarded: None, tmp_path: Path, key: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for minutes in (0, 0, 60, 0, 60, 60, 0):
            at_seconds(BASE + timedelta(minutes=minutes), 1, patch)
    seal_all()
    report = verified(part(tmp_path / "part", 0, 1), key)
    assert (report["verdict"], report["numbers"]) == ("intact", [[0, 1], [3, 3], [6, 6]])


def test_a_changed_event_in_a_part_is_found_and_named(
    timed: Callable[[int], None], tmp_path: Path, key: str
) -> None:
    timed(21)
    folder = part(tmp_path / "part", 5, 13)
    lines = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"second":7', b'"second":8')
    (folder / "events.jsonl").write_bytes(b"".join(lines))
    report = verified(folder, key)
    assert report["verdict"] == "tampered"
    assert [(problem["number"], problem["line"]) for problem in report["problems"]] == [(7, 3)]


def test_a_part_is_compared_with_a_kept_checkpoint_it_was_made_against(
    timed: Callable[[int], None], tmp_path: Path, key: str
) -> None:
    timed(11)
    kept = tmp_path / "kept"
    newest = latest_checkpoint()
    assert newest is not None
    kept.write_text(newest.note)
    timed(10)
    assert verified(part(tmp_path / "cut", 15, 18, against=(11,)), key, kept)["verdict"] == "intact"
    with pytest.raises(verifier.Unusable, match="--against"):
        verified(part(tmp_path / "uncut", 15, 18), key, kept)


def test_the_left_out_are_as_few_hashes_as_can_be(timed: Callable[[int], None], tmp_path: Path) -> None:
    timed(100)
    proof = json.loads((part(tmp_path / "part", 50, 51) / "proof.json").read_text())
    assert len(proof["left_out"]) <= 2 * (100).bit_length()


# --- The command ----------------------------------------------------------------------------------
def test_the_command_exports_and_the_export_is_the_last_event_in_it(
    write: Writer, tmp_path: Path, key: str, capsys: Any
) -> None:
    write(4)
    call_command("export_audit", out=tmp_path / "bundle", since="2020-01-01")
    printed = capsys.readouterr().out
    assert f"Public key: {key}" in printed
    assert "Wrote 5 of 5 events" in printed
    last = json.loads((tmp_path / "bundle" / "events.jsonl").read_text().splitlines()[-1])
    assert (last["action"], last["purpose"]) == ("audit.exported", "HCOMPL")
    assert last["detail"] == {"by": "command line", "since": "2020-01-01T00:00:00.000000Z"}
    assert verified(tmp_path / "bundle", key)["verdict"] == "intact"


def test_the_command_can_print_the_public_key_alone(capsys: Any, key: str) -> None:
    call_command("export_audit", public_key=True)
    assert capsys.readouterr().out == key + "\n"


def test_the_command_cuts_the_proof_at_a_kept_checkpoint(write: Writer, tmp_path: Path, key: str) -> None:
    write(5)
    seal_all()
    kept, newest = tmp_path / "kept", latest_checkpoint()
    assert newest is not None
    kept.write_text(newest.note)
    call_command("export_audit", out=tmp_path / "part", since="2999-01-01", against=[kept])
    assert verified(tmp_path / "part", key, kept)["verdict"] == "intact"
    kept.write_text("nothing")
    with pytest.raises(CommandError, match="--against"):
        call_command("export_audit", out=tmp_path / "again", against=[kept])


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-01-31T25:00:00Z"])
def test_a_time_that_is_none_is_refused(guarded: None, tmp_path: Path, text: str) -> None:
    with pytest.raises(CommandError, match="is not a time"):
        call_command("export_audit", out=tmp_path / "bundle", until=text)
    assert not AuditEvent.objects.exists()


def test_the_command_needs_a_folder_that_is_new_or_empty(write: Writer, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--out"):
        call_command("export_audit")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(CommandError, match="not an empty folder"):
        call_command("export_audit", out=tmp_path / "full")
    (tmp_path / "empty").mkdir()
    call_command("export_audit", out=tmp_path / "empty")
    assert (tmp_path / "empty" / "manifest.json").exists()


def test_a_log_that_was_changed_in_the_database_is_exported_and_reported(
    write: Writer, tmp_path: Path, key: str
) -> None:
    write(3)
    seal_all()
    remove_triggers()
    AuditEvent.objects.filter(leaf__seq=1).update(canonical_json=AuditEvent.objects.all()[0].canonical_json)
    with pytest.raises(CommandError, match="the log was changed") as caught:
        call_command("export_audit", out=tmp_path / "bundle")
    assert caught.value.returncode == 1
    assert verified(tmp_path / "bundle", key)["verdict"] == "tampered"


def test_a_bundle_that_breaks_off_is_not_left_under_its_name(
    write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(2)
    seal_all()
    checkpoint = latest_checkpoint()
    assert checkpoint is not None

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("accounts.audit.export._sign_manifest", full)
    with pytest.raises(OSError, match="No space"):
        write_bundle(tmp_path / "bundle", checkpoint=checkpoint)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_refused(write: Writer, tmp_path: Path) -> None:
    write(1)
    seal_all()
    checkpoint = latest_checkpoint()
    assert checkpoint is not None
    (tmp_path / "file").touch()
    with pytest.raises(ExportFailed):
        write_bundle(tmp_path / "file", checkpoint=checkpoint)
