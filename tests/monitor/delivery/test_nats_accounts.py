"""NATS' accounts say what Mosquitto's access list says, and no more."""

import ctypes
import re

import pytest

from monitor.delivery import nats_accounts
from monitor.delivery.accounts import Role, rights
from monitor.delivery.nats_accounts import HashError, User, configuration, hashed, user

SALT = bytes(range(16))


def subjects(text: str, act: str) -> list[str]:
    found = re.search(rf"{act}: \[(.*?)\]", text)
    assert found is not None
    return re.findall(r'"([^"]+)"', found[1])


@pytest.mark.parametrize(
    ("name", "role"), [("walker", Role.DEVICE), ("eva", Role.SPOTTER), ("ha", Role.HOME)]
)
def test_each_role_has_the_rights_it_has_at_mosquitto(name: str, role: Role) -> None:
    text = configuration([user(name, "walker", role, "x")])
    granted = {f"topic write {one}" for one in subjects(text, "publish")}
    granted |= {f"topic read {one}" for one in subjects(text, "subscribe") if one != "$MQTT.sub.>"}
    assert granted == {line.replace("/", ".").replace("#", ">") for line in rights("walker", role)}


def test_an_account_speaks_mqtt_only() -> None:
    text = configuration([user(name, "walker", Role.SPOTTER, "x") for name in ("eva", "tom")])
    assert text.count('allowed_connection_types: ["MQTT"]') == text.count("user: ") == 2


def test_who_may_write_nothing_is_not_given_everything() -> None:
    text = configuration([User("mute", "x", [], [])])
    assert text.count('{ deny: ">" }') == 2


@pytest.mark.parametrize(
    ("name", "role"),
    [('eva"', Role.SPOTTER), ("", Role.SPOTTER), ("walker", Role.SPOTTER), ("eva", Role.DEVICE)],
)
def test_a_name_that_is_not_allowed_makes_no_account(name: str, role: Role) -> None:
    with pytest.raises(ValueError, match="account name"):
        user(name, "walker", role, "x")


def test_a_password_is_kept_as_bcrypt_that_verifies() -> None:
    kept = hashed("swordfish", SALT)
    assert re.fullmatch(r"\$2a\$04\$[./A-Za-z0-9]{53}", kept)
    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    assert crypt(b"swordfish", kept.encode()) == kept.encode()
    assert crypt(b"sailfish", kept.encode()) != kept.encode()
    assert hashed("swordfish", SALT[::-1]) != kept


def test_where_passwords_cannot_be_hashed_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> None:
        raise OSError("libcrypt.so.1: cannot open shared object file")

    monkeypatch.setattr(nats_accounts.ctypes, "CDLL", missing)
    with pytest.raises(HashError, match="libcrypt1"):
        hashed("swordfish", SALT)
