"""The page's certificate: made once, renewed in time, and good for who trusts its authority."""

import os
import shutil
import socket
import ssl
import stat
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.delivery import certificates, page_certificate
from monitor.delivery.certificates import CertificateError
from monitor.delivery.page_certificate import PageCertificateError, addresses, make
from tests.pulse import PATIENCE_S

NOW_S = time.time()
DAY_S = 86400
NOBODY = 65534

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture(autouse=True)
def _one_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has."""
    _with_addresses(monkeypatch, {"192.0.2.7": "wlan0"})


def _with_addresses(monkeypatch: pytest.MonkeyPatch, further: dict[str, str]) -> None:
    monkeypatch.setattr(page_certificate, "addresses", lambda: {"127.0.0.1": "lo", **further})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """With `page`, where the page's folder will be, and the `broker`'s, which has nothing."""
    (tmp_path / "broker").mkdir()
    return tmp_path


def made(
    home: Path, further: Sequence[str] = (), after_days: float = 0, *, page: str = "page", dry: bool = False
) -> list[str]:
    """What it says, so many days from now."""
    return list(make(home / page, home / "broker", further, NOW_S + after_days * DAY_S, dry=dry))


def steps(said: list[str], word: str = "now") -> list[str]:
    return [line for line in said if line.startswith(f"{word}: ")]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def give_authority(folder: Path) -> None:
    """As `broker setup` does."""
    (folder / "ca.key").write_text(certificates.key())
    (folder / "ca.crt").write_text(certificates.authority(folder / "ca.key"))


@contextmanager
def not_root() -> Iterator[None]:
    """Root may do everything: be nobody instead."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """A TLS server with the page's certificate, at a free port of loopback."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "page.crt", folder / "page.key")
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                plain, _ = listening.accept()
                with plain, suppress(OSError):  # who refuses us hangs up
                    if ended.is_set():
                        return
                    plain.settimeout(PATIENCE_S)
                    with context.wrap_socket(plain, server_side=True) as secure:
                        secure.sendall(b"well")

        thread = threading.Thread(target=serve)
        thread.start()
        port = listening.getsockname()[1]
        try:
            yield port
        finally:
            ended.set()
            socket.create_connection(("127.0.0.1", port), PATIENCE_S).close()
            thread.join()


