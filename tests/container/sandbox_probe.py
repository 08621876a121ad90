"""Put into a virtual environment, each service tries, as Python starts, what its sandbox is there for.

It prints one line of JSON: what was tried, and the name of the error that came of it, "" if none did.
"""

import ctypes
import errno
import json
import mmap
import os
import socket
from collections.abc import Callable
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWUSER = 0x10000000
PTRACE_TRACEME = 0
UNAME26 = 0x0020000


def call(result: int) -> None:
    if result == -1:
        raise OSError(ctypes.get_errno(), "")


def be_traced() -> None:
    """By a child, whose tracer would be us."""
    child = os.fork()
    if child == 0:
        os._exit(ctypes.get_errno() if libc.ptrace(PTRACE_TRACEME, 0, None, None) == -1 else 0)
    if refused := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise OSError(refused, "")


def make_setuid(folder: str) -> None:
    made = Path(folder, "setuid")
    try:
        made.touch()
        made.chmod(0o4755)
    finally:
        made.unlink(missing_ok=True)


def write_and_remove(place: str) -> None:
    Path(place).write_text("tried")
    Path(place).unlink()


def tries() -> dict[str, Callable[[], object]]:
    state = os.environ.get("STATE_DIRECTORY", "/tmp")  # notify has none, and keeps nothing
    return {
        "write where it keeps its state": lambda: write_and_remove(f"{state}/tried"),
        "write in a folder that all may write in": lambda: write_and_remove("/srv/for-all/tried"),
        "look into /home": lambda: os.listdir("/home"),
        "look into /root": lambda: os.listdir("/root"),
        "see what others have in /tmp": lambda: os.stat("/tmp/of-others"),
        "open a device that all may open": lambda: os.close(os.open("/dev/for-all", os.O_RDWR)),
        "see other processes": lambda: os.stat("/proc/1"),
        "get a network of another kind": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close(),
        "make a namespace": lambda: call(libc.unshare(CLONE_NEWUSER)),
        "run what it has written": lambda: mmap.mmap(
            -1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
        ).close(),
        "make a file setuid": lambda: make_setuid(state),
        "take on another personality": lambda: call(libc.personality(UNAME26)),
        "use a system call of debuggers": be_traced,
    }


def come_of(trial: Callable[[], object]) -> str:
    try:
        trial()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return ""


if "INVOCATION_ID" in os.environ:  # systemd's
    status = Path("/proc/self/status").read_text().split("\n")
    found = {name: come_of(trial) for name, trial in tries().items()}
    found |= {line.partition(":\t")[0]: line.partition(":\t")[2] for line in status if line.startswith("Cap")}
    print("sandbox", json.dumps(found), flush=True)
