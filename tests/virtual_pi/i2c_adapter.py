"""The far end of the guest's I2C bus: QEMU's vhost-user-i2c on one side, a simulated bus on the other.

vhost-user (QEMU, docs/interop/vhost-user.rst) hands over the guest's memory and the place of a virtqueue
(virtio 1.2, section 2.7, with indirect descriptors and event index); in it lie requests for an I2C adapter
(section 5.20): 16 bits of address, a flag for reading, one that says that more of the same transfer follows.
"""

import errno
import mmap
import os
import select
import socket
import struct
import threading
import time
from pathlib import Path
from typing import NamedTuple

from smbus2 import i2c_msg

from firmware.simulated import SimulatedBus

VERSION_1, PROTOCOL_FEATURES, ZERO_LENGTH = 1 << 32, 1 << 30, 1 << 0
REPLY_ACK = 1 << 3
GET_FEATURES, SET_MEMORY, SET_RING_SIZE, SET_RING_PLACE, SET_RING_BASE, GET_RING_BASE = 1, 5, 8, 9, 10, 11
SET_KICK, SET_CALL, SET_ERROR, GET_PROTOCOL_FEATURES, ENABLE_RING = 12, 13, 14, 15, 18
ANSWERED = (GET_FEATURES, GET_RING_BASE, GET_PROTOCOL_FEATURES)
IS_REPLY, WANTS_REPLY = 0x5, 0x8
NEXT, INDIRECT = 1, 4
MORE_FOLLOW, READ = 1, 2

HELD_S = 0.1
"""How long the Pi's driver waits for a held bus, with the time limit that Rearguard sets."""

LOOK_S = 0.05
"""A kick that was missed is found so soon. It must not happen: it is counted."""


class Region(NamedTuple):
    guest: int
    size: int
    user: int
    memory: mmap.mmap
    offset: int


class Place(NamedTuple):
    memory: mmap.mmap
    at: int


class Buffer(NamedTuple):
    address: int
    length: int


class Adapter(threading.Thread):
    """Serves one QEMU after the other at the socket ``path``. Take ``lock`` before touching ``bus``."""

    def __init__(self, path: Path, bus: SimulatedBus) -> None:
        super().__init__(name="i2c adapter", daemon=True)
        self.bus = bus
        self.lock = threading.Lock()
        self.missed_kicks = 0
        self._listener = socket.socket(socket.AF_UNIX)
        path.unlink(missing_ok=True)
        self._listener.bind(str(path))
        self._listener.listen()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            with connection:
                _Connection(connection, self).serve()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.join()