def greet(port: int, name: str, ca: Path) -> bytes:
    """As somebody who trusts this authority alone, and is as strict as Python 3.13."""
    context = ssl.create_default_context(cafile=str(ca))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with (
        socket.create_connection(("127.0.0.1", port), PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        return secure.recv(16)


def test_who_trusts_the_authority_gets_in_by_every_name_and_by_no_other(home: Path) -> None:
    made(home, ["pi.example", "192.0.2.9"])
    give_authority(home / "broker")
    page, own = home / "page", socket.gethostname()
    with serving(page) as port:
        for name in (own, f"{own}.local", "localhost", "pi.example", "127.0.0.1", "192.0.2.7", "192.0.2.9"):
            assert greet(port, name, page / "ca.crt") == b"well"
        for name in ("other.example", "192.0.2.8"):
            with pytest.raises(ssl.SSLCertVerificationError, match=f"not valid for '{name}'"):
                greet(port, name, page / "ca.crt")
        with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
            greet(port, "localhost", home / "broker/ca.crt")


def test_everything_is_made_once_and_the_keys_are_their_owner_s_alone(home: Path) -> None:
    page = home / "page"
    assert len(steps(made(home))) == 5
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in page.iterdir()}
    assert modes == {"ca.key": 0o600, "ca.crt": 0o644, "page.key": 0o600, "page.crt": 0o644}
    assert stat.S_IMODE(page.stat().st_mode) == 0o700
    before = content(page)
    said = made(home)
    assert len(steps(said, "there already")) == 5
    assert "nothing was changed" in said
    assert any("page.crt is good until " in line for line in said)
    assert content(page) == before


def test_it_lasts_as_long_as_phones_allow_and_its_authority_for_ten_years(home: Path) -> None:
    said = "\n".join(made(home))
    ends_s = [certificates.end_s(home / "page" / name) for name in ("page.crt", "ca.crt")]
    assert [round((end_s - NOW_S) / DAY_S) for end_s in ends_s] == [820, 3650]
    assert time.strftime("good until %Y-%m-%d", time.gmtime(ends_s[0])) in said


def test_it_says_what_comes_next(home: Path) -> None:
    said = "\n".join(made(home, page="my page"))
    folder = home / "my page"
    assert f'    certificate_file: "{folder}/page.crt"\n    key_file: "{folder}/page.key"\n' in said
    assert f"bring {folder}/ca.crt to it" in said
    assert "Install certificate > CA certificate" in said
    assert "Certificate Trust Settings" in said
    assert "none of this has been tried on a phone" in said


def test_a_dry_run_says_all_and_makes_nothing(home: Path) -> None:
    assert len(steps(made(home, dry=True), "would")) == 5
    assert not (home / "page").exists()
    made(home)
    before = content(home / "page")
    assert len(steps(made(home, ["pi.example"], dry=True), "would")) == 1
    assert content(home / "page") == before


def test_the_broker_s_authority_signs_where_there_is_one(home: Path) -> None:
    give_authority(home / "broker")
    before = content(home / "broker")
    said = made(home)
    assert sorted(content(home / "page")) == ["page.crt", "page.key"]
    assert content(home / "broker") == before
    assert f"there already: take the broker's authority, {home}/broker/ca.crt" in said
    with serving(home / "page") as port:
        assert greet(port, "localhost", home / "broker/ca.crt") == b"well"


def test_an_authority_that_phones_trust_already_stays_when_the_broker_gets_one(home: Path) -> None:
    made(home)
    give_authority(home / "broker")
    assert "nothing was changed" in made(home)
    assert len(steps(made(home, after_days=761))) == 1
    assert certificates.signed(home / "page/page.crt", home / "page/ca.crt")


def test_it_is_renewed_with_the_same_key_when_less_than_sixty_days_are_left(home: Path) -> None:
    made(home)
    before = content(home / "page")
    assert steps(made(home, after_days=759.9)) == []
    (line,) = steps(made(home, after_days=760.1))
    assert "page.crt (the one there ends on 20" in line
    after = content(home / "page")
    assert {name for name in before if after[name] != before[name]} == {"page.crt"}


def test_a_new_name_or_address_renews_it_and_what_it_was_for_it_stays_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(home, ["Pi.Example", "192.0.2.9"])
    _with_addresses(monkeypatch, {"192.0.2.8": "eth0"})
    (line,) = steps(made(home))
    assert "(the one there is not for 192.0.2.8)" in line
    assert "192.0.2.8 (eth0)" in line
    assert "nothing was changed" in made(home, ["PI.example"])
    certificate = home / "page/page.crt"
    assert {"pi.example", "192.0.2.9", "192.0.2.7", "192.0.2.8"} < set(certificates.names(certificate))


@pytest.mark.parametrize(("file", "count"), [("page.key", 2), ("page.crt", 1), ("ca.crt", 1)])
def test_a_file_that_is_lost_or_another_is_made_up_for(home: Path, file: str, count: int) -> None:
    made(home)
    lost = home / "page" / file
    lost.unlink()
    assert len(steps(made(home))) == count
    assert steps(made(home)) == []
    if file == "page.key":
        lost.write_text(certificates.key())
    elif file == "page.crt":
        lost.write_text("no certificate\n")
    else:
        (home / "page/ca.key").write_text(certificates.key())
        lost.write_text(certificates.authority(home / "page/ca.key"))
    (line,) = steps(made(home))
    assert "page.crt (the one there " in line
    with serving(home / "page") as port:
        assert greet(port, "localhost", home / "page/ca.crt") == b"well"


def test_what_another_authority_vouched_for_ours_does_not(home: Path) -> None:
    made(home)
    page, broker = home / "page", home / "broker"
    give_authority(broker)
    words = (["other.example", "localhost"], broker / "ca.crt", broker / "ca.key")
    (page / "page.crt").write_text(certificates.server(page / "page.key", *words))
    (line,) = steps(made(home))
    assert f"(the one there is not signed by {page}/ca.crt)" in line
    assert "other.example" not in certificates.names(page / "page.crt")


@pytest.mark.parametrize("count", range(5))
def test_wherever_it_is_interrupted_the_next_run_goes_on(home: Path, count: int) -> None:
    said = make(home / "page", home / "broker", [], NOW_S)
    for _ in range(count + 1):  # a step is done when the next is asked for
        next(said)
    del said
    assert len(steps(made(home))) == 5 - count
    assert steps(made(home)) == []


@pytest.mark.parametrize("where", ["broker", "page"])
def test_the_authority_s_key_may_be_kept_elsewhere_until_something_is_to_be_signed(
    home: Path, where: str
) -> None:
    (home / "page").mkdir()
    give_authority(home / where)
    (home / "broker/broker.crt").touch()
    made(home)
    key = home / where / "ca.key"
    elsewhere = key.rename(home / "elsewhere")
    assert "nothing was changed" in made(home)
    before = content(home / "page")
    with pytest.raises(PageCertificateError, match=rf"{key} is missing.*bring it back.*{where}/ca\.crt"):
        made(home, ["pi.example"])
    with pytest.raises(PageCertificateError, match=f"{key} is missing"):
        made(home, ["pi.example"], dry=True)
    assert content(home / "page") == before
    elsewhere.rename(key)
    assert len(steps(made(home, ["pi.example"]))) == 1


def test_half_an_authority_of_the_broker_is_to_be_finished_first(home: Path) -> None:
    (home / "broker/ca.key").write_text(certificates.key())
    with pytest.raises(PageCertificateError, match="first run sudo rearguard broker setup"):
        made(home)
    assert not (home / "page").exists()


def test_nothing_outlives_its_authority(home: Path) -> None:
    made(home)
    assert len(steps(made(home, ["pi.example"], 3650 - 100.5))) == 1
    assert round((certificates.end_s(home / "page/page.crt") - NOW_S) / DAY_S) == 100
    with pytest.raises(PageCertificateError, match=r"ca\.crt ends on 20.*remove .*ca\.crt to get a new"):
        made(home, after_days=3650 - 59)


def test_a_name_that_is_none_is_refused_before_anything_is_made(home: Path) -> None:
    with pytest.raises(CertificateError, match="'a,b' is neither a host's name nor an address"):
        made(home, ["a,b"])
    assert not (home / "page").exists()


def test_openssl_that_is_missing_is_named_with_what_to_do(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(home))
    for dry in (True, False):
        with pytest.raises(CertificateError, match="openssl is not installed: sudo apt install openssl"):
            made(home, dry=dry)
    assert not (home / "page").exists()


def test_a_folder_that_cannot_be_is_said_in_words(home: Path) -> None:
    (home / "file").touch()
    for page in ("file", "file/below"):
        with pytest.raises(PageCertificateError, match=r"/file.*: \w.*; --folder names another folder"):
            made(home, page=page)


def test_a_folder_of_somebody_else_is_not_written_and_his_authority_not_passed_over() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own lets nobody else in
        home = Path(name)
        home.chmod(0o755)
        (home / "broker").mkdir(mode=0o755)
        (home / "page").mkdir(mode=0o555)
        sudo = rf"permission denied; run it with sudo and --folder {home}/page$"
        with not_root(), pytest.raises(PageCertificateError, match=rf"^{home}/page/.*: {sudo}"):
            made(home)
        give_authority(home / "broker")
        (home / "broker/ca.key").chmod(0o000)
        with not_root(), pytest.raises(PageCertificateError, match=rf"ca\.key: {sudo}"):
            made(home)
        (home / "broker").chmod(0o000)
        with not_root(), pytest.raises(PageCertificateError, match=rf"broker/ca\.crt: {sudo}"):
            made(home)
        (home / "broker").chmod(0o755)
        assert list((home / "page").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_makes_in_somebody_s_folder_is_his_but_not_the_authority_s_key(home: Path) -> None:
    (home / "his").mkdir()
    os.chown(home / "his", NOBODY, NOBODY)
    made(home, page="his/state/page")
    page = home / "his/state/page"
    owners = {path.name: path.stat().st_uid for path in (*page.iterdir(), page, page.parent)}
    assert owners == {
        "ca.key": 0,
        **dict.fromkeys(("ca.crt", "page.key", "page.crt", "page", "state"), NOBODY),
    }


def test_a_link_in_the_place_of_a_file_leads_nowhere(home: Path) -> None:
    made(home)
    other = home / "other"
    other.write_text("of somebody\n")
    (home / "page/page.crt").unlink()
    (home / "page/page.crt").symlink_to(other)
    made(home)
    assert other.read_text() == "of somebody\n"
    assert not (home / "page/page.crt").is_symlink()


def test_a_disk_that_is_full_leaves_what_was_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(home)
    before = content(home / "page")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("monitor.delivery.page_certificate.os.fchmod", full)
    with pytest.raises(PageCertificateError, match="page: No space left on device"):
        made(home, ["pi.example"])
    assert content(home / "page") == before


def test_this_machine_s_addresses_are_found() -> None:
    """Of this very machine: loopback at least, and none twice or made up for the moment."""
    found = addresses()
    assert found["127.0.0.1"] == "lo"
    interfaces = {name for _, name in socket.if_nameindex()}
    assert set(found.values()) <= interfaces
    for address in found:  # ours, or we could not bind it
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
            bound.bind((address, 0))


def test_an_interface_s_passing_address_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    has = {b"lo": "127.0.0.1", b"eth0": "169.254.3.4", b"wlan0": "192.0.2.7", b"vpn0": "10.8.0.2"}

    def ioctl(_: socket.socket, request: int, asked: bytes) -> bytes:
        assert request == 0x8915
        name = asked[:16].rstrip(b"\0")
        if name not in has:
            raise OSError(99, "Cannot assign requested address")
        return asked[:20] + socket.inet_aton(has[name]) + asked[24:]

    monkeypatch.setattr("monitor.delivery.page_certificate.fcntl.ioctl", ioctl)
    names = ["lo", "eth0", "usb0", "wlan0", "vpn0"]
    monkeypatch.setattr("socket.if_nameindex", lambda: list(enumerate(names, 1)))
    assert addresses() == {"127.0.0.1": "lo", "192.0.2.7": "wlan0", "10.8.0.2": "vpn0"}


def test_the_command_makes_it_and_says_what_went_wrong(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("monitor.commands.page.BROKER", home / "broker")
    settings = home / "config.yaml"
    settings.write_text(f"page: {{folder: {home}/page}}\n")
    command = ["page", "certificate", "--config", str(settings)]
    assert main(["page", "certificate", "pi.example"]) == 2
    assert "certificate takes no NAME" in capsys.readouterr().err
    assert main([*command, "--dry-run"]) == 0
    assert not (home / "page").exists()
    settings_in_force = capsys.readouterr().err
    assert main([*command, "--host", "pi.example", "--host", "fd00::9"]) == 0
    said = capsys.readouterr()
    assert "page.crt is good until 20" in said.out
    assert said.err == settings_in_force  # the page's host, not the broker's
    for name in ("pi.example", "fd00::9"):
        assert certificates.carries(home / "page/page.crt", name)
    assert main([*command, "--folder", str(home / "other")]) == 0
    assert (home / "other/page.key").exists()
    assert main([*command, "--folder", str(settings)]) == 2
    assert "--folder names another folder" in capsys.readouterr().err
    assert main(["page", "spotters", "--dry-run", "--config", str(settings)]) == 2
    assert "--dry-run is for certificate alone" in capsys.readouterr().err
