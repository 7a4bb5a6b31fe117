"""The decoding child: what it is given, what it is denied, how it dies and what the caller sees."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from consultations.imaging import Limits, PhotoRefused, make_safe
from consultations.imaging.pool import Pool
from consultations.imaging.process import _ENVIRONMENT, Child, ChildDied, command
from consultations.imaging.sandbox import wire
from dermatech.core.errors import Unavailable

from .pictures import pack, skin

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(1, wait_seconds=1)
    yield pool
    pool.close()


def small() -> io.BytesIO:
    return io.BytesIO(pack(skin(), "JPEG"))


def large() -> io.BytesIO:
    """Several tenths of a second of work."""
    return io.BytesIO(pack(skin(4032, 3024), "JPEG", quality=80))


def pretending(code: str) -> Callable[[], Child]:
    """A child that runs `code` in place of the sandbox, with the protocol at hand."""
    start = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "import os, signal, time\n"
        "from consultations.imaging.sandbox import wire\n"
        "def send(head, *blobs):\n"
        "    sys.stdout.buffer.write(wire.pack(head, [len(b) for b in blobs]) + b''.join(blobs))\n"
        "    sys.stdout.buffer.flush()\n"
        "def take():\n"
        "    return wire.read(sys.stdin.buffer.read, most=10**8)\n"
    )
    return lambda: Child([sys.executable, "-I", "-c", start + code])


def pool_of(code: str) -> Pool:
    return Pool(1, wait_seconds=1, make=pretending(code))


def when_busy(pool: Pool, act: Callable[[psutil.Process], None]) -> threading.Thread:
    """Do something to the child once it has worked a little."""

    def watch() -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            for pid in pool.pids():
                child = psutil.Process(pid)
                if child.cpu_times().user > before + 0.05:
                    act(child)
                    return
            time.sleep(0.005)

    make_safe(small(), pool=pool)
    before = psutil.Process(pool.pids()[0]).cpu_times().user
    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_a_child_killed_at_work_is_503_and_the_next_photo_works(pool: Pool) -> None:
    thread = when_busy(pool, lambda child: child.kill())
    with pytest.raises(Unavailable) as unavailable:
        make_safe(large(), pool=pool)
    thread.join()
    assert unavailable.value.status == 503
    assert int(unavailable.value.headers["Retry-After"]) > 0
    assert make_safe(small(), pool=pool).width == 640


def test_a_child_killed_between_two_photos_is_not_even_noticed(pool: Pool) -> None:
    make_safe(small(), pool=pool)
    (pid,) = pool.pids()
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=0.2)
    assert make_safe(small(), pool=pool).width == 640
    assert pool.pids() != [pid]


def test_a_frozen_child_is_a_timeout_and_is_ended(pool: Pool) -> None:
    thread = when_busy(pool, lambda child: child.suspend())
    (pid,) = pool.pids()
    with pytest.raises(PhotoRefused) as refused:
        make_safe(large(), limits=Limits(wall_seconds=1.0), pool=pool)
    thread.join()
    assert (refused.value.code, refused.value.status) == ("image_timeout", 422)
    assert not psutil.pid_exists(pid)
    assert make_safe(small(), pool=pool).width == 640


def test_too_much_processor_time_is_a_timeout(pool: Pool) -> None:
    make = "send({'ready': True}); take(); os.kill(os.getpid(), signal.SIGXCPU); time.sleep(9)"
    with pytest.raises(PhotoRefused) as refused:
        make_safe(small(), pool=pool_of(make))
    assert refused.value.code == "image_timeout"


@pytest.mark.parametrize("ending", ["os.abort()", "os.kill(os.getpid(), signal.SIGSEGV)", "os._exit(3)"])
def test_a_decoder_that_crashes_over_a_file_calls_the_file_unreadable(ending: str) -> None:
    with pytest.raises(PhotoRefused) as refused:
        make_safe(small(), pool=pool_of(f"send({{'ready': True}}); take(); {ending}"))
    assert (refused.value.code, refused.value.status) == ("image_unreadable", 422)


@pytest.mark.parametrize(
    "answer",
    [
        "sys.stdout.buffer.write(b'Segmentation fault, very sorry'); sys.stdout.flush()",
        "sys.stdout.buffer.write(wire.PREFIX.pack(wire.MAGIC, 5) + b'{}{}}'); sys.stdout.flush()",
        "sys.stdout.buffer.write(wire.PREFIX.pack(wire.MAGIC, 2) + b'[]'); sys.stdout.flush()",
        "sys.stdout.buffer.write(wire.PREFIX.pack(wire.MAGIC, 14) + b'{\"blobs\":[-1]}'); sys.stdout.flush()",
        "send({'format': 'jpeg'}, b'x' * 3_000_000)",
        "send({})",
        "send({'format': 'jpeg'}, b'not a jpeg', b'')",
        "send({'format': 'gif'}, b'GIF89a', b'')",
        "send({'broken': 'ImportError'})",
    ],
)
def test_a_child_that_talks_nonsense_is_not_believed(answer: str) -> None:
    pool = pool_of(f"send({{'ready': True}}); take(); {answer}; time.sleep(9)")
    with pytest.raises(Unavailable):
        make_safe(small(), pool=pool)
    pool.close()


def test_a_taken_over_child_cannot_smuggle_metadata_into_storage(pool: Pool) -> None:
    code = (
        "from pathlib import Path\n"
        "send({'ready': True}); head, blobs = take()\n"
        "send({'format': 'jpeg', 'width': 640, 'height': 480, 'ssim': 1, 'ssim_full': 1, 'quality': 1,"
        " 'source_width': 1, 'source_height': 1, 'decoder': 'x'}, *[blobs[0]] * 3); time.sleep(9)"
    )
    plain = pack(skin(), "JPEG")
    lying = pool_of(code)
    assert make_safe(io.BytesIO(plain), pool=lying).content == plain
    with pytest.raises(Unavailable):
        make_safe(io.BytesIO(plain + b"PK\3\4"), pool=pool_of(code))
    lying.close()


def test_an_unknown_refusal_is_shown_as_unreadable() -> None:
    with pytest.raises(PhotoRefused) as refused:
        make_safe(
            small(), pool=pool_of("send({'ready': True}); take(); send({'refused': 'haha'}); time.sleep(9)")
        )
    assert refused.value.code == "image_unreadable"


@pytest.mark.parametrize("code", ["sys.exit(1)", "print('hello')", "os.abort()"])
def test_a_child_that_cannot_start_is_503(code: str) -> None:
    with pytest.raises(Unavailable):
        make_safe(small(), pool=pool_of(code))


def test_a_program_that_is_not_there_is_503() -> None:
    with pytest.raises(Unavailable):
        make_safe(small(), pool=Pool(1, make=lambda: Child(["/nowhere/python"])))


def test_a_busy_pool_is_503_after_a_bounded_wait() -> None:
    pool = Pool(1, wait_seconds=0.2)
    with pool.child(), pytest.raises(Unavailable) as unavailable:
        make_safe(small(), pool=pool)
    assert unavailable.value.code == "photos_busy"
    pool.close()


def test_many_threads_share_few_children() -> None:
    pool, done, content = Pool(2, wait_seconds=60), [], pack(skin(), "JPEG")
    threads = [
        threading.Thread(target=lambda: done.append(make_safe(io.BytesIO(content), pool=pool).sha256))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 12
    assert len(set(done)) == 1
    assert 1 <= len(pool.pids()) <= 2
    pool.close()


def test_the_child_outlives_the_thread_that_first_needed_it(pool: Pool) -> None:
    thread = threading.Thread(target=lambda: make_safe(small(), pool=pool))
    thread.start()
    thread.join()
    before = pool.pids()
    time.sleep(0.1)
    make_safe(small(), pool=pool)
    assert pool.pids() == before


def test_a_child_is_replaced_after_a_hundred_photos(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consultations.imaging.pool._JOBS", 2)
    make_safe(small(), pool=pool)
    first = pool.pids()
    make_safe(small(), pool=pool)
    assert pool.pids() == []
    make_safe(small(), pool=pool)
    assert pool.pids() != first


def test_a_hundred_photos_leave_no_descriptor_and_no_process_behind(pool: Pool) -> None:
    content = pack(skin(200, 150), "JPEG")
    make_safe(io.BytesIO(content), pool=pool)
    me = psutil.Process()
    before = me.num_fds(), len(me.children())
    for _ in range(50):
        make_safe(io.BytesIO(content), pool=pool)
    assert (me.num_fds(), len(me.children())) == before


def test_the_child_knows_no_secret_and_no_django(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "planted-secret")
    monkeypatch.setenv("DATABASE_URL", "postgres://planted-secret@db/x")
    make_safe(small(), pool=pool)
    (pid,) = pool.pids()
    child = psutil.Process(pid)
    assert "planted-secret" not in str(child.environ())
    assert child.environ() == _ENVIRONMENT
    assert child.cwd() == "/"
    maps = Path(f"/proc/{pid}/maps").read_text()
    assert "sqlite" not in maps
    assert "psycopg" not in maps
    # stdin, stdout, stderr on nothing, and the two pipes: no socket, no database, no log file.
    kinds = [os.readlink(f"/proc/{pid}/fd/{n}").split(":")[0] for n in os.listdir(f"/proc/{pid}/fd")]
    assert sorted(kinds) == ["/dev/null", "/dev/null", "/dev/null", "pipe", "pipe"]


def test_the_kernel_holds_the_child_to_its_limits(pool: Pool) -> None:
    make_safe(small(), pool=pool)
    child = psutil.Process(pool.pids()[0])
    assert child.rlimit(psutil.RLIMIT_AS)[1] <= 2 * 1024**3
    assert child.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
    assert child.rlimit(psutil.RLIMIT_CORE) == (0, 0)
    assert child.rlimit(psutil.RLIMIT_NOFILE)[1] <= 24
    assert 0 < child.rlimit(psutil.RLIMIT_CPU)[0] < 60


CONFINED = """
import ctypes, os, socket, sys
sys.path.insert(0, {sandbox!r})
import importlib
confine = importlib.import_module("sandbox.confine")
confine.limit_resources(1 << 30)
assert confine.refuse_system_calls()
for name, act in {{
    "open": lambda: open("/etc/passwd"),
    "write": lambda: open("/tmp/planted", "w"),
    "connect": lambda: socket.socket(),
    "start": lambda: os.execv("/bin/true", ["true"]),
    "kill": lambda: os.kill(os.getppid(), 0),
    "remove": lambda: os.unlink("/tmp/planted"),
}}.items():
    try:
        act()
    except PermissionError:
        os.write(1, name.encode() + b" ")
