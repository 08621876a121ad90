"""A cluster's nodes: what is written for each, once; tried at a real node by `test_roster_at_brokers`."""

import re
import ssl
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
        assert settings["listeners.tcp"] == "none"
        assert settings["cluster_partition_handling"] == "pause_minority"
        assert (settings["mqtt.durable_queue_type"], settings["net_ticktime"]) == ("quorum", "4")
    assert len({found[f"{host}/broker.key"] for host in HOSTS}) == 3


STUB = """#!/bin/sh
echo "$(basename "$0") $*" >> {log}
{does}
"""


def set_up(
    folder: Path, host: str, installed: bool = False, together: str = "echo [a,b]"
) -> tuple[int, list[str]]:
    """What setup.sh does on a machine where all programs only write down how they are called."""
    programs, log = folder / "programs", folder / "log"
    programs.mkdir(exist_ok=True)
    does = {"dpkg-query": f"exit {int(not installed)}", "rabbitmqctl": together}
    for name in ("apt-get", "dpkg-query", "install", "rabbitmqctl", "systemctl"):
        (programs / name).write_text(STUB.format(log=log, does=does.get(name, "")))
        (programs / name).chmod(0o755)
    log.write_text("")
    script = str(folder / host / "setup.sh")
    environment = {"PATH": f"{programs}:/usr/bin:/bin"}
    done = subprocess.run(["sh", script], env=environment, capture_output=True, check=False)
    return done.returncode, log.read_text().splitlines()


def test_the_script_puts_each_file_in_its_place_and_then_starts_the_node(tmp_path: Path) -> None:
    rabbitmq_nodes.make(tmp_path, HOSTS, 8883)
    assert set_up(tmp_path, "b.gym") == (
        0,
        [
            "dpkg-query -W rabbitmq-server",
            "install -d -m 755 /etc/rabbitmq/rearguard",
            "apt-get update",
            "apt-get install --yes --no-install-recommends --no-upgrade rabbitmq-server",
            "systemctl stop rabbitmq-server",
            "install -m 640 -g rabbitmq -t /etc/rabbitmq/rearguard ca.crt broker.crt broker.key",
            "install -m 644 -t /etc/rabbitmq rabbitmq.conf rabbitmq-env.conf enabled_plugins",
            "install -m 400 -o rabbitmq -g rabbitmq cookie /var/lib/rabbitmq/.erlang.cookie",
            "systemctl enable --quiet rabbitmq-server",
            "systemctl start rabbitmq-server",
            "rabbitmqctl -s eval rabbit_mnesia:cluster_nodes(running).",
        ],
    )


@pytest.mark.parametrize(
    ("host", "installed", "together", "status"),
    [
        ("a.gym", False, "echo [a]", 0),  # the first is alone at first
        ("b.gym", False, "echo [b]", 1),  # a cluster of its own
        ("b.gym", False, "exit 69", 69),
        ("a.gym", True, "echo [a]", 1),  # somebody else's
    ],
)
def test_the_script_says_when_it_has_not_come_to_a_node_of_the_cluster(
    tmp_path: Path, host: str, installed: bool, together: str, status: int
) -> None:
    rabbitmq_nodes.make(tmp_path, HOSTS, 8883)
    found, calls = set_up(tmp_path, host, installed, together)
    assert found == status
    assert any("systemctl" in call for call in calls) != installed


def test_a_second_run_changes_nothing_and_one_that_was_interrupted_is_ended(tmp_path: Path) -> None:
    rabbitmq_nodes.make(tmp_path, HOSTS, 8883)
    before = files(tmp_path)
    assert rabbitmq_nodes.lacking(tmp_path, HOSTS, 8883) == []
    rabbitmq_nodes.make(tmp_path, HOSTS, 8883)
    assert files(tmp_path) == before
    for name in ("setup.sh", "cookie"):
        (tmp_path / "b.gym" / name).unlink()
    assert rabbitmq_nodes.lacking(tmp_path, HOSTS, 8883) == ["b.gym"]
    rabbitmq_nodes.make(tmp_path, HOSTS, 8883)
    assert files(tmp_path) == before


