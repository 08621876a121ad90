"""What each node of a RabbitMQ cluster needs: its settings, its certificate, and a script that sets it up.

Everything is made once, in one folder with the authority's key and the nodes' shared secret; a further run
makes what is missing, and writes anew what follows from the nodes' names.
"""

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from monitor.core.vocabulary import RearguardError
from monitor.delivery import certificates, owned_files

NODE = "rearguard@{host}"
"""Not the package's own `rabbit`: that has made a cluster of itself when it was installed."""

SETTINGS = """\
# Nobody without an account.
mqtt.allow_anonymous = false
# What waits in a session is kept by all nodes. To be so before the first client connects.
mqtt.durable_queue_type = quorum
cluster_formation.peer_discovery_backend = classic_config
{peers}
# A node that sees no other stops serving, rather than lead a life of its own.
cluster_partition_handling = pause_minority
# A silent node is given up after 5 s at the latest; by default after 75, and so long publishers wait for it.
net_ticktime = 4
"""

LISTENERS = """\
# Written by `rearguard pair --roster` for {host}, as /etc/rabbitmq/rabbitmq.conf. Tried with RabbitMQ 3.10.8.
listeners.tcp = none
mqtt.listeners.tcp = none
mqtt.listeners.ssl.default = {port}
ssl_options.certfile = /etc/rabbitmq/rearguard/broker.crt
ssl_options.keyfile = /etc/rabbitmq/rearguard/broker.key
ssl_options.cacertfile = /etc/rabbitmq/rearguard/ca.crt
ssl_options.versions.1 = tlsv1.3
ssl_options.versions.2 = tlsv1.2
# Accounts have passwords, not certificates.
ssl_options.verify = verify_none
ssl_options.fail_if_no_peer_cert = false
"""

ENVIRONMENT = """\
# Written by `rearguard pair --roster`, as /etc/rabbitmq/rabbitmq-env.conf.
NODENAME={node}
USE_LONGNAME={long}
# rabbitmqctl too is given up by a node that it says nothing to for net_ticktime.
CTL_ERL_ARGS="-kernel net_ticktime 4"
"""

SCRIPT = """\
#!/bin/sh
# Written by `rearguard pair --roster`: run it as root on {host}, with the files beside it. The first time on
# one machine after the other: of two nodes that begin together each may make a cluster of its own. Run again,
# it restarts the node.
set -eu
cd "$(dirname "$0")"
if [ ! -d /etc/rabbitmq/rearguard ] && dpkg-query -W rabbitmq-server > /dev/null 2>&1; then
    echo "here is another RabbitMQ: expected a machine without the package rabbitmq-server" >&2
    exit 1
fi
install -d -m 755 /etc/rabbitmq/rearguard
apt-get update
apt-get install --yes --no-install-recommends --no-upgrade rabbitmq-server
systemctl stop rabbitmq-server
install -m 640 -g rabbitmq -t /etc/rabbitmq/rearguard ca.crt broker.crt broker.key
install -m 644 -t /etc/rabbitmq rabbitmq.conf rabbitmq-env.conf enabled_plugins
install -m 400 -o rabbitmq -g rabbitmq cookie /var/lib/rabbitmq/.erlang.cookie
systemctl enable --quiet rabbitmq-server
systemctl start rabbitmq-server # is over when the node serves
together=$(rabbitmqctl -s eval 'rabbit_mnesia:cluster_nodes(running).')
echo "Nodes that serve together: $together"
"""

NOT_ALONE = """\
case "$together" in *,*) ;; *)
    echo "expected those before this one too: do they find each other by name, at 4369 and 25672?" >&2
    echo "then: systemctl stop rabbitmq-server; rm -r /var/lib/rabbitmq/mnesia; and this script again" >&2
    exit 1 ;;
esac
"""

COMMON = ("ca.crt", "cookie")
"""What each node has a copy of."""


class NodesError(RearguardError):
    """Hosts that cannot be the nodes of one cluster: what was expected, what was found."""


