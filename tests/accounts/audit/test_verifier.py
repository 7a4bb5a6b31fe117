"""The verifier finds whatever is done to a bundle, and cries wolf never."""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from accounts.audit import verifier
from accounts.audit.keys import signing_key
from accounts.audit.selection import Selection
from tests.accounts.audit.bundles import lines_of, messages, other_key, report, rewrite, sign_anew, verdict

Bundler = Callable[..., Path]
SCRIPT = Path(verifier.__file__)


# --- Where ----------------------------------------------------------------------------------------
def test_a_changed_event_is_named(bundle: Bundler, key: str) -> None:
    folder = bundle(9)
    lines = lines_of(folder)
    lines[4] = lines[4].replace(b"system", b"sistem")
    rewrite(folder, lines)
    found = report(folder, key)
    assert [(p["number"], p["line"]) for p in found["problems"]] == [(4, 5)]
    assert "event number 4 (line 5) was changed" in messages(found)


def test_a_removed_event_is_named(bundle: Bundler, key: str) -> None:
    folder = bundle(9)
    lines = lines_of(folder)
    rewrite(folder, lines[:4] + lines[5:])
    assert messages(report(folder, key)) == "events.jsonl: event number 4 was removed."


def test_an_inserted_line_is_named(bundle: Bundler, key: str) -> None:
    folder = bundle(9)
    lines = lines_of(folder)
    rewrite(folder, [*lines[:4], lines[4].replace(b'"v":1', b'"v":2'), *lines[4:]])
    assert messages(report(folder, key)) == "events.jsonl: line 5 was inserted, it is no event of this place."


def test_a_duplicated_line_is_named(bundle: Bundler, key: str) -> None:
    folder = bundle(9)
    lines = lines_of(folder)
    rewrite(folder, [*lines, lines[0]])
    assert "line 10 was inserted" in messages(report(folder, key))


def test_exchanged_events_are_named(bundle: Bundler, key: str) -> None:
    folder = bundle(9)
    lines = lines_of(folder)
    lines[2], lines[6] = lines[6], lines[2]
    rewrite(folder, lines)
    found = report(folder, key)
    assert [p["number"] for p in found["problems"]] == [2, 6]
    assert "is not in its place" in messages(found)


def test_many_changes_are_counted(bundle: Bundler, key: str) -> None:
    folder = bundle(30)
    rewrite(folder, [line.replace(b'"v":1', b'"v":2') for line in lines_of(folder)])
    assert "10 more places" in messages(report(folder, key))


def test_when_the_table_was_changed_too_the_place_is_a_hint(bundle: Bundler, key: str) -> None:
    folder = bundle(9)
    lines = lines_of(folder)
    rewrite(folder, [*lines[:4], b"{}\n", *lines[5:]])
    table = (folder / "events.csv").read_bytes().splitlines(keepends=True)
    table[2] = table[2][:-10] + b"00000000\r\n"
    (folder / "events.csv").write_bytes(b"".join(table))
    assert "(a hint only: events.csv was changed too)" in messages(report(folder, key))
    (folder / "events.csv").write_bytes(b"\xff")
    assert "the place cannot be told" in messages(report(folder, key))