def test_another_node_is_said_to_all_and_keys_stay(tmp_path: Path) -> None:
    rabbitmq_nodes.make(tmp_path, HOSTS, 8883)
    before = files(tmp_path)
    more = [*HOSTS, "d.gym", "e.gym"]
    assert rabbitmq_nodes.lacking(tmp_path, more, 8883) == more
    rabbitmq_nodes.make(tmp_path, more, 8883)
    after = files(tmp_path)
    assert {name for name in before if after[name] != before[name]} == {f"{h}/rabbitmq.conf" for h in HOSTS}


def test_another_authority_signs_anew_and_a_lost_key_is_asked_for(tmp_path: Path) -> None:
    rabbitmq_nodes.make(tmp_path, ["a.gym"], 8883)
    (tmp_path / "ca.key").unlink()
    (tmp_path / "a.gym/setup.sh").unlink()
    before = files(tmp_path)
    with pytest.raises(NodesError, match=r"ca\.key is missing: bring it back, or remove .*ca\.crt"):
        rabbitmq_nodes.make(tmp_path, ["a.gym"], 8883)
    assert files(tmp_path) == before
    (tmp_path / "ca.crt").unlink()
    rabbitmq_nodes.make(tmp_path, ["a.gym"], 8883)
    assert certificates.signed(tmp_path / "a.gym/broker.crt", tmp_path / "ca.crt")
    assert (tmp_path / "a.gym/ca.crt").read_text() == (tmp_path / "ca.crt").read_text()
    (tmp_path / "cookie").unlink()
    with pytest.raises(NodesError, match="cookie is missing: bring it back"):
        rabbitmq_nodes.make(tmp_path, ["a.gym"], 8883)


@pytest.mark.parametrize("name", ["broker.key", "broker.crt", "ca.crt", "cookie", "rabbitmq.conf"])
def test_what_is_missing_in_a_node_s_folder_is_noticed_and_made_to_fit(tmp_path: Path, name: str) -> None:
    rabbitmq_nodes.make(tmp_path, HOSTS, 8883)
    (tmp_path / "b.gym" / name).unlink()
    assert rabbitmq_nodes.lacking(tmp_path, HOSTS, 8883) == ["b.gym"]
    rabbitmq_nodes.make(tmp_path, HOSTS, 8883)
    assert rabbitmq_nodes.lacking(tmp_path, HOSTS, 8883) == []
    own = tmp_path / "b.gym"
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(own / "broker.crt", own / "broker.key")


def test_a_new_authority_is_every_node_s(tmp_path: Path) -> None:
    rabbitmq_nodes.make(tmp_path, HOSTS, 8883)
    for name in ("ca.key", "ca.crt"):
        (tmp_path / name).unlink()
    assert rabbitmq_nodes.lacking(tmp_path, HOSTS, 8883) == HOSTS
    rabbitmq_nodes.make(tmp_path, HOSTS, 8883)
    assert all(certificates.signed(tmp_path / h / "broker.crt", tmp_path / "ca.crt") for h in HOSTS)


@pytest.mark.parametrize(
    ("hosts", "words"),
    [
        (["a.gym", "b", "c"], "expected hosts with a domain each, or none with one, found a.gym,b,c"),
        (["fe80::1"], "fe80::1 is an IPv6 address"),
        (["../etc"], "'../etc' is neither a host's name nor an address"),
        (["a.gym", ""], "'' is neither a host's name nor an address"),
        (["a.gym", "A.gym", "b.gym"], "expected each host once, found a.gym,A.gym,b.gym"),
        (["a.gym", "b.gym"], "expected three nodes, or another odd number, found a.gym,b.gym"),
    ],
)
def test_hosts_that_cannot_be_nodes_are_refused_before_anything_is_written(
    tmp_path: Path, hosts: list[str], words: str
) -> None:
    for act in (rabbitmq_nodes.lacking, rabbitmq_nodes.make):
        with pytest.raises(RearguardError, match=re.escape(words)):
            act(tmp_path, hosts, 8883)
    assert not files(tmp_path)
