"""What is wrong outside is said in one line, before anything starts."""

import socket
from pathlib import Path

import pytest

from dermatech.run import preflight
from dermatech.run.preflight import PreflightFailed


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PORT", "ONCE", "PHOTO"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))


def test_without_any_wish_it_serves_on_8000_until_stopped(tmp_path: Path) -> None:
    options = preflight.read_options()
    assert (options.port, options.once, options.photo) == (8000, False, None)
    assert options.data_dir == tmp_path / "data"


@pytest.mark.parametrize("word", ["0", "65536", "eight", "-1", "80 80", "²"])
def test_a_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("PORT", word)
    with pytest.raises(PreflightFailed, match="is not a port number"):
        preflight.read_options()


@pytest.mark.parametrize(("word", "meaning"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_once_is_a_clear_yes_or_no(monkeypatch: pytest.MonkeyPatch, word: str, meaning: bool) -> None:
    monkeypatch.setenv("ONCE", word)
    assert preflight.read_options().once is meaning


def test_an_unclear_once_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONCE", "maybe")
    with pytest.raises(PreflightFailed, match="ONCE=maybe is neither yes nor no"):
        preflight.read_options()


def test_a_data_dir_that_is_a_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "taken"))
    with pytest.raises(PreflightFailed, match="taken cannot be written"):
        preflight.read_options()


def test_a_data_dir_where_nothing_can_be_written_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", "/proc/dermatech")
    with pytest.raises(PreflightFailed, match="DATA_DIR /proc/dermatech cannot be written"):
        preflight.read_options()


def test_a_photo_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTO", "no/such.jpg")
    with pytest.raises(PreflightFailed, match=r"PHOTO=no/such.jpg is not a file"):
        preflight.read_options()


def test_an_empty_photo_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(PreflightFailed, match="is an empty file"):
        preflight.photo_path(str(tmp_path / "empty.jpg"))


def test_a_photo_is_found_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "arm.jpg").write_bytes(b"x")
    assert preflight.photo_path(str(tmp_path / "arm.jpg")) == tmp_path / "arm.jpg"


def test_a_port_in_use_is_named_with_a_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PreflightFailed, match=f"Port {port} is in use .* make run PORT={port + 1}"):
            preflight.check_port_is_free(port)
    preflight.check_port_is_free(port)


def test_a_data_dir_belongs_to_one_run_at_a_time(tmp_path: Path) -> None:
    lock = preflight.lock_data_dir(tmp_path)
    with pytest.raises(PreflightFailed, match="Another `make run` is using"):
        preflight.lock_data_dir(tmp_path)
    lock.close()
    preflight.lock_data_dir(tmp_path).close()