@pytest.mark.parametrize("name", ["events.csv", "proof.json", "checkpoint", "manifest.json", "manifest.sig"])
def test_a_change_to_any_other_file_names_the_file(bundle: Bundler, key: str, name: str) -> None:
    folder = bundle(4)
    raw = bytearray((folder / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / name).write_bytes(raw)
    found = report(folder, key)
    assert found["verdict"] == "tampered"
    assert name in messages(found)


# --- Kept checkpoints -----------------------------------------------------------------------------
def test_a_log_that_grew_agrees_with_every_checkpoint_that_was_kept(bundle: Bundler, key: str) -> None:
    kept = [(bundle(count, name=f"b{count}") / "checkpoint").read_bytes() for count in (1, 4, 8)]
    assert verdict(bundle(5, name="last"), key, *kept) == "intact"


def test_an_older_copy_looks_intact_until_a_kept_checkpoint_tells(bundle: Bundler, key: str) -> None:
    older = bundle(6, name="older")
    kept = (bundle(3, name="newer") / "checkpoint").read_bytes()
    assert verdict(older, key) == "intact"
    found = report(older, key, kept)
    assert found["verdict"] == "tampered"
    assert "had 9 events, in this bundle it has 6" in messages(found)


def test_a_log_rewritten_with_the_right_key_does_not_continue_the_kept_checkpoint(
    bundle: Bundler, key: str
) -> None:
    from accounts.audit.checkpoint import Checkpoint

    folder = bundle(6)
    forged = Checkpoint(4, b"\x07" * 32).signed(signing_key()).encode()
    assert "the first 4 events are not those" in messages(report(folder, key, forged))
    same_size = Checkpoint(6, b"\x07" * 32).signed(signing_key()).encode()
    assert "the first 6 events are not those" in messages(report(folder, key, same_size))


def test_a_kept_checkpoint_that_is_none_makes_the_question_unusable(bundle: Bundler, key: str) -> None:
    assert verdict(bundle(2), key, b"hello") == "unusable"


# --- Keys -----------------------------------------------------------------------------------------
def test_a_bundle_signed_anew_with_another_key_is_found(bundle: Bundler, key: str) -> None:
    folder = bundle(4)
    sign_anew(folder, other_key())
    assert verdict(folder, other_key().verifier_key) == "intact"
    found = report(folder, key)
    assert found["verdict"] == "tampered"
    assert "signed by another key" in messages(found)


def test_the_key_may_be_given_as_32_bytes_in_either_base64_or_in_a_file(
    bundle: Bundler, key: str, tmp_path: Path
) -> None:
    folder, public = bundle(2), signing_key().public
    for text in (base64.b64encode(public), base64.urlsafe_b64encode(public).rstrip(b"=")):
        assert verdict(folder, text.decode()) == "intact"
    (tmp_path / "key.txt").write_text(key + "\n")
    assert verifier.Key.given(str(tmp_path / "key.txt")).public == public


@pytest.mark.parametrize("spoil", ["", "nonsense", "a+b+c", "{name}+00000000+{rest}", "{name}+{id}+AAAA"])
def test_a_misspelt_key_is_not_used(bundle: Bundler, key: str, spoil: str) -> None:
    name, identity, rest = key.split("+", 2)
    assert verdict(bundle(1), key) == "intact"
    with pytest.raises(verifier.Unusable):
        verifier.Key(spoil.format(name=name, id=identity, rest=rest))


# --- Not a bundle ---------------------------------------------------------------------------------
@pytest.mark.parametrize("name", verifier.FILES)
def test_a_bundle_that_lacks_a_file_is_unusable(bundle: Bundler, key: str, name: str) -> None:
    folder = bundle(2)
    (folder / name).unlink()
    found = report(folder, key)
    assert found["verdict"] == "unusable"
    assert name in messages(found)


def signed_manifest(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    (folder / "manifest.sig").write_text(signing_key().signature_line(text))


@pytest.mark.parametrize("text", ["{}\n", "[]\n", "nothing\n", '{"format":"another/1"}\n'])
def test_a_signed_text_that_is_no_manifest_is_unusable(bundle: Bundler, key: str, text: str) -> None:
    folder = bundle(2)
    signed_manifest(folder, text)
    assert verdict(folder, key) == "unusable"


def test_a_manifest_of_another_export_is_found(bundle: Bundler, key: str) -> None:
    first, second = bundle(3, name="first"), bundle(2, name="second")
    for name in ("manifest.json", "manifest.sig"):
        shutil.copy(first / name, second / name)
    assert verdict(second, key) == "tampered"
    shutil.copy(first / "checkpoint", second / "checkpoint")
    assert verdict(second, key) == "tampered"


@pytest.mark.parametrize(
    "proof",
    [
        "nothing", "{}", '{"ranges":[[0,4]],"left_out":["00"],"cuts":[]}',
        '{"ranges":[[0,2],[1,2]],"left_out":[],"cuts":[]}', '{"ranges":[[0,400]],"left_out":[],"cuts":[]}',
        '{"ranges":[[1,3]],"left_out":[""],"cuts":[]}', '{"ranges":[[-1,4]],"left_out":[],"cuts":[]}',
        '{"ranges":[["a","b"]],"left_out":[],"cuts":[]}', '{"ranges":[[0,3]],"left_out":["zz"],"cuts":[]}',
        '{"ranges":[[0,0],[0,4]],"left_out":[],"cuts":[]}',
    ],
)  # fmt: skip
def test_a_proof_that_does_not_fit_is_reported_and_never_crashes(
    bundle: Bundler, key: str, proof: str
) -> None:
    folder = bundle(4)
    (folder / "proof.json").write_text(proof)
    found = report(folder, key)
    assert found["verdict"] == "tampered"
    assert "proof.json" in messages(found)


# --- As an auditor runs it ------------------------------------------------------------------------
def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT), *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=60, env={}, cwd="/",
    )  # fmt: skip


