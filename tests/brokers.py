"""A real Mosquitto on a free loopback port, and a proxy that can go silent without closing."""

import contextlib
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from monitor.delivery.mqtt import MqttSettings
from tests.pulse import PATIENCE_S

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def held_port() -> Iterator[int]:
    """A loopback port that nobody else is given meanwhile; a broker can listen there all the same."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


class Mosquitto:
    """Killed and restarted at will, always on the same port."""

    def __init__(self, folder: Path, config: str | None = None, port: int = 0) -> None:
        self._held = contextlib.ExitStack()
        self.port = port or self._held.enter_context(held_port())
        self.file = folder / f"mosquitto-{self.port}.conf"
        self.file.write_text(config or f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self.file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=0.2).close()
                return
            assert self._process.poll() is None, f"mosquitto refuses {self.file}"
            time.sleep(0.02)
        raise AssertionError("mosquitto does not listen")

    def reload(self) -> None:
        """Read passwords and rights anew."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        self.kill()
        self._held.close()

    def settings(self, device: str = "walker") -> MqttSettings:
        return MqttSettings(device=device, host="127.0.0.1", port=self.port)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Proxy:
    """Forwards loopback TCP to ``target``; while ``silent`` it swallows everything and closes nothing."""

    def __init__(self, target: int, port: int = 0, address: str = "127.0.0.1") -> None:
        self.target = target
        self._address = address
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = int(self._listener.getsockname()[1])
        self.silent = False
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection((self._address, self.target), timeout=PATIENCE_S)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open += [near, far]
            threading.Thread(target=self._pump, args=(near, far), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        swallowed = False
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                swallowed = swallowed or self.silent  # a stream with a hole is of no use afterwards
                if not swallowed:
                    sink.sendall(data)
        if not swallowed:
            for end in (source, sink):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for end in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
