"""What the child gives up before it touches a file: memory, files, network, other processes, and life
after its parent.

Limits of the kernel do the first part. The second, where the processor is known, is a system-call
filter: after it no file can be opened, no connection made, no program started. It is a second wall
behind the first: a kernel that refuses the filter leaves a child with all other limits.
"""

import ctypes
import os
import platform
import resource
import signal
import struct

_LIBRARY = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2

# Linux system calls refused with EPERM, by number (asm/unistd.h of each architecture): opening or
# changing files, sockets, programs, other processes, kernel interfaces with a history of holes.
# fmt: off
_REFUSED = {
    "x86_64": (0xC000003E, (
        2, 85, 257, 437, 41, 42, 43, 44, 46, 49, 50, 53, 288, 57, 58, 59, 322, 62, 101, 310, 311,
        76, 77, 82, 83, 84, 86, 87, 88, 90, 92, 258, 259, 260, 263, 264, 265, 266, 268, 316,
        161, 165, 166, 169, 246, 248, 250, 272, 298, 304, 308, 321, 323, 425, 426, 427, 434, 438,
    )),
    "aarch64": (0xC00000B7, (
        56, 437, 198, 199, 200, 201, 202, 203, 206, 211, 242, 221, 281, 129, 117, 270, 271,
        33, 34, 35, 36, 37, 38, 45, 46, 53, 54, 276,
        51, 39, 40, 142, 104, 217, 219, 97, 241, 265, 268, 280, 282, 425, 426, 427, 434, 438,
    )),
}
# fmt: on
_X32_CALLS = 0x40000000
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _KILL, _EPERM = 0x7FFF0000, 0x80000000, 0x00050001


def die_with_parent(parent: int) -> None:
    """Be killed when the parent ends, however it ends. `parent` is the pid that started us: had it
    ended already, nobody would tell us."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def limit_resources(memory: int) -> None:
    """Address space in bytes; no file may grow, no core is left, few descriptors. A key pressed in the
    terminal stops the parent, which stops us."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _prctl(_PR_SET_DUMPABLE, 0)
    for what, soft in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 24),
    ):
        resource.setrlimit(what, (soft, soft))


def limit_time(cpu_seconds: float, wall_seconds: float) -> None:
    """For the job that begins now: processor time (SIGXCPU) and, should the parent no longer be there
    to look at the clock, wall time (SIGALRM). Both end the process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(usage.ru_utime + usage.ru_stime + cpu_seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
    signal.alarm(int(wall_seconds) + 1)


def rest() -> None:
    """Between jobs no clock runs, and freed memory goes back: where the C library can be asked."""
    signal.alarm(0)
    give_back = getattr(_LIBRARY, "malloc_trim", None)
    if give_back is not None:
        give_back(0)


def refuse_system_calls() -> bool:
    """Install the filter for good. False where the processor is unknown or the kernel has none."""
    known = _REFUSED.get(platform.machine())
    if known is None:
        return False
    code = _program(*known)
    program = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(program))
    try:
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.create_string_buffer(header, len(header)))
    except OSError:
        return False
    return True


def _program(architecture: int, refused: tuple[int, ...]) -> bytes:
    """Classic BPF over struct seccomp_data: number at offset 0, architecture at 4."""
    steps = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
        (_AT_LEAST, 0, 1, _X32_CALLS),
        (_RETURN, 0, 0, _EPERM),
    ]
    for call in refused:
        steps += [(_EQUAL, 0, 1, call), (_RETURN, 0, 0, _EPERM)]
    steps.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _prctl(option: int, *arguments: object) -> None:
    given = [*arguments, *[0] * (4 - len(arguments))]
    as_long = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in given]
    if _LIBRARY.prctl(option, *as_long) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
