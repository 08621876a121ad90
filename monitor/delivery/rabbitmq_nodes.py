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
"""

SCRIPT = """\
#!/bin/sh
# Written by `rearguard pair --roster`: run it as root on {host}, with the files beside it. The first time on
# one machine after the other: of two nodes that begin together each may make a cluster of its own. Run again,
# it restarts the node and changes nothing else.
set -eu
cd "$(dirname "$0")"
found=/etc/rabbitmq/rabbitmq.conf
if [ -e "$found" ] && ! grep -q '^# Written by .rearguard pair' "$found"; then
    echo "$found is not from rearguard pair --roster: expected a machine without RabbitMQ, or with ours" >&2
    exit 1
fi
apt-get install --yes --no-install-recommends rabbitmq-server
systemctl stop rabbitmq-server
install -d -m 755 /etc/rabbitmq/rearguard
install -m 640 -g rabbitmq -t /etc/rabbitmq/rearguard ca.crt broker.crt broker.key
install -m 644 -t /etc/rabbitmq rabbitmq.conf rabbitmq-env.conf enabled_plugins
install -m 400 -o rabbitmq -g rabbitmq cookie /var/lib/rabbitmq/.erlang.cookie
systemctl enable --quiet rabbitmq-server
systemctl start rabbitmq-server # is over when the node serves
echo "Nodes that serve together: $(rabbitmqctl -s eval 'rabbit_mnesia:cluster_nodes(running).')"
"""


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
    found = []
    for host in hosts:
        texts = _texts(folder, hosts, host, port)
        if not all(path.exists() and path.read_text(encoding="utf-8") == text for path, text in texts):
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
            owned_files.write_private(cookie, secrets.token_hex(32))
        own = folder / host
        owned_files.make_private_folder(own)
        key, certificate = own / "broker.key", own / "broker.crt"
        if not key.exists():
            owned_files.write_private(key, certificates.key())
        if not certificate.exists() or not certificates.signed(certificate, authority):
            signed = certificates.server(key, [host], authority, own_key)
            owned_files.write_private(certificate, signed)
        for copied in (authority, cookie):
            owned_files.write_private(own / copied.name, copied.read_text(encoding="utf-8"))
        # The script comes last: where it is, the rest is.
        for path, text in _texts(folder, hosts, host, port):
            owned_files.write_private(path, text)


def _check(hosts: Sequence[str]) -> None:
    for host in hosts:
        certificates.spelled(host)
        if ":" in host:
            raise NodesError(f"{host} is an IPv6 address: expected a name, or an IPv4 address")
    if len({"." in host for host in hosts}) > 1:
        raise NodesError(f"expected hosts with a domain each, or none with one, found {','.join(hosts)}")


def _texts(folder: Path, hosts: Sequence[str], host: str, port: int) -> Iterator[tuple[Path, str]]:
    """A node's files that follow from the names alone."""
    own = folder / host
    nodes = [NODE.format(host=one) for one in hosts]
    yield own / "rabbitmq.conf", LISTENERS.format(host=host, port=port) + settings(nodes)
    long = str("." in host).lower()
    yield own / "rabbitmq-env.conf", ENVIRONMENT.format(node=NODE.format(host=host), long=long)
    yield own / "enabled_plugins", "[rabbitmq_mqtt].\n"
    yield own / "setup.sh", SCRIPT.format(host=host)