def settings(nodes: Sequence[str]) -> str:
    """What all these nodes have in common in rabbitmq.conf."""
    peers = "\n".join(
        f"cluster_formation.classic_config.nodes.{number} = {node}" for number, node in enumerate(nodes, 1)
    )
    return SETTINGS.format(peers=peers)


def lacking(folder: Path, hosts: Sequence[str], port: int) -> list[str]:
    """The hosts whose folder in ``folder`` is not there, or not as it should be.

    Raises NodesError, CertificateError and OSError.
    """
    _check(hosts)
    authority = folder / "ca.crt"
    found = []
    for host in hosts:
        own = folder / host
        texts = [*_texts(folder, hosts, host, port)]
        texts += [(own / name, _read(folder / name) or "missing") for name in COMMON]
        signed = (own / "broker.key").exists() and (own / "broker.crt").exists() and authority.exists()
        signed = signed and certificates.signed(own / "broker.crt", authority)
        if not signed or any(_read(path) != text for path, text in texts):
            found.append(host)
    return found


def make(folder: Path, hosts: Sequence[str], port: int) -> None:
    """Make what is missing of each host's folder. Raises NodesError, CertificateError and OSError."""
    own_key, authority, cookie = folder / "ca.key", folder / "ca.crt", folder / "cookie"
    for host in lacking(folder, hosts, port):
        if not own_key.exists():
            if authority.exists():
                raise NodesError(f"{own_key} is missing: bring it back, or remove {authority} for a new one")
            owned_files.write_private(own_key, certificates.key())
        if not authority.exists():
            owned_files.write_private(authority, certificates.authority(own_key))
        if not cookie.exists():
            if any((folder / one / cookie.name).exists() for one in hosts):
                raise NodesError(f"{cookie} is missing: bring it back, it is in the nodes' folders too")
            owned_files.write_private(cookie, secrets.token_hex(32))
        own = folder / host
        owned_files.make_private_folder(own)
        key, certificate = own / "broker.key", own / "broker.crt"
        if not key.exists():
            certificate.unlink(missing_ok=True)
            owned_files.write_private(key, certificates.key())
        if not certificate.exists() or not certificates.signed(certificate, authority):
            signed = certificates.server(key, [host], authority, own_key)
            owned_files.write_private(certificate, signed)
        for name in COMMON:
            owned_files.write_private(own / name, _read(folder / name))
        # The script comes last: where it is, the rest is.
        for path, text in _texts(folder, hosts, host, port):
            owned_files.write_private(path, text)


def _check(hosts: Sequence[str]) -> None:
    for host in hosts:
        certificates.spelled(host)
        if ":" in host:
            raise NodesError(f"{host} is an IPv6 address: expected a name, or an IPv4 address")
    said = f"found {','.join(hosts)}"
    if len({"." in host for host in hosts}) > 1:
        raise NodesError(f"expected hosts with a domain each, or none with one, {said}")
    if len({certificates.spelled(host) for host in hosts}) < len(hosts):
        raise NodesError(f"expected each host once, {said}")
    if len(hosts) % 2 == 0:
        raise NodesError(f"expected three nodes, or another odd number, {said}: half of them serve nobody")


def _texts(folder: Path, hosts: Sequence[str], host: str, port: int) -> Iterator[tuple[Path, str]]:
    """A node's files that follow from the names alone."""
    own = folder / host
    nodes = [NODE.format(host=one) for one in sorted(hosts)]
    yield own / "rabbitmq.conf", LISTENERS.format(host=host, port=port) + settings(nodes)
    long = str("." in host).lower()
    yield own / "rabbitmq-env.conf", ENVIRONMENT.format(node=NODE.format(host=host), long=long)
    yield own / "enabled_plugins", "[rabbitmq_mqtt].\n"
    first = host == hosts[0]
    yield own / "setup.sh", SCRIPT.format(host=host) + ("" if first else NOT_ALONE)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
