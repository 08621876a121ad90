"""An MQTT broker for the demo and for machines without one: amqtt, in its own process, on loopback only.

Not for real walks: it keeps nothing on disk and lets everybody in (systemd/mosquitto.conf does neither).
"""

import asyncio
import ctypes
import logging
import os
import select
import signal
import socket
import subprocess
import sys
from typing import Any, Self

PROTOCOL = 4
"""It knows MQTT 3.1.1 only, and says nothing to who speaks another."""

START_S = 10.0
READY = "ready"
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class EmbeddedBroker:
    """``with EmbeddedBroker() as broker:`` and clients find it at 127.0.0.1:``broker.port``.

    ``port`` 0 chooses a free one. Raises RuntimeError if it does not come up, with what to do.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port or _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when it accepts connections. It ends with the thread that called this, at the latest."""
        process = self._process = subprocess.Popen(
            [sys.executable, "-m", "monitor.delivery.embedded_broker", str(self.port), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the foreground; we end the broker last
        )
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], START_S)
        words = process.stdout.readline().decode(errors="replace").strip() if ready else "it does not answer"
        if words != READY:
            self.stop()
            raise RuntimeError(f"the embedded broker does not start on port {self.port}: {words}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(3.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:  # Ctrl-C while it comes up
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with(parent: int) -> None:
    """Have the kernel end us when our parent does, however it dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("the parent is already gone")


async def _serve(port: int) -> None:
    try:
        from amqtt.broker import Broker
    except ImportError:
        sys.exit("amqtt is not installed: pip install 'rearguard[broker]', or use Mosquitto")
    config: dict[str, Any] = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    broker = Broker(config)
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    try:
        await broker.start()
    except Exception as error:  # noqa: BLE001  the parent reports whatever keeps it from starting
        sys.exit(str(error))
    print(READY, flush=True)
    await end.wait()
    await broker.shutdown()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    _die_with(int(sys.argv[2]))
    asyncio.run(_serve(int(sys.argv[1])))
