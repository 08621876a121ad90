"""Home Assistant in a Debian 13 root of its own, made once: Debian 12's Python is too old for it."""

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fresh.root import Root, base, carry_in, mounted

VERSION = "2026.2.3"
"""The last that runs on Debian 13's Python 3.13."""

PACKAGES = (
    "python3-venv python3-dev gcc g++ make cmake libc6-dev libffi-dev libssl-dev zlib1g-dev "
    "libjpeg62-turbo-dev"
)
READY = "ready.txt"

NEEDED = """
import importlib.util, json, pathlib
parts = pathlib.Path(importlib.util.find_spec('homeassistant').origin).parent / 'components'
todo = 'mqtt mobile_app automation api analytics backup frontend cloud camera conversation'.split()
seen, needed = set(), set()
while todo:
    part = todo.pop()
    if part not in seen:
        seen.add(part)
        manifest = json.loads((parts / part / 'manifest.json').read_text())
        needed.update(manifest.get('requirements', ()))
        todo += manifest.get('dependencies', ())
print(*sorted(needed), 'pyotp==2.9.0', 'PyQRCode==1.2.1', sep='\\n')
"""
"""Home Assistant installs what its parts need when it starts; from then on only loopback is used here."""


@contextmanager
def installed(cache: Path) -> Iterator[Root]:
    """The root, mounted; ``/ha/bin/hass`` is there. Raises RuntimeError where it cannot be installed."""
    path = cache / "home-assistant"
    cache.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        half = path.with_name("home-assistant-half")
        subprocess.run(["rm", "-rf", "--one-file-system", str(half)], check=True)
        subprocess.run(["cp", "-a", base("trixie", cache), half], check=True)
        half.rename(path)
    with (cache / "home-assistant.log").open("w") as log, mounted(path):
        here = Root(path, log)
        try:
            if not (path / READY).exists() or (path / READY).read_text() != VERSION:
                carry_in(path, "trixie")
                print(f"installing Home Assistant {VERSION}: some minutes", flush=True)
                _install(here)
                (path / READY).write_text(VERSION)
            yield here
        finally:
            here.left_behind()


def _install(here: Root) -> None:
    for command in (
        f"apt-get -qq update && apt-get -qqy install --no-install-recommends {PACKAGES}",
        "python3 -m venv /ha",
        f"/ha/bin/pip install --quiet homeassistant=={VERSION}",
        f"/ha/bin/python -c {shlex.quote(NEEDED)} > /needed && /ha/bin/pip install --quiet -r /needed",
    ):
        if here.run(command).status:
            raise RuntimeError(f"{command} failed: see {here.log.name}")
