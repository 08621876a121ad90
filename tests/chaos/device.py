"""The walker's side: the real safety process, restarted at will; it prints what lamp and buzzer do."""

import contextlib
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from monitor.recordings import corpus, simulated_walker
from monitor.recordings.simulated_walker import Move

CYCLE = [
    (0.5, Move.STAND),
    (2.0, Move.BACKWARD),
    (2.5, Move.FALL_BACKWARD),
    (2.0, Move.LIE),
    (2.0, Move.GET_UP),
]
CYCLES = 80


class Device:
    """``lamp`` is what it shows now, ``said`` every line that was printed, and when."""

    def __init__(self, folder: Path, port: int, mutant: str, seed: int) -> None:
        self.folder = folder
        self._mutant = mutant
        self._recording = folder / "walker.npz"
        motion = simulated_walker.walk(CYCLE * CYCLES, 100.0, seed=seed)
        corpus.save(self._recording, [motion.trial("falls")])
        self._config = folder / "config.yaml"
        self._config.write_text(f"mqtt: {{host: 127.0.0.1, port: {port}, keepalive_s: 2}}\n")
        self._process: subprocess.Popen[str] | None = None
        self.lamp = ""
        self.said: list[tuple[float, str]] = []
        self.restarts = 0
        self.unplugged = False
        self.full = False
        self.cpu_s = self.lived_s = 0.0
        self.memory_mb: list[float] = []

    def start(self) -> None:
        self.lamp = ""
        self.unplugged = False
        words = ["run", "--simulate", str(self._recording), "--config", str(self._config)]
        self._began_s = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.patched", str(self.folder), self._mutant, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "STATE_DIRECTORY": str(self.folder)},
        )
        if self.full:
            self.fill(True)
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                now_s = time.monotonic()
                self.said.append((now_s, line.rstrip()))
                if found := re.search(r"lamp: (.*) \|", line):
                    self.lamp = found[1]

    def first_said(self, words: str, since_s: float) -> float | None:
        """Seconds from ``since_s`` until it printed so."""
        return next(
            (at_s - since_s for at_s, line in list(self.said) if at_s >= since_s and words in line), None
        )

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def send(self, number: int) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def end(self, number: int = signal.SIGKILL) -> None:
        """Ended by this signal, or already; its figures are kept."""
        if self._process is None:
            return
        self.look()
        self.send(signal.SIGCONT)
        self.send(number)
        try:
            self._process.wait(10.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.lived_s += time.monotonic() - self._began_s
        self._process = None

    def look(self) -> None:
        """How much processor and memory it has used."""
        assert self._process is not None
        with contextlib.suppress(OSError, IndexError, ValueError):
            stat = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            self.cpu_s += (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
            pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
            self.memory_mb.append(pages * resource.getpagesize() / 1e6)

    def unplug(self) -> None:
        """The sensor's cable out, or in again."""
        self.unplugged = not self.unplugged
        self.send(signal.SIGUSR1)

    def fill(self, full: bool) -> None:
        """The file system takes no further byte, or takes them again."""
        self.full = full
        assert self._process is not None
        limit = 1 if full else resource.RLIM_INFINITY
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
