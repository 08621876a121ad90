"""A network between two nodes that can be lost for a while: TCP brings later what was under way."""

import contextlib
import socket
import time

from tests.brokers import Proxy


class Wire(Proxy):
    """Forwards loopback TCP to ``target``; while ``silent`` nothing comes through, and nothing is lost."""

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                while self.silent:
                    time.sleep(0.02)
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
