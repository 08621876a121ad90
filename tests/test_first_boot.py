"""A card that sets itself up: what is put into an image, and its first start, on a machine in a folder."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from installer.card import opened
from installer.machine import InstallError
from installer.slots import digest

from tests.fake_machine import FakeMachine
from tests.test_install import until_unlocked
from tests.virtual_pi.image import BOOT_AT, ROOT_AT, make_card

TREE = Path(__file__).parents[1]
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
TOOLS = ("debugfs", "e2fsck", "mke2fs", "mkfs.vfat", "mcopy")
MISSING = [tool for tool in TOOLS if shutil.which(tool, path=PATH) is None]
RELEASE = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'
ROOM_BYTES = 48 << 20
HOME = "/opt/rearguard-card"
UNIT = "rearguard-first-boot.service"

needs_tools = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


def ran(*words: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": PATH, "MTOOLS_SKIP_CHECK": "1"}
    return subprocess.run(
        [str(word) for word in words], env=environment, capture_output=True, text=True, check=False
    )


def an_image(folder: Path, release: str = RELEASE) -> Path:
    root = folder / "root"
    (root / "usr/lib").mkdir(parents=True)
    (root / "usr/lib/os-release").write_text(release)
    (root / "etc/systemd/system").mkdir(parents=True)
    (root / "etc/fstab").write_text("as it was\n")
    image = folder / "image.img"

    make_card(image, root, ROOT_AT + ROOM_BYTES)
    return image


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", PATH)
    return an_image(tmp_path)


def card(image: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return ran(TREE / "systemd/card", image, *words)


def in_root(image: Path, request: str) -> str:
    """What debugfs says of the root partition."""
    done = ran("debugfs", "-R", request, f"{image}?offset={ROOT_AT}")
    return done.stdout + "".join(line for line in done.stderr.splitlines() if "debugfs 1." not in line)


def on_boot(image: Path, name: str) -> str:
    return ran("mtype", "-i", f"{image}@@{BOOT_AT}", f"::{name}").stdout


def is_whole(image: Path) -> bool:
    return ran("e2fsck", "-f", "-n", f"{image}?offset={ROOT_AT}").returncode == 0


# ---- the image


@needs_tools
def test_the_card_gets_the_source_what_it_brings_a_unit_and_a_file_to_fill_in(
    image: Path, tmp_path: Path
) -> None:
    for name in ("wheels", "packages"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a file").write_text(name)
    asked = tmp_path / "mine.txt"
    asked.write_text("spotters:\n  eva: CODE\n")
    table = image.read_bytes()[:512]
    brings = (f"--wheels={tmp_path / 'wheels'}", f"--packages={tmp_path / 'packages'}")
    done = card(image, *brings, f"--settings={asked}")
    assert (done.returncode, done.stderr) == (0, "")
    assert image.read_bytes()[:512] == table
    assert is_whole(image)
    back = tmp_path / "back"
    back.mkdir()
    in_root(image, f"rdump / {back}")
    assert (back / "etc/fstab").read_text() == "as it was\n"
    assert digest(back / HOME[1:]) == digest(TREE)
    assert (back / HOME[1:] / "packages/a file").read_text() == "packages"
    assert (back / "etc/systemd/system" / UNIT).read_text() == (TREE / "systemd" / UNIT).read_text()
    wanted = back / "etc/systemd/system/multi-user.target.wants" / UNIT
    assert os.readlink(wanted) == f"../{UNIT}"
    program = in_root(image, f"stat {HOME}/systemd/install")
    assert "Mode:  0755" in program
    assert "User:     0   Group:     0" in program
    assert on_boot(image, "rearguard.txt") == asked.read_text()
    assert "spotters:" in on_boot(image, "rearguard-example.txt")


@needs_tools
def test_without_settings_nothing_is_asked_for_yet(image: Path) -> None:
    done = card(image)
    assert (done.returncode, on_boot(image, "rearguard.txt")) == (0, "")
    assert "as rearguard.txt on its boot partition" in done.stdout


@needs_tools
@pytest.mark.parametrize(
    ("release", "says"),
    [
        ('ID=debian\nPRETTY_NAME="Debian GNU/Linux 11"\nVERSION_ID="11"\n', "found Debian GNU/Linux 11"),
        ('ID=fedora\nVERSION_ID="42"\n', "expected Raspberry Pi OS from bookworm"),
    ],
)
def test_a_system_that_is_too_old_or_another_is_refused_untouched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: str, says: str
) -> None:
    monkeypatch.setenv("PATH", PATH)
    image = an_image(tmp_path, release)
    before = image.read_bytes()
    done = card(image)
    assert done.returncode == 1
    assert says in done.stderr
    assert image.read_bytes() == before


@needs_tools
def test_what_is_no_card_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "image.img.xz"
    packed.write_bytes(b"\xfd7zXZ" * 200)
    assert "a packed image is unpacked first" in card(packed).stderr
    assert "No such file" in card(tmp_path / "none").stderr


@needs_tools
def test_what_is_mounted_is_refused() -> None:
    """Only looked at, also if it were not refused."""
    names = [line.split()[0] for line in Path("/proc/mounts").read_text().splitlines()]
    device = next((name for name in names if Path(name).is_block_device()), None)
    if device is None:
        pytest.skip("no device is mounted here")
    with pytest.raises(InstallError, match="is mounted: unmount"):
        opened(Path(device))


@needs_tools
def test_a_second_time_is_refused(image: Path) -> None:
    card(image)
    again = card(image)
    assert again.returncode == 1
    assert "take a fresh one" in again.stderr


@needs_tools
def test_a_card_that_is_full_says_so_and_starts_nothing(image: Path, tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels/large.whl").write_bytes(os.urandom(ROOM_BYTES))
    done = card(image, f"--wheels={tmp_path / 'wheels'}")
    assert done.returncode == 1
    assert "its root may be full. Take a fresh image" in done.stderr
    assert "not found" in in_root(image, f"stat /etc/systemd/system/{UNIT}")


# ---- its first start

ASKED = "spotters:\n  eva: brown-kettle-7\n  tom: green-kettle-8\n"


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    machine = FakeMachine(tmp_path / "machine")
    (machine.root / "boot/firmware").mkdir(parents=True)
    asks(machine, ASKED)
    return machine


def asks(machine: FakeMachine, text: str) -> None:
    (machine.root / "boot/firmware/rearguard.txt").write_text(text)


def boot_files(machine: FakeMachine) -> dict[str, str]:
    """What follows "rearguard" in their names, and their text."""
    folder = machine.root / "boot/firmware"
    return {path.stem.removeprefix("rearguard"): path.read_text() for path in folder.iterdir()}


def is_set_up(machine: FakeMachine) -> bool:
    """As asked, and answered without a code."""
    found = boot_files(machine)
    return (
        set(found) == {"-done", "-result"}
        and "is set up" in found["-result"]
        and not any("kettle" in text for text in found.values())
        and {"eva", "tom"} <= set((machine.folder / "spotters").read_text().split())
        and machine.running()["ActiveState"] == machine.running("rearguard-page")["ActiveState"] == "active"
    )


def test_the_first_start_sets_up_and_answers_and_the_next_does_nothing(machine: FakeMachine) -> None:
    source = machine.source("1.0")
    done = machine.run(source, "first-boot")
    assert done.returncode == 0, done.stderr
    assert is_set_up(machine)
    answer = boot_files(machine)["-result"]
    for words in ("Rearguard 1.0 is set up", "http://pi.local:8180/", "192.0.2.7", "no sensor answers"):
        assert words in answer
    before = machine.files()
    again = machine.run(source, "first-boot")
    assert (again.returncode, "nothing to do" in again.stdout) == (0, True)
    assert machine.files() == before


def test_what_is_logged_names_nobody(machine: FakeMachine) -> None:
    done = machine.run(machine.source("1.0"), "first-boot")
    asks(machine, f"{ASKED}mistake: eva\n")
    wrong = machine.run(machine.folder / "source-1.0", "first-boot")
    said = done.stdout + done.stderr + wrong.stdout + wrong.stderr
    assert "now: let the spotters in" in said
    assert [word for word in ("eva", "tom", "kettle") if word in said] == []


def test_a_mistake_is_answered_and_nothing_is_half_set_up(machine: FakeMachine) -> None:
    source = machine.source("1.0")
    asks(machine, f"{ASKED}a mistake\n")
    done = machine.run(source, "first-boot")
    assert done.returncode == 2  # not tried again before the next start: see the unit
    assert "4:a mistake" in boot_files(machine)["-result"]
    assert set(boot_files(machine)) == {"", "-result"}
    assert not (machine.root / "etc/rearguard").exists()
    assert list((machine.folder / "run").iterdir()) == []
    asks(machine, ASKED)
    assert machine.run(source, "first-boot").returncode == 0
    assert is_set_up(machine)


def test_without_a_network_it_says_so_and_is_tried_again(machine: FakeMachine) -> None:
    source = machine.source("1.0")
    (machine.folder / "no-network").touch()
    done = machine.run(source, "first-boot")
    assert done.returncode == 1  # tried again a minute later
    assert "Not set up yet" in boot_files(machine)["-result"]
    (machine.folder / "no-network").unlink()
    assert machine.run(source, "first-boot").returncode == 0
    assert is_set_up(machine)


POINTS = 179
"""So often a first start changes a file or starts a command."""


@pytest.mark.parametrize("point", range(1, POINTS, 7))
def test_a_first_start_that_was_killed_is_finished_by_the_next(machine: FakeMachine, point: int) -> None:
    source = machine.source("1.0")
    killed = machine.run(source, "first-boot", kill_at=point)
    assert killed.returncode == -9
    until_unlocked(machine)
    machine.run(source, "first-boot")
    assert is_set_up(machine)


def test_every_point_of_a_first_start_is_counted(machine: FakeMachine) -> None:
    said = machine.run(machine.source("1.0"), "first-boot").stderr
    assert said.splitlines()[-1] == f"{POINTS} points"


@pytest.mark.parametrize("command", ["apt-get", "pip wheel", "card settings", "broker setup", "card pair"])
def test_a_power_cut_during_a_command_costs_time_only(machine: FakeMachine, command: str) -> None:
    source = machine.source("1.0")
    machine.run(source, "first-boot", POWER_CUT_AT=command)
    assert "" in boot_files(machine)  # what is asked for is not forgotten
    until_unlocked(machine)
    machine.run(source, "first-boot")
    assert is_set_up(machine)
    log = machine.log()
    assert log.index("dpkg --configure --pending") < next(
        k for k, line in enumerate(log) if "apt-get" in line
    )


def test_what_the_card_brings_is_taken_and_no_index_is_asked(machine: FakeMachine) -> None:
    source = machine.source("1.0")
    for name in ("wheels", "packages"):
        (source / name).mkdir()
        (source / name / "mosquitto.deb").touch()
    machine.run(source, "first-boot")
    (asked,) = [line for line in machine.log() if line.startswith("apt-get")]
    assert asked.endswith(f"python3-venv mosquitto openssl procps {source}/packages/mosquitto.deb")
    gathered = next(line for line in machine.log() if "pip wheel" in line)
    assert f"--no-index --find-links {source}/wheels" in gathered
    assert is_set_up(machine)


def test_under_its_own_name_the_file_is_done_again_and_other_settings_stay(machine: FakeMachine) -> None:
    source = machine.source("1.0")
    machine.run(source, "first-boot")
    settings = machine.root / "etc/rearguard/config.yaml"
    settings.write_text(settings.read_text() + "# calibrated\n")
    asks(machine, ASKED)
    assert machine.run(source, "first-boot").returncode == 0
    assert settings.read_text().endswith("# calibrated\n")
    assert is_set_up(machine)


def test_uninstalling_takes_what_the_card_brought(machine: FakeMachine) -> None:
    source = machine.source("1.0")
    brought = machine.root / HOME[1:]
    shutil.copytree(source, brought, symlinks=True)
    unit = machine.root / "etc/systemd/system" / UNIT
    unit.parent.mkdir(parents=True)
    unit.write_text("")
    machine.run(source, "first-boot")
    machine.run(source, "uninstall", "--force")
    assert not brought.exists()
    assert not unit.exists()
