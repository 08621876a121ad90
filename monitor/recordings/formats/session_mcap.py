"""A session as an MCAP file, which Foxglove and PlotJuggler open: JSON with a schema on each channel.

https://mcap.dev/spec: times are nanoseconds since 1970. ``/imu`` has a message per sample, ``/blocks`` one
per block, so that gaps and faults are kept; ``/steps`` and a channel for each kind of row hold the rest.
"""

import json
import sys
from collections.abc import Iterator
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Any

from monitor.core.vocabulary import RearguardError
from monitor.recordings.formats.excerpt import WHAT, Excerpt, Row, step_values

Message = tuple[int, str, dict[str, Any]]
"""Microseconds since 1970, topic, what is said."""

NUMBER, WHOLE, TEXT = {"type": "number"}, {"type": "integer"}, {"type": "string"}
NUMBER_OR_NULL = {"type": ["number", "null"]}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


VECTOR = _object(x=NUMBER, y=NUMBER, z=NUMBER)
ROW = _object(
    time_s=NUMBER, kind=TEXT, incident=TEXT, stage=TEXT, who=TEXT, reason=TEXT, details={"type": "object"}
)
SCHEMAS = {
    "/imu": _object(time_s=NUMBER, accel_g=VECTOR, gyro_dps=VECTOR),
    "/blocks": _object(end_s=NUMBER, samples=WHOLE, lost=WHOLE, fault=TEXT, chip=TEXT, mounting=TEXT),
    "/steps": _object(
        time_s=NUMBER,
        contact_s=NUMBER,
        direction=TEXT,
        direction_score=NUMBER,
        step_s=NUMBER_OR_NULL,
        cadence_spm=NUMBER_OR_NULL,
        sway_percent=NUMBER_OR_NULL,
        rhythm_percent=NUMBER_OR_NULL,
    ),
    **{f"/{what}s": ROW for what in WHAT},
}
"""What is said on each topic; times are the session's own, the messages' those of the wall clock."""


class McapError(RearguardError):
    """The library that writes MCAP is not installed."""


def write(path: Path, excerpt: Excerpt) -> None:
    """The session in order of time. Raises McapError, OSError."""
    try:
        from mcap.writer import Writer
    except ImportError as error:
        raise McapError(
            f"{path}: MCAP needs a library that is not installed: {sys.executable} -m pip install "
            "'rearguard[mcap]'"
        ) from error
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start(profile="", library="rearguard")
        channels = {
            topic: writer.register_channel(
                topic,
                "json",
                writer.register_schema(
                    f"rearguard.{topic.strip('/')}", "jsonschema", json.dumps(schema).encode()
                ),
            )
            for topic, schema in SCHEMAS.items()
        }
        session = excerpt.session
        writer.add_metadata(
            "session",
            {
                "number": str(session.number),
                "device": session.device,
                "boot": session.boot,
                "version": session.version,
                "utc_offset_s": repr(session.utc_offset_s),
                "settings_hash": session.settings_hash,
                "settings": session.settings,
            },
        )
        parts = (_imu(excerpt), _blocks(excerpt), _steps(excerpt), _rows(excerpt))
        for number, (utc_us, topic, said) in enumerate(merge(*parts, key=itemgetter(0))):
            data = json.dumps(said, separators=(",", ":")).encode()
            writer.add_message(channels[topic], utc_us * 1000, data, utc_us * 1000, number)
        writer.finish()


def _imu(excerpt: Excerpt) -> Iterator[Message]:
    for _form, block in excerpt.samples():
        for time_s, accel_g, gyro_dps in zip(
            block.time_s.tolist(), block.accel_g.tolist(), block.gyro_dps.tolist(), strict=True
        ):
            said = {"time_s": time_s, "accel_g": _vector(accel_g), "gyro_dps": _vector(gyro_dps)}
            yield excerpt.utc_us(time_s), "/imu", said


def _blocks(excerpt: Excerpt) -> Iterator[Message]:
    for form, block in excerpt.samples():
        said = {
            "end_s": block.end_s,
            "samples": len(block.time_s),
            "lost": block.lost,
            "fault": block.fault,
            "chip": form.chip,
            "mounting": form.mounting,
        }
        yield excerpt.utc_us(block.end_s), "/blocks", said


def _steps(excerpt: Excerpt) -> Iterator[Message]:
    for step in sorted(excerpt.steps(), key=lambda step: step.time_s):
        yield excerpt.utc_us(step.time_s), "/steps", {"time_s": step.time_s, **step_values(step)}


def _rows(excerpt: Excerpt) -> Iterator[Message]:
    for row in excerpt.rows():
        yield excerpt.utc_us(row.time_s), f"/{row.what}s", _said(row)


def _said(row: Row) -> dict[str, Any]:
    return {
        "time_s": row.time_s,
        "kind": row.kind,
        "incident": row.incident,
        "stage": row.stage,
        "who": row.who,
        "reason": row.reason,
        "details": row.details,
    }


def _vector(values: list[float]) -> dict[str, float]:
    return dict(zip("xyz", values, strict=True))
