"""Numbers without a gap, a tree, a signature; and a sealer that refuses what does not add up."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts.audit import Action, record
from accounts.audit.checkpoint import Checkpoint, NotACheckpoint
from accounts.audit.keys import signing_key
from accounts.audit.merkle import Frontier, leaf_hash
from accounts.audit.models import AuditCheckpoint, AuditEvent, AuditLeaf, AuditPending
from accounts.audit.sealer import (
    Sealed,
    SealRefused,
    beat,
    check_kept,
    keep_checkpoint,
    latest_checkpoint,
    log_size,
    seal_all,
    seal_lag_seconds,
    seal_pending,
    seal_through,
)
from accounts.audit.triggers import remove_triggers

Writer = Callable[..., list[Any]]


@pytest.fixture
def unguarded(write: Writer) -> Writer:
    """Somebody took the triggers away, to change what was written."""
    remove_triggers()
    return write


def test_pending_events_get_contiguous_numbers_in_the_order_they_were_written(write: Writer) -> None:
    events = write(5)
    assert seal_pending() == Sealed(5, 5)
    leaves = AuditLeaf.objects.order_by("seq")
    assert [(leaf.seq, leaf.event_id) for leaf in leaves] == list(enumerate(event.pk for event in events))
    assert not AuditPending.objects.exists()


def test_each_leaf_is_the_hash_of_the_text_and_all_of_them_make_the_root(write: Writer) -> None:
    write(7)
    seal_all()
    tree = Frontier()
    for leaf in AuditLeaf.objects.select_related("event"):
        assert bytes(leaf.leaf_hash) == leaf_hash(leaf.event.canonical_json.encode())
        tree.add(bytes(leaf.leaf_hash))
    newest = latest_checkpoint()
    assert newest is not None
    assert (newest.size, bytes(newest.root), bytes(newest.frontier)) == (7, tree.root, tree.packed())


def test_the_checkpoint_is_a_signed_note_of_three_lines(write: Writer) -> None:
    write(1)
    seal_all()
    note = AuditCheckpoint.objects.get().note
    text, signature = note.split("\n\n")
    origin, size, root = text.split("\n")
    assert (origin, size, len(root)) == (signing_key().origin, "1", 44)
    assert signature.startswith(f"\N{EM DASH} {origin} ")
    assert Checkpoint.opened(note, signing_key()).size == 1


def test_sealing_again_does_nothing(write: Writer) -> None:
    write(3)
    assert seal_pending() == Sealed(3, 3)
    assert seal_pending() == Sealed(0, 3)
    assert AuditCheckpoint.objects.count() == 1


def test_batches_go_on_where_the_last_one_ended(write: Writer) -> None:
    write(10)
    assert [seal_pending(limit=4).size for _ in range(4)] == [4, 8, 10, 10]
    assert [c.size for c in AuditCheckpoint.objects.order_by("size")] == [4, 8, 10]


def test_the_tree_does_not_depend_on_the_batches(write: Writer) -> None:
    write(13)
    seal_all(limit=5)
    whole = Frontier()
    for text in AuditEvent.objects.order_by("leaf__seq").values_list("canonical_json", flat=True):
        whole.add(leaf_hash(text.encode()))
    newest = latest_checkpoint()
    assert newest is not None
    assert bytes(newest.root) == whole.root


def test_sealing_through_an_event_gives_up_when_another_sealer_never_ends(
    write: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(3)
    (event,) = write(1)
    with monkeypatch.context() as patch:
        patch.setattr("accounts.audit.sealer.alone", lambda: False)
        assert not seal_through(event, patience=0.01)
    assert seal_through(event)
    assert log_size() == 4


def test_an_empty_log_has_nothing_to_seal(guarded: None) -> None:
    assert seal_pending() == Sealed(0, 0)
    assert (log_size(), latest_checkpoint(), seal_lag_seconds()) == (0, None, 0.0)


def test_the_lag_is_the_age_of_the_oldest_event_that_waits(write: Writer) -> None:
    write(1)
    time.sleep(0.02)
    write(1)
    assert 0.02 <= seal_lag_seconds() < 10
    seal_all()
    assert seal_lag_seconds() == 0.0


@pytest.mark.parametrize("victim", ["bulk_create", "delete", "create"])
def test_a_sealer_that_dies_in_between_leaves_nothing_half_done(
    committing: None, write: Writer, monkeypatch: pytest.MonkeyPatch, victim: str
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    write(4)
    seal_pending(limit=2)
    target: Any = {
        "bulk_create": AuditLeaf.objects, "create": AuditCheckpoint.objects,
        "delete": type(AuditPending.objects.all()),
    }[victim]  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(target, victim, die)
        with pytest.raises(KeyboardInterrupt):
            seal_pending()
    assert (AuditLeaf.objects.count(), AuditPending.objects.count(), log_size()) == (2, 2, 2)
    assert seal_all() == Sealed(2, 4)
    assert list(AuditLeaf.objects.values_list("seq", flat=True)) == [0, 1, 2, 3]


def contradicts(write: Writer, words: str) -> None:
    write(1)
    with pytest.raises(SealRefused, match=words):
        seal_pending()
    assert AuditPending.objects.exists()


def test_it_refuses_when_a_sealed_event_was_changed(unguarded: Writer) -> None:
    unguarded(3)
    seal_all()
    AuditEvent.objects.filter(leaf__seq=1).update(canonical_json='{"nothing":"happened"}')
    contradicts(unguarded, "were changed since")


def test_it_refuses_when_a_leaf_was_removed(unguarded: Writer) -> None:
    unguarded(3)
    seal_all()
    AuditLeaf.objects.filter(seq=2).delete()
    contradicts(unguarded, "2 events are numbered but 3 were signed")


def test_it_refuses_when_the_checkpoints_were_removed(unguarded: Writer) -> None:
    unguarded(3)
    seal_all()
    AuditCheckpoint.objects.all().delete()
    contradicts(unguarded, "no checkpoint is there")


def test_it_refuses_a_checkpoint_of_another_key(unguarded: Writer, settings: Any) -> None:
    unguarded(1)
    seal_all()
    settings.AUDIT_SIGNING_KEY = "B" * 43
    contradicts(unguarded, "cannot be trusted")


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("root", b"\x01" * 32, "changed after it was signed"),
        ("frontier", b"\x01" * 64, "changed after it was signed"),
        ("frontier", b"\x01" * 32, "no frontier of 3 leaves"),
        ("note", "nothing signed", "cannot be trusted"),
    ],
)
def test_it_refuses_a_checkpoint_that_was_changed(
    unguarded: Writer, column: str, value: Any, words: str
) -> None:
    unguarded(3)
    seal_all()
    AuditCheckpoint.objects.update(**{column: value})
    contradicts(unguarded, words)


def test_it_refuses_an_event_that_waits_although_it_is_sealed(unguarded: Writer) -> None:
    (event,) = unguarded(1)
    seal_all()
    AuditPending.objects.create(event=event)
    with pytest.raises(SealRefused, match="sealed already"):
        seal_pending()


@pytest.mark.parametrize(
    ("column", "value"), [("actor_name", "Somebody else"), ("recorded_at", None), ("canonical_json", "{}")]
)
def test_it_refuses_an_event_that_record_did_not_write(unguarded: Writer, column: str, value: Any) -> None:
    unguarded(1)
    AuditEvent.objects.update(**{column: value or timezone.now()})
    with pytest.raises(SealRefused, match=r"^Event "):
        seal_pending()


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite's test database has one connection")
def test_many_writers_and_several_sealers_leave_no_gap_and_no_double(committing: None) -> None:
    busy = threading.Event()

    def writing() -> None:
        for page in range(25):
            with transaction.atomic():
                record(actor=None, action=Action.CONSULTATION_LISTED, detail={"page": page})
        connection.close()

    def sealing() -> None:
        while not busy.is_set():
            seal_pending(limit=20)
        connection.close()

    with ThreadPoolExecutor(10) as pool:
        sealers = [pool.submit(sealing) for _ in range(2)]
        writers = [pool.submit(writing) for _ in range(8)]
        for writer in writers:
            writer.result()
        busy.set()
        for one in sealers:
            one.result()
    seal_all()
    assert list(AuditLeaf.objects.values_list("seq", flat=True)) == list(range(200))
    assert AuditEvent.objects.count() == 200


# --- The checkpoint kept outside the database -----------------------------------------------------
def test_the_newest_checkpoint_is_kept_outside_the_database(write: Writer, tmp_path: Path) -> None:
    path = tmp_path / "audit" / "checkpoint"
    check_kept(path)
    keep_checkpoint(path)
    assert not path.exists()
    write(2)
    seal_all()
    keep_checkpoint(path)
    newest = latest_checkpoint()
    assert newest is not None
    assert path.read_text() == newest.note
    write(2)
    seal_all()
    check_kept(path)  # an earlier one is a beginning of the same log


def test_a_database_restored_from_an_older_copy_is_not_sealed(unguarded: Writer, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    unguarded(2)
    seal_all()
    unguarded(2)
    seal_all()
    keep_checkpoint(path)
    AuditCheckpoint.objects.filter(size=4).delete()
    AuditLeaf.objects.filter(seq__gte=2).delete()
    with pytest.raises(SealRefused, match="restored from an older copy"):
        check_kept(path)


def test_a_kept_checkpoint_that_is_not_ours_is_refused(guarded: None, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    path.write_text("anything")
    with pytest.raises(SealRefused, match="cannot be used"):
        check_kept(path)


@pytest.mark.parametrize("text", ["other\n1\n{root}\n", "{origin}\none\n{root}\n", "{origin}\n1\n"])
def test_a_signed_text_need_not_be_a_checkpoint(text: str) -> None:
    key = signing_key()
    filled = text.format(origin=key.origin, root="A" * 43 + "=")
    with pytest.raises(NotACheckpoint):
        Checkpoint.opened(key.signed(filled), key)


# --- Heartbeat and command ------------------------------------------------------------------------
def test_the_heart_beats_once_an_hour(guarded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert beat()
    assert not beat()
    later = timezone.now() + timedelta(hours=1, seconds=1)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert beat()
    assert AuditEvent.objects.filter(action="system.heartbeat").count() == 2


@pytest.fixture
def own_data(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    return Path(settings.DATA_DIR)


def test_the_command_seals_once_and_keeps_the_checkpoint(write: Writer, own_data: Path) -> None:
    write(3)
    out = StringIO()
    call_command("seal_audit", once=True, stdout=out)
    assert out.getvalue() == "Sealed 3 events.\n"
    assert (own_data / "audit" / "checkpoint").read_text() == AuditCheckpoint.objects.get().note


def test_the_command_ends_with_a_reason_when_the_log_contradicts_itself(
    unguarded: Writer, own_data: Path
) -> None:
    unguarded(1)
    call_command("seal_audit", once=True, stdout=StringIO())
    AuditCheckpoint.objects.all().delete()
    with pytest.raises(CommandError, match="Sealing refused") as caught:
        call_command("seal_audit", once=True)
    assert caught.value.returncode == 1


def test_the_command_refuses_a_pause_out_of_reason(guarded: None) -> None:
    with pytest.raises(CommandError, match=r"0\.05 and 60"):
        call_command("seal_audit", every=0.0)


def test_the_command_goes_on_until_it_is_told_to_stop(
    write: Writer, own_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import signal

    handlers: dict[int, Any] = {}
    monkeypatch.setattr(signal, "signal", lambda number, handler: handlers.update({number: handler}))
    monkeypatch.setattr(
        threading.Event, "wait", lambda self, _seconds: handlers[signal.SIGTERM](signal.SIGTERM, None)
    )
    monkeypatch.setattr("accounts.management.commands.seal_audit.close_old_connections", lambda: None)
    write(2)
    call_command("seal_audit", every=1.0, stdout=StringIO())
    assert log_size() == 3  # the heartbeat is one of them
