"""Secrets come from files that others cannot read, or from systemd; they are never printed."""

import os
import stat
from pathlib import Path

from monitor.core.vocabulary import RearguardError


class SecretError(RearguardError):
    """A secret or certificate that is missing, unusable, or that others on this machine could read."""


def password(username: str, password_file: str) -> str:
    """The password of ``username``: from ``password_file``, or from systemd's credential ``mqtt_password``.

    Raises SecretError.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if password_file:
        path = Path(password_file)
        check_secret(path)
    elif folder:
        path = Path(folder) / "mqtt_password"
    else:
        raise SecretError(f"account {username!r} needs a password: set password_file")
    try:
        return path.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SecretError(f"cannot read the password: {error}") from None


def check_secret(path: Path) -> None:
    """Raises SecretError if anyone but the file's owner can change it, or but owner and group can read it."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SecretError(f"cannot read a secret: {error.strerror}: {path}") from None
    if not stat.S_ISREG(mode):
        raise SecretError(f"{path} is no file: expected one that holds the secret")
    if mode & 0o027:
        raise SecretError(f"{path} is open to others (mode {mode & 0o777:o}): run chmod 600 {path}")
