"""The spotter's screen: lines above, on a terminal one status line below; plain text elsewhere."""

import os
import textwrap
import time
from typing import TextIO

from monitor.spotter.incident import Notice, Tone

MARKS = {Tone.RING: "!!", Tone.WARN: "!!", Tone.CALM: "ok", Tone.NOTE: "--"}
COLOURS = {Tone.RING: "\x1b[1;31m", Tone.WARN: "\x1b[1;31m", Tone.CALM: "\x1b[32m", Tone.NOTE: "\x1b[33m"}
INDENT = " " * 12  # below the text, behind clock and mark
USUAL_COLUMNS = 80


class Screen:
    """Red for what must be seen, green only for what is good, yellow for the rest."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty()
        self._colour = self._live and "NO_COLOR" not in os.environ
        self._status = ""

    def line(self, text: str, mark: str = "  ", tone: Tone | None = None) -> None:
        """A line with the time of day, wrapped between words."""
        text = f"{time.strftime('%H:%M:%S')} {mark} {text}"
        if self._live:
            lines = textwrap.wrap(text, self._columns, subsequent_indent=INDENT, drop_whitespace=True)
            text = "\n".join(lines)
        self._write(f"{self._clear}{self._coloured(text, tone)}\n")

    def notice(self, notice: Notice) -> None:
        """The notice, with a bell if it rings."""
        text = notice.text
        if notice.incident is not None and notice.age_s < 1.0:
            text += f" [{notice.age_s * 1000:.0f} ms after the event]"
        if self._live and notice.tone is Tone.RING:
            self._write("\a")
        self.line(text, MARKS[notice.tone], notice.tone)

    def status(self, text: str, tone: Tone) -> None:
        """The line below; never longer than the terminal is wide, else it would stay behind."""
        text = self._coloured(text[: self._columns - 1], tone)
        if self._live and text != self._status:
            self._write(f"{self._clear}{text}")
            self._status = text

    def end(self) -> None:
        """Take the status line away."""
        self._write(self._clear)

    @property
    def _clear(self) -> str:
        return "\r\x1b[K" if self._live else ""

    @property
    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._out.fileno()).columns or USUAL_COLUMNS
        except (OSError, ValueError):  # text that takes itself for a terminal
            return USUAL_COLUMNS

    def _coloured(self, text: str, tone: Tone | None) -> str:
        return f"{COLOURS[tone]}{text}\x1b[0m" if self._colour and tone is not None else text

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
        self._status = ""
