"""The command blocks of the documents: those fenced with ``sh``."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

NOT_RUN = {
    "rearguard watch 'mqtts://": "waits for a person's keys, with a password that only `pair` knows",
    "CREDENTIALS_DIRECTORY=/etc/rearguard": "the running service has the sensor, and check says so",
    "enable --now rearguard-notify": "needs the settings above it, which a person types in",
}
"""Commands that cannot be run in a chroot without a person, by a part of them, and why."""


def blocks(page: Path) -> list[list[str]]:
    """The commands of each block of ``page``, in order; a continued line is one command."""
    found = re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [commands(block) for block in found]


def commands(block: str) -> list[str]:
    """A command a line, without remarks; a line that ends with a backslash or a pipe goes on."""
    text = re.sub(r"(^|\s+)# .*$", "", block, flags=re.MULTILINE)
    text = re.sub(r"\\\n\s*", "", text)
    text = re.sub(r"\|\n\s*", "| ", text)
    return [line for line in text.splitlines() if line]


def documents() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def reason_not_to_run(command: str) -> str:
    return next((why for part, why in NOT_RUN.items() if part in command), "")
