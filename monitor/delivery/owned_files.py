"""Files that root writes and one group reads, in folders that a less trusted program may once have owned.

No link is followed, and a file is replaced in one step: the broker may read it at any moment. Without root
(in tests) modes are set and owners are left alone.
"""

import errno
import os
import secrets
import stat
from pathlib import Path


def write(path: Path, text: str, mode: int, group: int, user: int = 0) -> None:
    """Put ``text`` in the place of ``path``, which then belongs to ``user`` and ``group``. Raises OSError."""
    new = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    made = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(made, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            _give(file.fileno(), mode, group, user)
            os.fsync(file.fileno())  # before its name leads to it: after a power cut it is the old or the new
        new.replace(path)
        _sync(path.parent)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def make_private_folder(path: Path) -> None:
    """Make the folder, if there is none, for the owner of the one around it alone. Raises OSError."""
    if path.is_dir():
        return
    path.mkdir(mode=0o700)
    around = path.parent.stat()
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
    try:
        _give(opened, 0o700, around.st_gid, around.st_uid)
    finally:
        os.close(opened)


def write_private(path: Path, text: str) -> None:
    """Put ``text`` in the place of ``path``, for whoever owns its folder and nobody else. Raises OSError."""
    folder = path.parent.stat()
    write(path, text, 0o600, folder.st_gid, folder.st_uid)


def _sync(folder: Path) -> None:
    """What is written next is not on the disk before this."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def is_given(path: Path, mode: int, group: int) -> bool:
    """Does it already have this mode, and belong to root and ``group``? Raises OSError."""
    found = path.lstat()
    owners = (found.st_uid, found.st_gid) if os.geteuid() == 0 else (0, group)
    return stat.S_IMODE(found.st_mode) == mode and owners == (0, group)


def give(path: Path, mode: int, group: int) -> None:
    """Give a file or a folder to root and ``group``. Raises OSError, also for a link of any kind."""
    opened = open_itself(path)
    try:
        found = os.fstat(opened)
        if not stat.S_ISDIR(found.st_mode) and (not stat.S_ISREG(found.st_mode) or found.st_nlink != 1):
            raise OSError(errno.EINVAL, f"{path} is no file with one name only: remove it")
        _give(opened, mode, group)
    finally:
        os.close(opened)


def open_itself(path: Path) -> int:
    """A descriptor to read ``path``. Raises FileNotFoundError, and OSError for a link."""
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # nor wait for a pipe's other end
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, f"{path} is a link, expected a file: remove it") from None
        raise


def _give(descriptor: int, mode: int, group: int, user: int = 0) -> None:
    if os.geteuid() == 0:
        os.fchown(descriptor, user, group)
    os.fchmod(descriptor, mode)