class _Connection:
    def __init__(self, connection: socket.socket, adapter: Adapter) -> None:
        self._socket = connection
        self._adapter = adapter
        self._regions: list[Region] = []
        self._ring: tuple[Place, Place, Place] | None = None
        self._size = 0
        self._seen = 0  # of the available ring, as far as it was read
        self._kick: int | None = None
        self._call: int | None = None
        self._enabled = True
        self._transfer: list[tuple[int, list[Buffer], i2c_msg]] = []  # of which more is to follow

    def serve(self) -> None:
        while True:
            kick = self._kick if self._ring is not None and self._enabled else None
            waited = [self._socket.fileno(), *([] if kick is None else [kick])]
            found, _, _ = select.select(waited, [], [], LOOK_S)
            if waited[0] in found:
                if not self._command():
                    return
            elif kick is not None and found:
                os.read(kick, 8)
                self._work()
            elif kick is not None and self._available() != self._seen and not _comes(kick):
                self._adapter.missed_kicks += 1
                self._work()

    # ---- QEMU's commands

    def _command(self) -> bool:
        try:
            header, files, _, _ = socket.recv_fds(self._socket, 12, 8)
        except OSError:  # QEMU was killed
            return False
        if len(header) < 12:
            return False
        request, flags, size = struct.unpack("<III", header)
        payload = b""
        while len(payload) < size:
            more, more_files, _, _ = socket.recv_fds(self._socket, size - len(payload), 8)
            if not more:
                return False
            payload += more
            files += more_files
        self._obey(request, payload, files)
        if flags & WANTS_REPLY and request not in ANSWERED:
            self._answer(request, struct.pack("<Q", 0))
        return True

    def _obey(self, request: int, payload: bytes, files: list[int]) -> None:
        if request == GET_FEATURES:
            self._answer(request, struct.pack("<Q", VERSION_1 | PROTOCOL_FEATURES | ZERO_LENGTH))
        elif request == GET_PROTOCOL_FEATURES:
            self._answer(request, struct.pack("<Q", REPLY_ACK))
        elif request == SET_MEMORY:
            self._regions = []
            for index, file in enumerate(files):
                guest, size, user, offset = struct.unpack_from("<4Q", payload, 8 + 32 * index)
                self._regions.append(Region(guest, size, user, mmap.mmap(file, size + offset), offset))
                os.close(file)
        elif request == SET_RING_SIZE:
            self._size = struct.unpack("<II", payload)[1]
        elif request == SET_RING_PLACE:
            _, _, descriptors, used, available, _ = struct.unpack("<IIQQQQ", payload)
            self._ring = (self._of_user(descriptors), self._of_user(used), self._of_user(available))
        elif request == SET_RING_BASE:
            self._seen = struct.unpack("<II", payload)[1] & 0xFFFF
        elif request == GET_RING_BASE:  # the ring stops
            self._answer(request, struct.pack("<II", 0, self._seen))
            self._kick = None
        elif request == SET_KICK:
            self._kick = files[0] if files else None
        elif request == SET_CALL:
            self._call = files[0] if files else None
        elif request == SET_ERROR:
            for file in files:
                os.close(file)
        elif request == ENABLE_RING:
            self._enabled = bool(struct.unpack("<II", payload)[1])

    def _answer(self, request: int, payload: bytes) -> None:
        self._socket.sendall(struct.pack("<III", request, IS_REPLY, len(payload)) + payload)

    def _of_user(self, address: int) -> Place:
        for region in self._regions:
            if region.user <= address < region.user + region.size:
                return Place(region.memory, address - region.user + region.offset)
        raise ValueError(f"no memory at {address:#x} of QEMU")

    def _of_guest(self, address: int) -> Place:
        for region in self._regions:
            if region.guest <= address < region.guest + region.size:
                return Place(region.memory, address - region.guest + region.offset)
        raise ValueError(f"no memory at {address:#x} of the guest")

    # ---- the ring. Native 16-bit formats: those with an explicit byte order read byte by byte.

    def _available(self) -> int:
        assert self._ring is not None
        place = self._ring[2]
        return int(struct.unpack_from("H", place.memory, place.at + 2)[0])

    def _work(self) -> None:
        assert self._call is not None
        with self._adapter.lock:
            while chains := self._take():
                for head, buffers in chains:
                    self._request(head, buffers)
                os.write(self._call, struct.pack("<Q", 1))

    def _take(self) -> list[tuple[int, list[Buffer]]]:
        """The chains that have become available, and the place from which on a kick is wanted."""
        assert self._ring is not None
        descriptors, used, available = self._ring
        until = self._available()
        chains = []
        while self._seen != until:
            at = available.at + 4 + 2 * (self._seen % self._size)
            head = int(struct.unpack_from("H", available.memory, at)[0])
            self._seen = (self._seen + 1) & 0xFFFF
            chains.append((head, self._chain(descriptors, head)))
        struct.pack_into("H", used.memory, used.at + 4 + 8 * self._size, self._seen)
        return chains

    def _chain(self, table: Place, index: int) -> list[Buffer]:
        buffers = []
        while True:
            address, length, flags, following = struct.unpack_from(
                "<QIHH", table.memory, table.at + 16 * index
            )
            if flags & INDIRECT:
                table, index = self._of_guest(address), 0
                continue
            buffers.append(Buffer(address, length))
            if not flags & NEXT:
                return buffers
            index = following

    def _request(self, head: int, buffers: list[Buffer]) -> None:
        """One message; with the last one of a transfer the whole transfer is done."""
        header = self._of_guest(buffers[0].address)
        address, _, flags = struct.unpack_from("<HHI", header.memory, header.at)
        data = buffers[1] if len(buffers) > 2 else None
        if flags & READ:
            message = i2c_msg.read(address >> 1, data.length if data else 0)
        else:
            place = self._of_guest(data.address) if data else None
            written = place.memory[place.at : place.at + data.length] if place and data else b""
            message = i2c_msg.write(address >> 1, written)
        self._transfer.append((head, buffers, message))
        if not flags & MORE_FOLLOW:
            self._do()

    def _do(self) -> None:
        status = 0
        try:
            self._adapter.bus.i2c_rdwr(*(message for _, _, message in self._transfer))
        except OSError as error:
            status = error.errno or errno.EIO
            if status == errno.ETIMEDOUT:
                time.sleep(HELD_S)
        done = []
        for head, buffers, message in self._transfer:
            written = 1
            if message.flags & 1 and len(buffers) > 2 and not status:
                data = bytes(message)
                place = self._of_guest(buffers[1].address)
                place.memory[place.at : place.at + len(data)] = data
                written += len(data)
            place = self._of_guest(buffers[-1].address)
            place.memory[place.at] = status
            done.append((head, written))
        self._transfer = []
        self._publish(done)

    def _publish(self, done: list[tuple[int, int]]) -> None:
        """All of a transfer at once: the guest frees what it sees."""
        assert self._ring is not None
        used = self._ring[1]
        index = int(struct.unpack_from("H", used.memory, used.at + 2)[0])
        for head, written in done:
            struct.pack_into("<II", used.memory, used.at + 4 + 8 * (index % self._size), head, written)
            index = (index + 1) & 0xFFFF
        struct.pack_into("H", used.memory, used.at + 2, index)


def _comes(kick: int) -> bool:
    """A request is seen before its kick arrives: only one that does not come is missed."""
    return bool(select.select([kick], [], [], LOOK_S)[0])