"""


def test_the_confined_child_can_reach_no_file_no_network_no_program() -> None:
    code = CONFINED.format(sandbox=str(ROOT / "consultations" / "imaging"))
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (["open", "write", "connect", "start", "kill", "remove"], "")


PARENT = """
import io, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what it runs behind
sys.path.insert(0, {root!r})
from consultations.imaging.pool import POOL
from consultations.imaging.process import Child
with POOL.child() as child:
    print(child.pid, flush=True)
    {then}
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_when_the_parent_is_ended_no_child_stays_behind(how: signal.Signals) -> None:
    code = PARENT.format(root=str(ROOT), then="time.sleep(60)")
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.send_signal(how)
        parent.wait(10)
    until = time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" and time.monotonic() < until:
        time.sleep(0.02)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie"


def test_a_forked_worker_has_children_of_its_own(pool: Pool) -> None:
    """As a prefork worker does: the copy must neither use nor end what belongs to its parent."""
    make_safe(small(), pool=pool)
    mine = pool.pids()
    content = pack(skin(), "JPEG")
    worker = os.fork()
    if worker == 0:
        try:
            ok = pool.pids() == [] and make_safe(io.BytesIO(content), pool=pool).width == 640
            ok = ok and pool.pids() != mine
            pool.close()
            os._exit(0 if ok else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(worker, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    make_safe(small(), pool=pool)
    assert pool.pids() == mine


def test_the_real_child_ends_when_its_input_does() -> None:
    child = Child()
    assert child.wait_ready()["ready"] is True
    child.forget()
    assert child._process.wait(5) == 0
    with pytest.raises(ChildDied):
        child.ask({}, io.BytesIO(), 0, seconds=1, most=0)


def test_a_child_whose_parent_is_gone_does_not_even_start() -> None:
    argv = command()
    argv[-2] = "1"
    child = Child(argv)
    with pytest.raises(ChildDied):
        child.wait_ready()
    child.kill()


def test_a_head_that_is_too_long_is_never_sent() -> None:
    with pytest.raises(ValueError, match="too long"):
        wire.pack({"x": "y" * 70_000})
