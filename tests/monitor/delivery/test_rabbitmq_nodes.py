"""A cluster's nodes: what is written for each, once; tried at a real node by `test_roster_at_brokers`."""

import re
import subprocess
from pathlib import Path

import pytest

from monitor.core.vocabulary import RearguardError
from monitor.delivery import certificates, rabbitmq_nodes
from monitor.delivery.rabbitmq_nodes import NodesError

HOSTS = ["a.gym", "b.gym", "c.gym"]


def files(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in found}


def test_each_node_is_given_its_own_certificate_and_all_one_authority_and_secret(tmp_path: Path) -> None:
    assert rabbitmq_nodes.lacking(tmp_path, HOSTS, 8883) == HOSTS
    rabbitmq_nodes.make(tmp_path, HOSTS, 8883)
    found = files(tmp_path)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()} == {0o600}
    given = ("broker.crt", "broker.key", "ca.crt", "cookie", "enabled_plugins")
    given += ("rabbitmq-env.conf", "rabbitmq.conf", "setup.sh")
    named = {f"{host}/{name}" for host in HOSTS for name in given}
    assert found.keys() == named | {"ca.key", "ca.crt", "cookie"}
    for host in HOSTS:
        certificate = tmp_path / host / "broker.crt"
        assert certificates.names(certificate) == [host]
        assert certificates.signed(certificate, tmp_path / "ca.crt")
        assert (found[f"{host}/cookie"], found[f"{host}/ca.crt"]) == (found["cookie"], found["ca.crt"])
        assert f"NODENAME=rearguard@{host}\nUSE_LONGNAME=true\n" in found[f"{host}/rabbitmq-env.conf"]
        settings = dict(re.findall("^([a-z].*) = (.*)$", found[f"{host}/rabbitmq.conf"], re.MULTILINE))
        assert settings["mqtt.listeners.ssl.default"] == "8883"
        assert [settings[f"cluster_formation.classic_config.nodes.{n}"] for n in (1, 2, 3)] == [
            f"rearguard@{one}" for one in HOSTS
        ]
        assert (settings["mqtt.allow_anonymous"], settings["mqtt.listeners.tcp"]) == ("false", "none")
    assert len({found[f"{host}/broker.key"] for host in HOSTS}) == 3


def test_the_script_takes_each_file_that_is_there(tmp_path: Path) -> None:
    rabbitmq_nodes.make(tmp_path, ["gym"], 8883)
    own = tmp_path / "gym"
    assert subprocess.run(["sh", "-n", str(own / "setup.sh")], check=False).returncode == 0
    installed = " ".join(
        line for line in (own / "setup.sh").read_text().splitlines() if line.startswith("install ")
    )
    assert all(path.name in installed for path in own.iterdir() if path.name != "setup.sh")
    assert "USE_LONGNAME=false" in (own / "rabbitmq-env.conf").read_text()


def test_a_second_run_changes_nothing_and_one_that_was_interrupted_is_ended(tmp_path: Path) -> None:
    rabbitmq_nodes.make(tmp_path, HOSTS, 8883)
    before = files(tmp_path)
    assert rabbitmq_nodes.lacking(tmp_path, HOSTS, 8883) == []
    rabbitmq_nodes.make(tmp_path, HOSTS, 8883)
    assert files(tmp_path) == before
    (tmp_path / "b.gym/setup.sh").unlink()
    (tmp_path / "b.gym/cookie").unlink()
    assert rabbitmq_nodes.lacking(tmp_path, HOSTS, 8883) == ["b.gym"]
    rabbitmq_nodes.make(tmp_path, HOSTS, 8883)
    assert files(tmp_path) == before


def test_another_node_is_said_to_all_and_keys_stay(tmp_path: Path) -> None:
    rabbitmq_nodes.make(tmp_path, HOSTS, 8883)
    before = files(tmp_path)
    more = [*HOSTS, "d.gym"]
    assert rabbitmq_nodes.lacking(tmp_path, more, 8883) == more
    rabbitmq_nodes.make(tmp_path, more, 8883)
    after = files(tmp_path)
    assert {name for name in before if after[name] != before[name]} == {f"{h}/rabbitmq.conf" for h in HOSTS}


def test_another_authority_signs_anew_and_a_lost_key_is_asked_for(tmp_path: Path) -> None:
    rabbitmq_nodes.make(tmp_path, ["a.gym"], 8883)
    (tmp_path / "ca.key").unlink()
    (tmp_path / "a.gym/setup.sh").unlink()
    with pytest.raises(NodesError, match=r"ca\.key is missing: bring it back, or remove .*ca\.crt"):
        rabbitmq_nodes.make(tmp_path, ["a.gym"], 8883)
    (tmp_path / "ca.crt").unlink()
    rabbitmq_nodes.make(tmp_path, ["a.gym"], 8883)
    assert certificates.signed(tmp_path / "a.gym/broker.crt", tmp_path / "ca.crt")


@pytest.mark.parametrize(
    ("hosts", "words"),
    [
        (["a.gym", "b"], "expected hosts with a domain each, or none with one, found a.gym,b"),
        (["fe80::1"], "fe80::1 is an IPv6 address"),
        (["../etc"], "'../etc' is neither a host's name nor an address"),
        (["a.gym", ""], "'' is neither a host's name nor an address"),
    ],
)
def test_hosts_that_cannot_be_nodes_are_refused_before_anything_is_written(
    tmp_path: Path, hosts: list[str], words: str
) -> None:
    for act in (rabbitmq_nodes.lacking, rabbitmq_nodes.make):
        with pytest.raises(RearguardError, match=re.escape(words)):
            act(tmp_path, hosts, 8883)
    assert not files(tmp_path)