def test_it_runs_alone_and_says_what_it_found(bundle: Bundler, key: str, tmp_path: Path) -> None:
    folder = bundle(5)
    kept = tmp_path / "kept"
    shutil.copy(folder / "checkpoint", kept)
    intact = run(folder, "--key", key)
    assert (intact.returncode, intact.stderr) == (0, "")
    assert intact.stdout.startswith("INTACT: ")
    assert "no kept checkpoint was given" in intact.stdout
    assert (
        "Agrees with the 1 checkpoint(s) you kept" in run(folder, "--key", key, "--checkpoint", kept).stdout
    )
    rewrite(folder, lines_of(folder)[:-1])
    cut = run(folder, "--key", key, "--json")
    assert cut.returncode == 1
    assert json.loads(cut.stdout)["problems"][0]["number"] == 4


def test_its_report_names_log_span_and_places(bundle: Bundler, key: str, capsys: Any) -> None:
    span = Selection(since=datetime(2020, 1, 1, tzinfo=UTC))
    folder = bundle(3, selection=span)
    assert verifier.main([str(folder), "--key", key]) == 0
    told = capsys.readouterr().out
    assert f"log         {signing_key().origin}, 3 events" in told
    assert "3 events, since 2020-01-01T00:00:00.000000Z" in told
    assert "This is a part of the log" in told
    rewrite(folder, lines_of(folder)[1:])
    assert verifier.main([str(folder), "--key", key, "--checkpoint", str(folder / "checkpoint")]) == 1
    assert "- events.jsonl: event number 0 was removed." in capsys.readouterr().out
    assert verifier.main([str(folder), "--key", "?", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["verdict"] == "unusable"


def test_a_part_with_events_outside_its_span_is_found(bundle: Bundler, key: str) -> None:
    folder = bundle(3)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["selection"]["until"] = "2020-01-01T00:00:00.000000Z"
    signed_manifest(folder, json.dumps(manifest) + "\n")
    assert "events that were not asked for" in messages(report(folder, key))


def test_it_ends_with_2_when_nothing_can_be_said(tmp_path: Path, key: str) -> None:
    for arguments in ((tmp_path, "--key", key), (tmp_path, "--key", "x"), (tmp_path,)):
        assert run(*arguments).returncode == 2
    assert run(tmp_path, "--key", key, "--checkpoint", tmp_path / "none").returncode == 2


def test_it_imports_nothing_but_the_standard_library() -> None:
    import ast

    names = set()
    for node in ast.walk(ast.parse(SCRIPT.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    assert names <= sys.stdlib_module_names


def test_a_table_that_the_server_itself_made_lie_is_found_when_asked_for(bundle: Bundler, key: str) -> None:
    folder = bundle(5)
    table = (folder / "events.csv").read_bytes().replace(b",success,", b",denied,", 1)
    (folder / "events.csv").write_bytes(table)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["events.csv"]["sha256"] = hashlib.sha256(table).hexdigest()
    signed_manifest(folder, json.dumps(manifest) + "\n")
    unasked = verifier.verify(str(folder), verifier.Key(key))
    assert unasked.problems == []
    assert "Give --table" in " ".join(unasked.notes)
    (found,) = verifier.verify(str(folder), verifier.Key(key), table=True).problems
    assert (found["code"], found["number"]) == ("table", 0)


def test_many_leaves_at_once_make_the_same_tree_as_one_by_one() -> None:
    hashes = [hashlib.sha256(bytes([n])).digest() for n in range(70)]
    for size in range(71):
        for cut in (0, 1, 5, 33):
            one, many = verifier.Tree(), verifier.Tree()
            for digest in hashes[:size]:
                one.add(digest)
            many.extend(hashes[: min(cut, size)])
            many.extend(hashes[min(cut, size) : size])
            assert (many.size, many.root()) == (one.size, one.root())
